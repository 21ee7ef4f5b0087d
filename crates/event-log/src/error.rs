//! The errors of both implementations.

use std::path::PathBuf;
use std::sync::Arc;

/// The underlying error: of the client library, the store or the operating system.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// An error of the event log. It is `Clone` because a failed batch returns the same error to
/// every caller in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A topic or group name that neither implementation takes.
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
    /// An option outside its allowed range.
    #[error("{option} is {value:?}: allowed is {allowed}")]
    InvalidOption {
        /// The option's name.
        option: String,
        /// Its value.
        value: String,
        /// The allowed values.
        allowed: String,
    },
    /// The topic does not exist.
    #[error("topic {topic:?} does not exist in {log}: create it first")]
    UnknownTopic {
        /// The topic.
        topic: String,
        /// The log: the Kafka address or the file.
        log: String,
    },
    /// The partition does not exist.
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
        /// The topic's number of partitions.
        existing: i32,
        /// The requested number of partitions.
        requested: i32,
    },
    /// A record above the size limit.
    #[error("a record for topic {topic:?} has {size} bytes: {limit} are allowed")]
    RecordTooLarge {
        /// The topic.
        topic: String,
        /// Key, payload and headers of the record (or of the batch that the broker refused).
        size: usize,
        /// The limit that it exceeds.
        limit: usize,
    },
    /// A header name that Kafka cannot carry.
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
    /// A record timestamp that a broker would refuse.
    #[error(
        "a record for topic {topic:?} is dated {timestamp_ms} ms since 1970: allowed is 1 to \
         {latest_ms}"
    )]
    InvalidTimestamp {
        /// The topic.
        topic: String,
        /// The record's timestamp.
        timestamp_ms: i64,
        /// The latest timestamp allowed now.
        latest_ms: i64,
    },
    /// An offset that the partition no longer holds, or does not hold yet.
    #[error("offset {offset} of {topic:?} partition {partition} is not there: {low} to {high} are")]
    OffsetOutOfRange {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset asked for.
        offset: i64,
        /// The oldest offset kept.
        low: i64,
        /// The next offset to be written.
        high: i64,
    },
    /// The consumer does not own the partition, or does not own it any more.
    #[error("group {group:?}: this consumer does not own {topic:?} partition {partition}")]
    NotAssigned {
        /// The consumer group.
        group: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
    },
    /// The group was rebalanced without this consumer: the next poll returns what it owns now.
    #[error("group {group:?} was rebalanced meanwhile ({cause}): poll, then go on")]
    GroupChanged {
        /// The consumer group.
        group: String,
        /// The broker's error.
        #[source]
        cause: Cause,
    },
    /// The group still has members, so its offsets cannot be removed.
    #[error("group {group:?} has members: close them first")]
    GroupInUse {
        /// The consumer group.
        group: String,
    },
    /// Some records were not acknowledged. Any of them may be in the log nevertheless.
    #[error("topic {topic:?}: {acknowledged} of {total} records were acknowledged, then: {cause}")]
    Append {
        /// The topic.
        topic: String,
        /// The number of records that are durable.
        acknowledged: usize,
        /// The number of records in the call.
        total: usize,
        /// The first failure.
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
        /// The time waited, in milliseconds.
        waited_ms: u64,
        /// The operation that failed.
        operation: &'static str,
        /// The client's error.
        #[source]
        cause: Cause,
    },
    /// Kafka refused the request.
    #[error("Kafka at {bootstrap} failed while {operation}: {cause}")]
    Kafka {
        /// The bootstrap servers.
        bootstrap: String,
        /// The operation that failed.
        operation: &'static str,
        /// The client's error.
        #[source]
        cause: Cause,
    },
    /// Another process (or another log in this process) holds the file's lock.
    #[error(
        "{path} is in use by another process: stop it, or give this one another data folder",
        path = path.display()
    )]
    Locked {
        /// The log's file.
        path: PathBuf,
    },
    /// The disk has no space for more records. None of the append's records was kept.
    #[error(
        "no space left for events in {folder} ({detail}): nothing of the append was kept; free \
         some space and try again",
        folder = folder.display()
    )]
    DiskFull {
        /// The data folder.
        folder: PathBuf,
        /// Free and needed bytes, or the operating system's error.
        detail: String,
    },
    /// The file system failed.
    #[error("{operation} failed in {folder}: {cause}", folder = folder.display())]
    Storage {
        /// The data folder.
        folder: PathBuf,
        /// The operation that failed.
        operation: &'static str,
        /// The error of the store or the operating system.
        #[source]
        cause: Cause,
    },
    /// The file is damaged, or is not an event log.
    #[error(
        "{path} cannot be read as an event log ({detail}): restore it from a copy, or move it \
         away to begin an empty one",
        path = path.display()
    )]
    Corrupt {
        /// The log's file.
        path: PathBuf,
        /// The reason.
        detail: String,
    },
    /// The log or the consumer was closed.
    #[error("the event log is closed")]
    Closed,
}

impl Error {
    /// Returns true if the same call may succeed later: the broker was away, the disk was full,
    /// the group was rebalancing.
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
