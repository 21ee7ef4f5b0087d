//! What the log holds, in memory: a mirror of the small tables, changed only after the disk has
//! the change. Consumers look here before they touch the file.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use redb::ReadableTable;

use super::schema::{GROUPS, PARTITIONS, PartitionId, TOPICS};
use super::store::{Store, StoreError};
use crate::error::Error;

/// The oldest offset kept and the next one to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

#[derive(Debug, Default)]
struct AtomicSpan {
    start: AtomicU64,
    end: AtomicU64,
}

/// One topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) id: u32,
    pub(crate) name: Arc<str>,
    retention_ms: AtomicU64,
    spans: Box<[AtomicSpan]>,
}

impl Topic {
    pub(crate) fn new(id: u32, name: &str, partitions: u32, retention_ms: u64) -> Self {
        Self {
            id,
            name: name.into(),
            retention_ms: AtomicU64::new(retention_ms),
            spans: (0..partitions).map(|_| AtomicSpan::default()).collect(),
        }
    }

    pub(crate) fn partitions(&self) -> u32 {
        self.spans.len() as u32
    }

    pub(crate) fn retention_ms(&self) -> u64 {
        self.retention_ms.load(Ordering::Acquire)
    }

    pub(crate) fn set_retention_ms(&self, retention_ms: u64) {
        self.retention_ms.store(retention_ms, Ordering::Release);
    }

    /// The span of a partition; empty for one that does not exist.
    pub(crate) fn span(&self, partition: u32) -> Span {
        self.spans
            .get(partition as usize)
            .map_or(Span { start: 0, end: 0 }, |span| Span {
                start: span.start.load(Ordering::Acquire),
                end: span.end.load(Ordering::Acquire),
            })
    }

    pub(crate) fn set_span(&self, partition: u32, span: Span) {
        if let Some(own) = self.spans.get(partition as usize) {
            own.start.store(span.start, Ordering::Release);
            own.end.store(span.end, Ordering::Release);
        }
    }
}

/// All topics, and what every group has committed.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    topics: RwLock<HashMap<String, Arc<Topic>>>,
    committed: RwLock<HashMap<Arc<str>, HashMap<PartitionId, u64>>>,
}

impl Directory {
    /// Takes over what the file says. Topics that are known already keep their identity, so that
    /// consumers go on after the file was opened anew.
    pub(crate) fn load(&self, store: &Store) -> Result<(), Error> {
        let (topics, committed) = store.read("reading the topics", |txn| {
            let spans = txn.open_table(PARTITIONS)?;
            let mut topics = HashMap::new();
            for entry in txn.open_table(TOPICS)?.iter()? {
                let (name, row) = entry?;
                let (id, partitions, retention_ms) = row.value();
                let topic = self
                    .topic(name.value())
                    .filter(|known| known.id == id && known.partitions() == partitions)
                    .unwrap_or_else(|| {
                        Arc::new(Topic::new(id, name.value(), partitions, retention_ms))
                    });
                topic.set_retention_ms(retention_ms);
                for partition in 0..partitions {
                    let (start, end) = spans
                        .get(&(id, partition))?
                        .ok_or_else(|| missing_partition(&topic.name, partition))?
                        .value();
                    topic.set_span(partition, Span { start, end });
                }
                topics.insert(name.value().to_owned(), topic);
            }
            let mut committed: HashMap<Arc<str>, HashMap<PartitionId, u64>> = HashMap::new();
            for entry in txn.open_table(GROUPS)?.iter()? {
                let (key, offset) = entry?;
                let (group, topic, partition) = key.value();
                committed
                    .entry(group.into())
                    .or_default()
                    .insert((topic, partition), offset.value());
            }
            Ok((topics, committed))
        })?;
        *self.topics.write() = topics;
        *self.committed.write() = committed;
        Ok(())
    }

    pub(crate) fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics.read().get(name).cloned()
    }

    pub(crate) fn topics(&self) -> Vec<Arc<Topic>> {
        self.topics.read().values().cloned().collect()
    }

    pub(crate) fn add_topic(&self, topic: Arc<Topic>) {
        let name = topic.name.to_string();
        self.topics.write().insert(name, topic);
    }

    /// The next offset that `group` is to read.
    pub(crate) fn committed(&self, group: &str, partition: PartitionId) -> Option<u64> {
        self.committed.read().get(group)?.get(&partition).copied()
    }

    pub(crate) fn set_committed(&self, group: &str, partition: PartitionId, offset: u64) {
        let mut committed = self.committed.write();
        if let Some(offsets) = committed.get_mut(group) {
            offsets.insert(partition, offset);
        } else {
            committed.insert(group.into(), HashMap::from([(partition, offset)]));
        }
    }

    pub(crate) fn forget_group(&self, group: &str) {
        self.committed.write().remove(group);
    }

    /// Every known group with what it has committed.
    pub(crate) fn groups(&self) -> Vec<(Arc<str>, HashMap<PartitionId, u64>)> {
        let committed = self.committed.read();
        committed
            .iter()
            .map(|(group, offsets)| (Arc::clone(group), offsets.clone()))
            .collect()
    }
}

fn missing_partition(topic: &str, partition: u32) -> StoreError {
    StoreError::Unexpected(format!(
        "topic {topic:?} has no entry for its partition {partition}"
    ))
}
