//! One write transaction: the operations of a batch, one after the other, on the open tables.
//!
//! An operation that is refused (a topic that differs, a consumer that is no owner any more)
//! writes nothing and does not affect the others. A failure of the file fails the entire batch.

use std::collections::HashMap;
use std::sync::Arc;

use redb::{ReadableTable, WriteTransaction};

use super::chunk::{self, ChunkHeader, EncodedRecords, HEADER_BYTES, TARGET_BYTES};
use super::command::{Completion, Effect, Operation, PartitionOffset, PartitionRecords};
use super::expiry;
use super::membership::Membership;
use super::metadata::{MetadataCache, OffsetSpan, Topic};
use super::schema::{PROBE_KEY, PartitionId, Tables};
use super::store::StoreError;
use crate::error::Error;
use crate::log::{Start, TopicSpec};
use crate::record::Position;

/// The result of one operation of a transaction.
pub(crate) type OperationResult = Result<Completion, Error>;

/// Consecutive records of one partition that will become one chunk.
struct OpenChunk {
    first_offset: u64,
    records: u32,
    bytes: usize,
    parts: Vec<Vec<u8>>,
}

/// A write transaction in progress.
pub(crate) struct Transaction<'a, 'txn> {
    pub(crate) tables: Tables<'txn>,
    pub(crate) now_ms: i64,
    metadata: &'a MetadataCache,
    membership: &'a Membership,
    /// The offsets after this transaction, where they differ from those in memory.
    spans: HashMap<PartitionId, (Arc<Topic>, OffsetSpan)>,
    /// The topics created in this transaction, which are not in memory yet.
    created: HashMap<String, Arc<Topic>>,
    open_chunks: HashMap<PartitionId, OpenChunk>,
    effects: Vec<Effect>,
}

