//! What can go wrong, said once for both implementations.

use std::path::PathBuf;
use std::sync::Arc;

/// Where an error came from: the client library's, the store's or the operating system's error.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Every error of this crate. One error may be told to many callers (a batch that failed as a
/// whole), so it can be cloned.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A name that neither implementation takes.
    #[error(
        "{what} {name:?} is not a valid name: use 1 to 249 of the characters a-z A-Z 0-9 . _ -, \
         but neither \".\" nor \"..\""
    )]
    InvalidName {
        /// `topic` or `consumer group`.
        what: &'static str,
        /// The name as given.
        name: String,
    },
    /// An option outside what is allowed.
    #[error("{option} is {value:?}: allowed is {allowed}")]
    InvalidOption {
        /// The option's name.
        option: String,
        /// Its value.
        value: String,
        /// What would be accepted.
        allowed: String,
    },
    /// No such topic.
    #[error("topic {topic:?} does not exist in {log}: create it first")]
    UnknownTopic {
        /// The topic.
        topic: String,
        /// Which log: the Kafka address or the file.
        log: String,
    },
    /// No such partition.
    #[error("topic {topic:?} has no partition {partition}: allowed is 0 to {last}")]
    UnknownPartition {
        /// The topic.
        topic: String,
        /// The partition asked for.
        partition: i32,
        /// The topic's highest partition.
        last: i32,
    },
    /// A topic exists with another number of partitions.
    #[error(
        "topic {topic:?} exists with {existing} partitions, not {requested}: keys would move to \
         other partitions, so the number cannot be changed here"
    )]
    PartitionCount {
        /// The topic.
        topic: String,
        /// What it has.
        existing: i32,
        /// What was asked for.
        requested: i32,
    },
    /// A record above the limit.
    #[error("a record for topic {topic:?} has {size} bytes: {limit} are allowed")]
    RecordTooLarge {
        /// The topic.
        topic: String,
        /// Key, payload and headers of the record (or of the batch that the broker refused).
        size: usize,
        /// The limit that it exceeds.
        limit: usize,
    },
    /// A header name that cannot travel.
    #[error(
        "a record for topic {topic:?} has a header named {name:?}: a name must not be empty nor \
         contain a zero byte"
    )]
    InvalidHeader {
        /// The topic.
        topic: String,
        /// The name.
        name: String,
    },
    /// A record time that a broker would refuse.
    #[error(
        "a record for topic {topic:?} is dated {timestamp_ms} ms since 1970: allowed is 1 to \
         {latest_ms}"
    )]
    InvalidTimestamp {
        /// The topic.
        topic: String,
        /// The record's time.
        timestamp_ms: i64,
        /// The latest that is taken now.
        latest_ms: i64,
    },
    /// An offset that the partition does not hold (any more, or yet).
    #[error("offset {offset} of {topic:?} partition {partition} is not there: {low} to {high} are")]
    OffsetOutOfRange {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset asked for.
        offset: i64,
        /// The oldest record kept.
        low: i64,
        /// The next offset to be written.
        high: i64,
    },
    /// The consumer does not own the partition (any more): its work on it is another's now.
    #[error("group {group:?}: this consumer does not own {topic:?} partition {partition}")]
    NotAssigned {
        /// The consumer group.
        group: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
    },
    /// The group moved on without this consumer: poll again to learn what it owns now.
    #[error("group {group:?} was rebalanced meanwhile ({cause}): poll, then go on")]
    GroupChanged {
        /// The consumer group.
        group: String,
        /// What the broker said.
        #[source]
        cause: Cause,
    },
    /// The group has members, so it cannot be forgotten.
    #[error("group {group:?} has members: close them first")]
    GroupInUse {
        /// The consumer group.
        group: String,
    },
    /// Records that the log did not take; any of the others may be in it.
    #[error("topic {topic:?}: {acknowledged} of {total} records were acknowledged, then: {cause}")]
    Append {
        /// The topic.
        topic: String,
        /// How many are safe.
        acknowledged: usize,
        /// How many were given.
        total: usize,
        /// What failed first.
        #[source]
        cause: Cause,
    },
    /// Kafka does not answer.
    #[error(
        "Kafka at {bootstrap} did not answer within {waited_ms} ms while {operation} ({cause}): \
         check that a broker runs there, that this machine reaches it, and that the broker's \
         advertised.listeners name an address that it can reach too"
    )]
    Unreachable {
        /// The bootstrap servers.
        bootstrap: String,
        /// How long was waited.
        waited_ms: u64,
        /// What was being done.
        operation: &'static str,
        /// What the client said.
        #[source]
        cause: Cause,
    },
    /// Kafka refused.
    #[error("Kafka at {bootstrap} failed while {operation}: {cause}")]
    Kafka {
        /// The bootstrap servers.
        bootstrap: String,
        /// What was being done.
        operation: &'static str,
        /// What the client said.
        #[source]
        cause: Cause,
    },
    /// Another process (or another log in this one) has the file.
    #[error(
        "{path} is in use by another process: stop it, or give this one another data folder",
        path = path.display()
    )]
    Locked {
        /// The log's file.
        path: PathBuf,
    },
    /// No room for more records. Nothing of the append was kept.
    #[error(
        "no space left for events in {folder} ({detail}): nothing of the append was kept; free \
         some space and try again",
        folder = folder.display()
    )]
    DiskFull {
        /// The data folder.
        folder: PathBuf,
        /// Free and needed bytes, or what the operating system said.
        detail: String,
    },
    /// The file system failed.
    #[error("{operation} failed in {folder}: {cause}", folder = folder.display())]
    Storage {
        /// The data folder.
        folder: PathBuf,
        /// What was being done.
        operation: &'static str,
        /// What the store or the operating system said.
        #[source]
        cause: Cause,
    },
    /// The file is damaged, or is not one of ours.
    #[error(
        "{path} cannot be read as an event log ({detail}): restore it from a copy, or move it \
         away to begin an empty one",
        path = path.display()
    )]
    Corrupt {
        /// The log's file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The log or the consumer was closed.
    #[error("the event log is closed")]
    Closed,
}

impl Error {
    /// Whether the same call may succeed later without anyone changing the request: the broker
    /// was away, the disk was full, the group was rebalancing.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::GroupChanged { .. }
            | Self::Append { .. }
            | Self::Unreachable { .. }
            | Self::DiskFull { .. }
            | Self::Storage { .. } => true,
            Self::InvalidName { .. }
            | Self::InvalidOption { .. }
            | Self::UnknownTopic { .. }
            | Self::UnknownPartition { .. }
            | Self::PartitionCount { .. }
            | Self::RecordTooLarge { .. }
            | Self::InvalidHeader { .. }
            | Self::InvalidTimestamp { .. }
            | Self::OffsetOutOfRange { .. }
            | Self::NotAssigned { .. }
            | Self::GroupInUse { .. }
            | Self::Kafka { .. }
            | Self::Locked { .. }
            | Self::Corrupt { .. }
            | Self::Closed => false,
        }
    }
}
