//! The log's metadata in memory: topics, offsets and groups. It mirrors the small tables and is
//! changed only after the change is durable. Consumers consult it before they read the file.

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
pub(crate) struct OffsetSpan {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

#[derive(Debug, Default)]
struct AtomicOffsetSpan {
    start: AtomicU64,
    end: AtomicU64,
}

/// One topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) id: u32,
    pub(crate) name: Arc<str>,
    retention_ms: AtomicU64,
    spans: Box<[AtomicOffsetSpan]>,
}

impl Topic {
    pub(crate) fn new(id: u32, name: &str, partitions: u32, retention_ms: u64) -> Self {
        Self {
            id,
            name: name.into(),
            retention_ms: AtomicU64::new(retention_ms),
            spans: (0..partitions)
                .map(|_| AtomicOffsetSpan::default())
                .collect(),
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

    /// Returns the offsets of a partition, or an empty span if the partition does not exist.
    pub(crate) fn span(&self, partition: u32) -> OffsetSpan {
        self.spans
            .get(partition as usize)
            .map_or(OffsetSpan { start: 0, end: 0 }, |span| OffsetSpan {
                start: span.start.load(Ordering::Acquire),
                end: span.end.load(Ordering::Acquire),
            })
    }

    pub(crate) fn set_span(&self, partition: u32, span: OffsetSpan) {
        if let Some(current) = self.spans.get(partition as usize) {
            current.start.store(span.start, Ordering::Release);
            current.end.store(span.end, Ordering::Release);
        }
    }
}

/// All topics, and the committed offsets of all groups.
#[derive(Debug, Default)]
pub(crate) struct MetadataCache {
    topics: RwLock<HashMap<String, Arc<Topic>>>,
    committed: RwLock<HashMap<Arc<str>, HashMap<PartitionId, u64>>>,
}

impl MetadataCache {
    /// Loads the file's content. Topics that are loaded already keep their `Arc`, so that
    /// consumers go on after the file was opened again.
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
                    topic.set_span(partition, OffsetSpan { start, end });
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

    /// Returns the next offset that `group` reads, or `None` if it has committed none.
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

    /// Returns every group with its committed offsets.
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
