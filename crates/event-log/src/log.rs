//! The traits that both implementations provide: [`EventLog`] and [`Consumer`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Error;
use crate::record::{Delivered, Position, Record, TopicPartition};

/// The settings of a topic to be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicSpec {
    /// The number of partitions, 1 to [`TopicSpec::MAX_PARTITIONS`]. It cannot be changed later:
    /// keys would move to other partitions.
    pub partitions: i32,
    /// The time for which a record is kept at least.
    pub retention: Duration,
}

impl TopicSpec {
    /// The largest number of partitions of one topic: more than any topic here needs. It stops a
    /// typing error from making a million.
    pub const MAX_PARTITIONS: i32 = 1_024;
}

/// The offset at which a group begins that has never committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The oldest record kept.
    Earliest,
    /// The end of the partition when it is first assigned to the group. That offset is committed
    /// at once, so that a crash before the first commit skips no record.
    Latest,
}

/// The options of a consumer.
#[derive(Debug, Clone)]
pub struct ConsumerOptions {
    /// The consumer group. Its members share the partitions; each partition has one owner.
    pub group: String,
    /// The topics, all of which must exist.
    pub topics: Vec<String>,
    /// The offset at which a new group begins.
    pub start: Start,
    /// The most bytes of records that one poll returns. A single larger record is returned alone.
    pub max_poll_bytes: usize,
    /// The time without a heartbeat after which a member's partitions go to the others. Kafka's
    /// brokers take 6 s to 30 min by default.
    pub session_timeout: Duration,
    /// The time without a poll after which a member's partitions go to the others.
    pub max_poll_interval: Duration,
}

impl ConsumerOptions {
    /// Returns the default options: start at the earliest offset, 16 MiB a poll, a session timeout
    /// of 10 s, at most 5 min between polls.
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

    /// Returns these options with another start.
    #[must_use]
    pub fn starting(mut self, start: Start) -> Self {
        self.start = start;
        self
    }
}

/// The result of one poll. Apply it in this order: drop the state of `revoked`, load that of
/// `assigned`, then apply `records`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Poll {
    /// Partitions that this consumer owned until now, including those that it lost and regained.
    /// `records` holds none of what they delivered before.
    pub revoked: Vec<TopicPartition>,
    /// Partitions that this consumer owns from now on.
    pub assigned: Vec<TopicPartition>,
    /// Records of owned partitions, in order within each partition.
    pub records: Vec<Delivered>,
}

impl Poll {
    /// Returns true if the poll brought neither records nor changes of ownership.
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty() && self.assigned.is_empty() && self.records.is_empty()
    }
}

/// A log of partitioned topics that consumer groups read.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Creates a topic, or checks that it exists with as many partitions. The embedded log sets
    /// the retention of an existing topic; Kafka leaves it as the cluster's owner set it.
    ///
    /// # Errors
    /// [`Error::PartitionCount`] if the topic exists with another number of partitions.
    async fn create_topic(&self, topic: &str, spec: TopicSpec) -> Result<(), Error>;

    /// Appends records and returns their positions, in the order given, once all are durable.
    /// Calls may run at the same time: they are batched together. Dropping the future does not
    /// take the records back.
    ///
    /// # Errors
    /// After an error any of the records may be in the log, or none. [`Error::Append`] says how
    /// many are durable; the embedded log keeps all or none. To append them again is safe, because
    /// delivery is at least once.
    async fn append(&self, topic: &str, records: Vec<Record>) -> Result<Vec<Position>, Error>;

    /// Joins a consumer group.
    async fn consumer(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>, Error>;

    /// Returns the oldest offset kept and the next one to be written, for each partition in order.
    async fn offsets(&self, topic: &str) -> Result<Vec<PartitionOffsets>, Error>;

    /// Returns the next offset to be written, for each partition in order.
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

    /// Reads up to `max` records of one partition, beginning at `from`, outside any group. It may
    /// return fewer; it returns an empty list only at the end of the partition. To go on, read
    /// again after the last record returned.
    async fn read(&self, topic: &str, from: Position, max: usize) -> Result<Vec<Delivered>, Error>;

    /// Checks that the log works: the cluster answers, or the file takes a durable write.
    async fn healthy(&self) -> Result<(), Error>;

    /// Waits for appends in flight, then releases threads, connections and the file. Later calls
    /// return [`Error::Closed`].
    async fn close(&self) -> Result<(), Error>;
}

/// The range of offsets that one partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionOffsets {
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
    /// Waits for records or changes of ownership, for `wait` at the longest, and returns both, with
    /// at most `max_records` records (0 counts as 1). It is cancel safe: if the future is dropped,
    /// the next poll returns what it would have returned.
    async fn poll(&mut self, max_records: usize, wait: Duration) -> Result<Poll, Error>;

    /// Durably records, for each partition given, the *next* offset that the group reads.
    ///
    /// # Errors
    /// [`Error::NotAssigned`] if this consumer does not own one of the partitions. No offset is
    /// committed then.
    async fn commit(&mut self, upto: &[(Arc<str>, Position)]) -> Result<(), Error>;

    /// Sets the next offset to read of a partition that this consumer owns.
    async fn seek(&mut self, topic: &str, position: Position) -> Result<(), Error>;

    /// Returns the number of records of the owned partitions that the group has not committed.
    async fn lag(&self) -> Result<u64, Error>;

    /// Leaves the group, so that other members take over at once.
    async fn close(self: Box<Self>) -> Result<(), Error>;
}
