//! The commands that the writer thread carries out, and their results.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::chunk::EncodedRecords;
use super::groups::MemberId;
use super::metadata::{OffsetSpan, Topic};
use super::schema::PartitionId;
use crate::error::Error;
use crate::log::{Start, TopicSpec};

/// One operation and the channel for its result.
pub(crate) struct Command {
    pub(crate) operation: Operation,
    /// Receives the result once the effect is durable. The operation is carried out even if the
    /// receiver is gone.
    pub(crate) reply: oneshot::Sender<Result<Completion, Error>>,
}

/// Encoded records of one partition, in order.
pub(crate) struct PartitionRecords {
    pub(crate) partition: u32,
    /// Each part fits into one chunk.
    pub(crate) parts: Vec<EncodedRecords>,
}

/// The next offset that a group reads of a partition.
pub(crate) struct PartitionOffset {
    pub(crate) topic: Arc<Topic>,
    pub(crate) partition: u32,
    pub(crate) offset: u64,
}

/// The operation of a command.
pub(crate) enum Operation {
    Append {
        topic: Arc<Topic>,
        records: Vec<PartitionRecords>,
        /// Bounds the bytes that wait in memory; released when the command is done.
        _budget: OwnedSemaphorePermit,
    },
    CreateTopic {
        name: String,
        spec: TopicSpec,
    },
    /// Registers `group` for the topics' partitions, so that retention waits for it.
    Subscribe {
        group: Arc<str>,
        topics: Vec<Arc<Topic>>,
        start: Start,
    },
    Commit {
        group: Arc<str>,
        member: MemberId,
        offsets: Vec<PartitionOffset>,
    },
    ForgetGroup {
        group: String,
    },
    /// Drops the chunks that retention allows to drop.
    Expire,
    /// Writes the time of a health check durably.
    Probe,
    /// Ends the thread after the commands before this one.
    Close,
}

/// The result of a command.
#[derive(Debug, Default)]
pub(crate) struct Completion {
    /// Append: each partition with the offset of its first record.
    pub(crate) base_offsets: Vec<(u32, u64)>,
    /// Expire: records dropped. Forget: partitions for which the group was registered.
    pub(crate) count: u64,
    /// Expire: true if more chunks may be dropped than one transaction drops.
    pub(crate) more: bool,
}

/// A change of the metadata in memory, to be made after the transaction is committed.
pub(crate) enum Effect {
    Topic(Arc<Topic>),
    Retention(Arc<Topic>, u64),
    OffsetSpan(Arc<Topic>, u32, OffsetSpan),
    Committed(Arc<str>, PartitionId, u64),
    Forgotten(String),
    Expired(Arc<Topic>, u64),
}
