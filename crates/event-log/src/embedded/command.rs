//! What the writer thread is asked to do.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::chunk::Segment;
use super::directory::{Span, Topic};
use super::groups::MemberId;
use super::schema::PartitionId;
use crate::error::Error;
use crate::log::{Start, TopicSpec};

/// One request with the way back to whoever waits for it.
pub(crate) struct Command {
    pub(crate) work: Work,
    /// Answered once the effect is durable. That nobody waits any more is no reason not to do it.
    pub(crate) reply: oneshot::Sender<Result<Done, Error>>,
}

/// The request.
pub(crate) enum Work {
    Append {
        topic: Arc<Topic>,
        /// Encoded records by partition, in order within each.
        segments: Vec<(u32, Vec<Segment>)>,
        /// Bounds what waits in memory; given back when the command is done.
        _budget: OwnedSemaphorePermit,
    },
    CreateTopic {
        name: String,
        spec: TopicSpec,
    },
    /// Makes `group` known for the topics' partitions, so that retention waits for it.
    Subscribe {
        group: Arc<str>,
        topics: Vec<Arc<Topic>>,
        start: Start,
    },
    Commit {
        group: Arc<str>,
        member: MemberId,
        offsets: Vec<(Arc<Topic>, u32, u64)>,
    },
    ForgetGroup {
        group: String,
    },
    /// Drops what retention allows to drop.
    Expire,
    /// A durable write that changes nothing of value.
    Probe,
    /// Ends the thread after what came before.
    Close,
}

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Append: partition and offset of its first record there.
    pub(crate) bases: Vec<(u32, u64)>,
    /// Expire: records dropped. Forget: partitions that the group was known for.
    pub(crate) count: u64,
    /// Expire: whether there is more to drop than one transaction should.
    pub(crate) more: bool,
}

/// A change of the directory that a committed transaction brings.
pub(crate) enum Effect {
    Topic(Arc<Topic>),
    Retention(Arc<Topic>, u64),
    Span(Arc<Topic>, u32, Span),
    Committed(Arc<str>, PartitionId, u64),
    Forgotten(String),
    Expired(Arc<Topic>, u64),
}
