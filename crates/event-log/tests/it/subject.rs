//! The logs under test, and helpers to append and consume.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fairlead_event_log::{
    Consumer, ConsumerOptions, Delivered, EmbeddedEventLog, EmbeddedOptions, EventLog,
    KafkaEventLog, KafkaOptions, Position, Record, TopicPartition, TopicSpec,
};
use fairlead_testkit::{KafkaBroker, SharedKafka};
use tempfile::TempDir;

/// A time that no operation here takes; it turns a hang into a failure.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(2);

/// A log under test.
pub(crate) struct Subject {
    pub(crate) log: Arc<dyn EventLog>,
    _folder: Option<TempDir>,
}

impl Subject {
    /// Opens an embedded log in a new folder.
    pub(crate) async fn embedded() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let log = EmbeddedEventLog::open(EmbeddedOptions::new(folder.path())).await;
        Self {
            log: Arc::new(log.expect("opens")),
            _folder: Some(folder),
        }
    }

    /// Connects to the shared broker of this test process.
    pub(crate) async fn kafka() -> Self {
        let options = KafkaOptions::new(shared_broker().await.bootstrap());
        let log = KafkaEventLog::connect(options).await;
        Self {
            log: Arc::new(log.expect("connects")),
            _folder: None,
        }
    }

    /// Creates a topic that no other test uses.
    pub(crate) async fn topic(&self, partitions: i32) -> String {
        let topic = unique("events");
        let created = self.log.create_topic(&topic, spec(partitions)).await;
        created.expect("creates the topic");
        topic
    }
}

pub(crate) async fn shared_broker() -> SharedKafka {
    let broker = tokio::task::spawn_blocking(KafkaBroker::shared).await;
    broker.expect("no panic").expect("a Kafka broker")
}

pub(crate) fn spec(partitions: i32) -> TopicSpec {
    TopicSpec {
        partitions,
        retention: Duration::from_hours(24),
    }
}

/// Returns a name that no other test uses.
pub(crate) fn unique(stem: &str) -> String {
    format!("{stem}-{}", ulid::Ulid::new())
}

/// Returns `count` records with payloads `from`, `from + 1`, ... over ten keys.
pub(crate) fn numbered(from: usize, count: usize) -> Vec<Record> {
    (from..from + count)
        .map(|number| Record::new(format!("key-{}", number % 10), number.to_string()))
        .collect()
}

pub(crate) fn number(delivered: &Delivered) -> usize {
    let text = std::str::from_utf8(&delivered.record.payload).expect("text");
    text.parse().expect("a number")
}

pub(crate) fn numbers(records: &[Delivered]) -> BTreeSet<usize> {
    records.iter().map(number).collect()
}

pub(crate) fn at(partition: i32, offset: i64) -> Position {
    Position { partition, offset }
}

/// Returns the number of records ever appended to a topic.
pub(crate) async fn total(log: &dyn EventLog, topic: &str) -> usize {
    let ends = log.end_offsets(topic).await.expect("ends");
    let total: i64 = ends.iter().map(|end| end.offset).sum();
    usize::try_from(total).expect("not negative")
}

/// Returns the offsets to commit after `records`.
pub(crate) fn next_offsets(records: &[Delivered]) -> Vec<(Arc<str>, Position)> {
    let mut next: Vec<(Arc<str>, Position)> = Vec::new();
    for delivered in records {
        let position = Position {
            offset: delivered.position.offset + 1,
            ..delivered.position
        };
        let same = |(topic, had): &&mut (Arc<str>, Position)| {
            *topic == delivered.topic && had.partition == position.partition
        };
        match next.iter_mut().find(same) {
            Some((_, had)) => *had = position,
            None => next.push((Arc::clone(&delivered.topic), position)),
        }
    }
    next
}

/// A consumer with its owned partitions and received records.
pub(crate) struct Member {
    pub(crate) consumer: Box<dyn Consumer>,
    pub(crate) owned: BTreeSet<TopicPartition>,
    pub(crate) received: Vec<Delivered>,
}

impl Member {
    pub(crate) async fn join(log: &Arc<dyn EventLog>, group: &str, topic: &str) -> Self {
        Self::with(log, ConsumerOptions::new(group, [topic])).await
    }

    pub(crate) async fn with(log: &Arc<dyn EventLog>, options: ConsumerOptions) -> Self {
        Self {
            consumer: log.consumer(options).await.expect("joins"),
            owned: BTreeSet::new(),
            received: Vec::new(),
        }
    }

    /// Polls once and checks that the changes of ownership are consistent.
    pub(crate) async fn poll(&mut self, wait: Duration) {
        let poll = self.consumer.poll(1_000, wait).await.expect("polls");
        for partition in &poll.revoked {
            assert!(self.owned.remove(partition), "{partition:?} was not owned");
        }
        for partition in poll.assigned {
            assert!(self.owned.insert(partition), "assigned twice");
        }
        for delivered in &poll.records {
            let partition = TopicPartition {
                topic: Arc::clone(&delivered.topic),
                partition: delivered.position.partition,
            };
            assert!(
                self.owned.contains(&partition),
                "{partition:?} is not owned"
            );
        }
        self.received.extend(poll.records);
    }

    /// Polls until `count` records were received in total.
    pub(crate) async fn receive(&mut self, count: usize) {
        let deadline = Instant::now() + TIMEOUT;
        while self.received.len() < count {
            let missing = count - self.received.len();
            assert!(Instant::now() < deadline, "{missing} records did not come");
            self.poll(Duration::from_secs(1)).await;
        }
    }

    /// Polls until it owns `count` partitions.
    pub(crate) async fn own(&mut self, count: usize) {
        let deadline = Instant::now() + TIMEOUT;
        while self.owned.len() != count {
            assert!(Instant::now() < deadline, "owns {:?}", self.owned);
            self.poll(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn commit(&mut self) {
        let upto = next_offsets(&self.received);
        self.consumer.commit(&upto).await.expect("commits");
    }

    pub(crate) async fn close(self) {
        self.consumer.close().await.expect("leaves");
    }
}
