//! The durable log inside the process: one redb file, one writer thread, readers on snapshots.
//!
//! `append` encodes the records. The writer ([`writer`]) puts all waiting commands into one
//! transaction ([`transaction`]), replies after its fsync and notifies the consumers
//! ([`consumer`]). These learn from the metadata in memory ([`metadata`]) which offsets can be
//! read, and fetch the records from a snapshot ([`reader`]). No redb call runs on the reactor.

mod chunk;
mod command;
mod consumer;
mod expiry;
#[cfg(test)]
mod faults;
mod groups;
mod inner;
mod membership;
mod metadata;
mod options;
mod reader;
mod schema;
mod space;
mod store;
mod transaction;
mod writer;

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use parking_lot::Mutex;
use redb::ReadableTable;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::command::{Command, Operation};
use self::consumer::EmbeddedConsumer;
use self::inner::Inner;
use self::metadata::MetadataCache;
pub use self::options::{EmbeddedOptions, WallClock};
use self::reader::{PartitionRange, ReadBudget, read_partition};
use self::schema::{FORMAT, FORMAT_KEY, Tables};
use self::store::{Opener, Store};
use self::transaction::out_of_range;
use crate::admission::{check_group, check_spec, check_topic};
use crate::error::Error;
use crate::log::{Consumer, ConsumerOptions, EventLog, PartitionOffsets, TopicSpec};
use crate::record::{Delivered, Position, Record};

/// The most bytes of records that one [`EventLog::read`] returns.
const READ_BYTES: usize = 64 << 20;

/// A durable event log in one file of this process.
///
/// It loses no acknowledged record, and drops none that a registered group has not read. A group is
/// registered for a topic from its first subscription until [`EmbeddedEventLog::forget_group`].
pub struct EmbeddedEventLog {
    inner: Arc<Inner>,
    /// The task that expires records for as long as the log exists.
    expiry: Mutex<JoinSet<()>>,
}

/// The lag of a consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLag {
    /// The group.
    pub group: String,
    /// The number of records that it has not committed, over all partitions for which it is
    /// registered. Retention keeps them.
    pub lag: u64,
    /// True if it has members in this process now.
    pub active: bool,
}

impl EmbeddedEventLog {
    /// Opens the log in its folder, or creates it. After a crash this first checks the file, which
    /// takes time in proportion to its size.
    pub async fn open(options: EmbeddedOptions) -> Result<Self, Error> {
        let opener = Store::file_opener(options.cache_bytes);
        Self::open_with(options, opener).await
    }

    pub(crate) async fn open_with(options: EmbeddedOptions, opener: Opener) -> Result<Self, Error> {
        let folder = options.folder.clone();
        let (store, metadata) = Inner::blocking(move || {
            let store = Store::open(&folder, opener)?;
            prepare(&store)?;
            let metadata = MetadataCache::default();
            metadata.load(&store)?;
            Ok((store, metadata))
        })
        .await?;
        let inner = Inner::start(store, metadata, options)?;
        let mut expiry = JoinSet::new();
        let interval = inner.options.expiry_interval;
        expiry.spawn(expire_regularly(inner.commands.downgrade(), interval));
        Ok(Self {
            expiry: Mutex::new(expiry),
            inner,
        })
    }

    /// Drops the records that retention allows to drop and returns their number. A task does the
    /// same every [`EmbeddedOptions::expiry_interval`].
    pub async fn expire(&self) -> Result<u64, Error> {
        let mut dropped = 0;
        loop {
            let done = self.inner.submit(Operation::Expire).await?;
            dropped += done.count;
            if !done.more {
                return Ok(dropped);
            }
        }
    }

    /// Returns every registered group with its lag.
    pub fn groups(&self) -> Vec<GroupLag> {
        let topics = self.inner.metadata.topics();
        let spans = |(id, partition)| {
            let topic = topics.iter().find(|topic| topic.id == id)?;
            Some(topic.span(partition))
        };
        let groups = self.inner.metadata.groups().into_iter();
        groups
            .map(|(group, offsets)| GroupLag {
                lag: offsets
                    .iter()
                    .filter_map(|(id, offset)| Some(spans(*id)?.end.saturating_sub(*offset)))
                    .sum(),
                active: self.inner.membership.has_members(&group),
                group: group.to_string(),
            })
            .collect()
    }

    /// Removes a group that will not come back, so that retention does not wait for it. Returns
    /// true if it was registered. If it does come back, it begins like a new group.
    ///
    /// # Errors
    /// [`Error::GroupInUse`] if the group has members in this process.
    pub async fn forget_group(&self, group: &str) -> Result<bool, Error> {
        check_group(group)?;
        let forget = Operation::ForgetGroup {
            group: group.to_owned(),
        };
        Ok(self.inner.submit(forget).await?.count > 0)
    }
}

