//! The seam: what a log can do, whichever keeps it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Error;
use crate::record::{Delivered, Position, Record, TopicPartition};

/// What a topic is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicSpec {
    /// How many partitions, 1 to [`TopicSpec::MAX_PARTITIONS`]. It cannot be changed later: keys
    /// would move.
    pub partitions: i32,
    /// For how long a record is kept at least.
    pub retention: Duration,
}

impl TopicSpec {
    /// More than any one topic here needs; it keeps a slip from making a million.
    pub const MAX_PARTITIONS: i32 = 1_024;
}

/// Where a group begins that has never committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the oldest record kept.
    Earliest,
    /// With what is appended after the partition was first assigned to the group. That place is
    /// committed then and there, so that a crash before the first commit skips nothing.
    Latest,
}

/// How to consume.
#[derive(Debug, Clone)]
pub struct ConsumerOptions {
    /// The consumer group: its members share the partitions, each owned by one.
    pub group: String,
    /// The topics, all of which must exist.
    pub topics: Vec<String>,
    /// Where a new group begins.
    pub start: Start,
    /// How many bytes of records one poll returns at most (a single larger record is returned
    /// alone).
    pub max_poll_bytes: usize,
    /// After how long without a sign of life a member's partitions go to the others. Kafka's
    /// brokers take 6 s to 30 min by default.
    pub session_timeout: Duration,
    /// After how long without a poll a member's partitions go to the others.
    pub max_poll_interval: Duration,
}

impl ConsumerOptions {
    /// The usual: from the earliest, 16 MiB a poll, 10 s of silence, 5 min between polls.
    pub fn new<T: Into<String>>(
        group: impl Into<String>,
        topics: impl IntoIterator<Item = T>,
    ) -> Self {
        Self {
            group: group.into(),
            topics: topics.into_iter().map(Into::into).collect(),
            start: Start::Earliest,
            max_poll_bytes: 16 << 20,
            session_timeout: Duration::from_secs(10),
            max_poll_interval: Duration::from_mins(5),
        }
    }

    /// The same with another start.
    #[must_use]
    pub fn starting(mut self, start: Start) -> Self {
        self.start = start;
        self
    }
}

/// What one poll brought. Take it in this order: drop the state of `revoked`, load that of
/// `assigned`, then apply `records`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Poll {
    /// Partitions that this consumer owned and does not any more (or not without a break).
    /// `records` holds none of what they delivered before.
    pub revoked: Vec<TopicPartition>,
    /// Partitions that this consumer owns from now on.
    pub assigned: Vec<TopicPartition>,
    /// Records of owned partitions, in order within each partition.
    pub records: Vec<Delivered>,
}

impl Poll {
    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty() && self.assigned.is_empty() && self.records.is_empty()
    }
}

/// A log of topics, cut into partitions, that groups of consumers read.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Makes a topic, or sees that it is there with as many partitions
    /// ([`Error::PartitionCount`] if not). On an existing topic the embedded log takes over the
    /// retention; on Kafka it stays what the cluster's owner made it.
    async fn create_topic(&self, topic: &str, spec: TopicSpec) -> Result<(), Error>;

    /// Appends records and returns their places, in the order given, once all are durable.
    /// Calls may run at the same time: they are batched together.
    ///
    /// On an error any of the records may be in the log, or none ([`Error::Append`] says how
    /// many surely are; the embedded log keeps all or none): to append them again is safe, as
    /// delivery is at least once anyway. Dropping the future does not take the records back.
    async fn append(&self, topic: &str, records: Vec<Record>) -> Result<Vec<Position>, Error>;

    /// Joins a consumer group.
    async fn consumer(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>, Error>;

    /// The oldest offset kept and the next one to be written, of each partition in order.
    async fn offsets(&self, topic: &str) -> Result<Vec<OffsetRange>, Error>;

    /// The next offset to be written of each partition, in order.
    async fn end_offsets(&self, topic: &str) -> Result<Vec<Position>, Error> {
        let ranges = self.offsets(topic).await?;
        Ok(ranges
            .iter()
            .map(|range| Position {
                partition: range.partition,
                offset: range.end,
            })
            .collect())
    }

    /// Reads up to `max` records of one partition from `from` on, outside any group. It may
    /// return fewer; it returns none only at the end. To go on, continue after the last one.
    async fn read(&self, topic: &str, from: Position, max: usize) -> Result<Vec<Delivered>, Error>;

    /// Answers when the log can do its work: the cluster answers, the file takes a durable write.
    async fn healthy(&self) -> Result<(), Error>;

    /// Waits for appends under way, then gives everything back (threads, connections, the file).
    /// What is called afterwards gets [`Error::Closed`].
    async fn close(&self) -> Result<(), Error>;
}

/// What one partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetRange {
    /// The partition.
    pub partition: i32,
    /// The oldest offset kept.
    pub start: i64,
    /// The next offset to be written.
    pub end: i64,
}

/// A member of a consumer group. Dropping it leaves the group in the background;
/// [`Consumer::close`] waits for it.
#[async_trait]
pub trait Consumer: Send {
    /// Waits until something is there, for `wait` at the longest, and returns up to
    /// `max_records` (at least 1) records together with changes of ownership. Dropping the future
    /// loses nothing: the next poll returns it.
    async fn poll(&mut self, max_records: usize, wait: Duration) -> Result<Poll, Error>;

    /// Durably notes, for each partition named, the *next* offset that the group is to read. All
    /// must be owned by this consumer ([`Error::NotAssigned`] otherwise, and nothing is noted).
    async fn commit(&mut self, upto: &[(Arc<str>, Position)]) -> Result<(), Error>;

    /// Goes on from another offset of a partition that this consumer owns.
    async fn seek(&mut self, topic: &str, position: Position) -> Result<(), Error>;

    /// How many records of the owned partitions lie behind what the group has committed.
    async fn lag(&self) -> Result<u64, Error>;

    /// Leaves the group, so that the others take over at once.
    async fn close(self: Box<Self>) -> Result<(), Error>;
}