impl<'a, 'txn> Transaction<'a, 'txn> {
    pub(crate) fn begin(
        txn: &'txn WriteTransaction,
        metadata: &'a MetadataCache,
        membership: &'a Membership,
        now_ms: i64,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            tables: Tables::open(txn)?,
            now_ms,
            metadata,
            membership,
            spans: HashMap::new(),
            created: HashMap::new(),
            open_chunks: HashMap::new(),
            effects: Vec::new(),
        })
    }

    /// Applies one operation. The outer error fails the batch, the inner one this operation only.
    pub(crate) fn apply(
        &mut self,
        operation: &mut Operation,
    ) -> Result<OperationResult, StoreError> {
        match operation {
            Operation::Append { topic, records, .. } => {
                self.append(topic, std::mem::take(records)).map(Ok)
            }
            Operation::CreateTopic { name, spec } => self.create_topic(name, *spec),
            Operation::Subscribe {
                group,
                topics,
                start,
            } => self.subscribe(group, topics, *start).map(Ok),
            Operation::Commit {
                group,
                member,
                offsets,
            } => self.commit(group, *member, offsets),
            Operation::ForgetGroup { group } => self.forget(group),
            Operation::Expire => expiry::drop_expired(self).map(Ok),
            Operation::Probe => {
                let now_ms = u64::try_from(self.now_ms).unwrap_or(0);
                self.tables.meta.insert(PROBE_KEY, now_ms)?;
                Ok(Ok(Completion::default()))
            }
            Operation::Close => Ok(Ok(Completion::default())),
        }
    }

    /// Writes the open chunks and returns the effects to apply after the commit.
    pub(crate) fn finish(mut self) -> Result<Vec<Effect>, StoreError> {
        let open_chunks: Vec<_> = self.open_chunks.drain().collect();
        for (partition, chunk) in open_chunks {
            self.write_chunk(partition, &chunk)?;
        }
        for ((topic_id, partition), (topic, span)) in self.spans {
            self.tables
                .partitions
                .insert((topic_id, partition), (span.start, span.end))?;
            self.effects
                .push(Effect::OffsetSpan(topic, partition, span));
        }
        Ok(self.effects)
    }

    /// Returns all topics, including those created in this transaction.
    pub(crate) fn topics(&self) -> Vec<Arc<Topic>> {
        let mut topics = self.metadata.topics();
        topics.extend(self.created.values().cloned());
        topics
    }

    pub(crate) fn span(&self, topic: &Topic, partition: u32) -> OffsetSpan {
        self.spans
            .get(&(topic.id, partition))
            .map_or_else(|| topic.span(partition), |(_, span)| *span)
    }

    pub(crate) fn set_span(&mut self, topic: &Arc<Topic>, partition: u32, span: OffsetSpan) {
        self.spans
            .insert((topic.id, partition), (Arc::clone(topic), span));
    }

    pub(crate) fn add_effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn append(
        &mut self,
        topic: &Arc<Topic>,
        records: Vec<PartitionRecords>,
    ) -> Result<Completion, StoreError> {
        let mut base_offsets = Vec::with_capacity(records.len());
        for PartitionRecords { partition, parts } in records {
            base_offsets.push((partition, self.span(topic, partition).end));
            for part in parts {
                self.append_part(topic, partition, part)?;
            }
        }
        Ok(Completion {
            base_offsets,
            ..Completion::default()
        })
    }

    /// Appends records to the partition's open chunk; writes that chunk first if they do not fit.
    fn append_part(
        &mut self,
        topic: &Arc<Topic>,
        partition: u32,
        part: EncodedRecords,
    ) -> Result<(), StoreError> {
        let id = (topic.id, partition);
        let span = self.span(topic, partition);
        let fits =
            |chunk: &OpenChunk| HEADER_BYTES + chunk.bytes + part.bytes.len() <= TARGET_BYTES;
        if self.open_chunks.get(&id).is_some_and(|chunk| !fits(chunk))
            && let Some(full) = self.open_chunks.remove(&id)
        {
            self.write_chunk(id, &full)?;
        }
        let chunk = self.open_chunks.entry(id).or_insert(OpenChunk {
            first_offset: span.end,
            records: 0,
            bytes: 0,
            parts: Vec::new(),
        });
        let end = span.end + u64::from(part.records);
        chunk.records += part.records;
        chunk.bytes += part.bytes.len();
        chunk.parts.push(part.bytes);
        self.set_span(topic, partition, OffsetSpan { end, ..span });
        Ok(())
    }

    fn write_chunk(&mut self, partition: PartitionId, chunk: &OpenChunk) -> Result<(), StoreError> {
        let key = (partition.0, partition.1, chunk.first_offset);
        let len = HEADER_BYTES + chunk.bytes;
        let mut value = self.tables.chunks.insert_reserve(key, len)?;
        let out = value.as_mut();
        let header = ChunkHeader {
            records: chunk.records,
            appended_at_ms: self.now_ms,
        };
        chunk::write_header(out, header);
        let mut at = HEADER_BYTES;
        for part in &chunk.parts {
            out[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        Ok(())
    }

    fn create_topic(&mut self, name: &str, spec: TopicSpec) -> Result<OperationResult, StoreError> {
        // Both fit: specifications are checked before they are submitted.
        let partitions = spec.partitions.cast_unsigned();
        let retention_ms = spec.retention.as_millis() as u64;
        let created = self.created.get(name).cloned();
        if let Some(topic) = created.or_else(|| self.metadata.topic(name)) {
            if topic.partitions() != partitions {
                return Ok(Err(Error::PartitionCount {
                    topic: name.to_owned(),
                    existing: topic.partitions().cast_signed(),
                    requested: spec.partitions,
                }));
            }
            let row = (topic.id, partitions, retention_ms);
            self.tables.topics.insert(name, row)?;
            self.add_effect(Effect::Retention(topic, retention_ms));
            return Ok(Ok(Completion::default()));
        }
        let id = self.topics().iter().map(|topic| topic.id).max();
        let id = id.map_or(1, |highest| highest + 1);
        let topic = Arc::new(Topic::new(id, name, partitions, retention_ms));
        self.tables
            .topics
            .insert(name, (id, partitions, retention_ms))?;
        for partition in 0..partitions {
            self.set_span(&topic, partition, OffsetSpan { start: 0, end: 0 });
        }
        self.created.insert(name.to_owned(), Arc::clone(&topic));
        self.add_effect(Effect::Topic(topic));
        Ok(Ok(Completion::default()))
    }

    fn subscribe(
        &mut self,
        group: &Arc<str>,
        topics: &[Arc<Topic>],
        start: Start,
    ) -> Result<Completion, StoreError> {
        for topic in topics {
            for partition in 0..topic.partitions() {
                let key = (&**group, topic.id, partition);
                if self.tables.groups.get(&key)?.is_some() {
                    continue;
                }
                let span = self.span(topic, partition);
                let offset = match start {
                    Start::Earliest => span.start,
                    Start::Latest => span.end,
                };
                self.tables.groups.insert(key, offset)?;
                let id = (topic.id, partition);
                self.add_effect(Effect::Committed(Arc::clone(group), id, offset));
            }
        }
        Ok(Completion::default())
    }

    fn commit(
        &mut self,
        group: &Arc<str>,
        member: u64,
        offsets: &[PartitionOffset],
    ) -> Result<OperationResult, StoreError> {
        for PartitionOffset {
            topic,
            partition,
            offset,
        } in offsets
        {
            if !self.membership.owns(group, member, (topic.id, *partition)) {
                return Ok(Err(Error::NotAssigned {
                    group: group.to_string(),
                    topic: topic.name.to_string(),
                    partition: partition.cast_signed(),
                }));
            }
            let span = self.span(topic, *partition);
            if *offset > span.end {
                let position = Position {
                    partition: partition.cast_signed(),
                    offset: i64::try_from(*offset).unwrap_or(i64::MAX),
                };
                return Ok(Err(out_of_range(topic, position, span)));
            }
        }
        for next in offsets {
            let id = (next.topic.id, next.partition);
            let key = (&**group, id.0, id.1);
            self.tables.groups.insert(key, next.offset)?;
            self.add_effect(Effect::Committed(Arc::clone(group), id, next.offset));
        }
        Ok(Ok(Completion::default()))
    }

    fn forget(&mut self, group: &str) -> Result<OperationResult, StoreError> {
        if self.membership.has_members(group) {
            let group = group.to_owned();
            return Ok(Err(Error::GroupInUse { group }));
        }
        let rows: Vec<PartitionId> = self
            .tables
            .groups
            .range((group, 0, 0)..=(group, u32::MAX, u32::MAX))?
            .map(|entry| {
                entry.map(|(key, _)| {
                    let (_, topic, partition) = key.value();
                    (topic, partition)
                })
            })
            .collect::<Result<_, _>>()?;
        for (topic, partition) in &rows {
            self.tables.groups.remove(&(group, *topic, *partition))?;
        }
        self.add_effect(Effect::Forgotten(group.to_owned()));
        Ok(Ok(Completion {
            count: rows.len() as u64,
            ..Completion::default()
        }))
    }
}

/// Returns the error of a position outside the offsets of its partition.
pub(crate) fn out_of_range(topic: &Topic, position: Position, span: OffsetSpan) -> Error {
    Error::OffsetOutOfRange {
        topic: topic.name.to_string(),
        partition: position.partition,
        offset: position.offset,
        low: span.start.cast_signed(),
        high: span.end.cast_signed(),
    }
}
