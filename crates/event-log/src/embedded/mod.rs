//! The durable log inside the process: one redb file, one writer thread, readers on snapshots.
//!
//! `append` encodes the records, the writer ([`writer`]) puts what waits into one transaction
//! ([`transaction`]) and answers after its fsync, then rings for the consumers ([`consumer`]),
//! which know from memory ([`directory`]) what there is to read and fetch it from a snapshot
//! ([`reader`]). Nothing of redb runs on the reactor.

mod chunk;
mod command;
mod consumer;
mod directory;
mod expiry;
#[cfg(test)]
mod faults;
mod groups;
mod inner;
mod membership;
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

use self::command::{Command, Work};
use self::consumer::EmbeddedConsumer;
use self::directory::Directory;
use self::inner::Inner;
pub use self::options::{EmbeddedOptions, WallClock};
use self::reader::{Budget, read_partition};
use self::schema::{FORMAT, FORMAT_KEY, Tables};
use self::store::{Opener, Store};
use self::transaction::out_of_range;
use crate::admission::{check_group, check_spec, check_topic};
use crate::error::Error;
use crate::log::{Consumer, ConsumerOptions, EventLog, OffsetRange, TopicSpec};
use crate::record::{Delivered, Position, Record};

/// Bytes of records that one [`EventLog::read`] returns at most.
const READ_BYTES: usize = 64 << 20;

/// A durable event log in one file of this process.
///
/// It loses nothing acknowledged, and drops nothing that a known group has not read: a group is
/// known for a topic from its first subscription until [`EmbeddedEventLog::forget_group`].
pub struct EmbeddedEventLog {
    inner: Arc<Inner>,
    /// Drops what retention allows to drop, for as long as the log is there.
    expiry: Mutex<JoinSet<()>>,
}

/// How far a consumer group is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLag {
    /// The group.
    pub group: String,
    /// Records that it has not committed, over all partitions that it is known for. Retention
    /// keeps them.
    pub lag: u64,
    /// Whether it has members in this process now.
    pub active: bool,
}

impl EmbeddedEventLog {
    /// Opens the log in its folder, or begins one there. After a crash this first checks the
    /// file, which takes time in proportion to its size.
    pub async fn open(options: EmbeddedOptions) -> Result<Self, Error> {
        let opener = Store::file_opener(options.cache_bytes);
        Self::open_with(options, opener).await
    }

    pub(crate) async fn open_with(options: EmbeddedOptions, opener: Opener) -> Result<Self, Error> {
        let folder = options.folder.clone();
        let (store, directory) = Inner::blocking(move || {
            let store = Store::open(&folder, opener)?;
            prepare(&store)?;
            let directory = Directory::default();
            directory.load(&store)?;
            Ok((store, directory))
        })
        .await?;
        let inner = Inner::start(store, directory, options)?;
        let mut expiry = JoinSet::new();
        let interval = inner.options.expiry_interval;
        expiry.spawn(expire_regularly(inner.commands.downgrade(), interval));
        Ok(Self {
            expiry: Mutex::new(expiry),
            inner,
        })
    }

    /// Drops now what retention allows to drop; returns how many records went. This happens by
    /// itself every [`EmbeddedOptions::expiry_interval`].
    pub async fn expire(&self) -> Result<u64, Error> {
        let mut dropped = 0;
        loop {
            let done = self.inner.submit(Work::Expire).await?;
            dropped += done.count;
            if !done.more {
                return Ok(dropped);
            }
        }
    }

    /// Every group that is known, with how far it is behind.
    pub fn groups(&self) -> Vec<GroupLag> {
        let topics = self.inner.directory.topics();
        let spans = |(id, partition)| {
            let topic = topics.iter().find(|topic| topic.id == id)?;
            Some(topic.span(partition))
        };
        let groups = self.inner.directory.groups().into_iter();
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

    /// Forgets a group that will not come back, so that retention does not wait for it. Returns
    /// whether it was known. If it comes back, it begins like a new one. A group with members in
    /// this process is not forgotten: [`Error::GroupInUse`].
    pub async fn forget_group(&self, group: &str) -> Result<bool, Error> {
        check_group(group)?;
        let work = Work::ForgetGroup {
            group: group.to_owned(),
        };
        Ok(self.inner.submit(work).await?.count > 0)
    }
}

/// Makes the tables and notes the format, or checks it.
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
            // Held only for the request, so that an unused log can end.
            let Some(commands) = commands.upgrade() else {
                return;
            };
            match writer::submit(&commands, Work::Expire).await {
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
        let work = Work::CreateTopic { name, spec };
        self.inner.submit(work).await.map(drop)
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
        let work = Work::Subscribe {
            group: options.group.as_str().into(),
            topics: topics.clone(),
            start: options.start,
        };
        self.inner.submit(work).await?;
        let log = Arc::clone(&self.inner);
        Ok(Box::new(EmbeddedConsumer::join(log, &options, topics)))
    }

    async fn offsets(&self, topic: &str) -> Result<Vec<OffsetRange>, Error> {
        let topic = self.inner.topic(topic)?;
        let range = |partition: u32| {
            let span = topic.span(partition);
            OffsetRange {
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
                let mut budget = Budget {
                    records: max,
                    bytes: READ_BYTES,
                };
                let mut out = Vec::new();
                let range = offset..span.end;
                read_partition(txn, &topic, partition, range, &mut budget, &mut out)?;
                Ok(out)
            })
        })
        .await
    }

    async fn healthy(&self) -> Result<(), Error> {
        self.inner.submit(Work::Probe).await.map(drop)
    }

    async fn close(&self) -> Result<(), Error> {
        self.expiry.lock().abort_all();
        match self.inner.submit(Work::Close).await {
            Ok(_) | Err(Error::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