/// Creates the tables and writes the format's number, or checks it.
fn prepare(store: &Store) -> Result<(), Error> {
    let found = store.write("preparing the event log", |txn| {
        let mut tables = Tables::open(txn)?;
        let found = tables.meta.get(FORMAT_KEY)?.map(|found| found.value());
        if found.is_none() {
            tables.meta.insert(FORMAT_KEY, FORMAT)?;
        }
        Ok(found)
    })?;
    match found {
        None | Some(FORMAT) => Ok(()),
        Some(other) => Err(Error::Corrupt {
            path: store.path().to_owned(),
            detail: format!("its format is {other}, this version reads {FORMAT}"),
        }),
    }
}

async fn expire_regularly(commands: mpsc::WeakSender<Command>, interval: std::time::Duration) {
    loop {
        tokio::time::sleep(interval).await;
        loop {
            // The sender is held only for the request, so that a dropped log can end.
            let Some(commands) = commands.upgrade() else {
                return;
            };
            match writer::submit(&commands, Operation::Expire).await {
                Ok(done) if done.more => {}
                Ok(_) => break,
                Err(Error::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, "event log expiry failed");
                    break;
                }
            }
        }
    }
}

#[async_trait]
impl EventLog for EmbeddedEventLog {
    async fn create_topic(&self, topic: &str, spec: TopicSpec) -> Result<(), Error> {
        check_topic(topic)?;
        check_spec(&spec)?;
        let name = topic.to_owned();
        let create = Operation::CreateTopic { name, spec };
        self.inner.submit(create).await.map(drop)
    }

    async fn append(&self, topic: &str, records: Vec<Record>) -> Result<Vec<Position>, Error> {
        let topic = self.inner.topic(topic)?;
        let began = Instant::now();
        let outcome = self.inner.append(&topic, &records).await;
        match &outcome {
            Ok(positions) => self
                .inner
                .meters
                .appended(&topic.name, positions.len(), began),
            Err(_) => self.inner.meters.append_failed(&topic.name),
        }
        outcome
    }

    async fn consumer(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>, Error> {
        check_group(&options.group)?;
        let topics = options.topics.iter();
        let topics: Vec<_> = topics
            .map(|topic| self.inner.topic(topic))
            .collect::<Result<_, _>>()?;
        let subscribe = Operation::Subscribe {
            group: options.group.as_str().into(),
            topics: topics.clone(),
            start: options.start,
        };
        self.inner.submit(subscribe).await?;
        let log = Arc::clone(&self.inner);
        Ok(Box::new(EmbeddedConsumer::join(log, &options, topics)))
    }

    async fn offsets(&self, topic: &str) -> Result<Vec<PartitionOffsets>, Error> {
        let topic = self.inner.topic(topic)?;
        let range = |partition: u32| {
            let span = topic.span(partition);
            PartitionOffsets {
                partition: partition.cast_signed(),
                start: span.start.cast_signed(),
                end: span.end.cast_signed(),
            }
        };
        Ok((0..topic.partitions()).map(range).collect())
    }

    async fn read(&self, topic: &str, from: Position, max: usize) -> Result<Vec<Delivered>, Error> {
        let topic = self.inner.topic(topic)?;
        let last = topic.partitions().cast_signed() - 1;
        if !(0..=last).contains(&from.partition) {
            return Err(Error::UnknownPartition {
                topic: topic.name.to_string(),
                partition: from.partition,
                last,
            });
        }
        let partition = from.partition.cast_unsigned();
        let span = topic.span(partition);
        let offset = match u64::try_from(from.offset) {
            Ok(offset) if (span.start..=span.end).contains(&offset) => offset,
            _ => return Err(out_of_range(&topic, from, span)),
        };
        let store = Arc::clone(&self.inner.store);
        Inner::blocking(move || {
            store.read("reading events", |txn| {
                let mut budget = ReadBudget {
                    records: max,
                    bytes: READ_BYTES,
                };
                let mut out = Vec::new();
                let range = PartitionRange {
                    topic,
                    partition,
                    offsets: offset..span.end,
                };
                read_partition(txn, &range, &mut budget, &mut out)?;
                Ok(out)
            })
        })
        .await
    }

    async fn healthy(&self) -> Result<(), Error> {
        self.inner.submit(Operation::Probe).await.map(drop)
    }

    async fn close(&self) -> Result<(), Error> {
        self.expiry.lock().abort_all();
        match self.inner.submit(Operation::Close).await {
            Ok(_) | Err(Error::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
