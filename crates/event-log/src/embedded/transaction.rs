//! One write transaction: the commands of a batch, one after the other, on the open tables.
//!
//! A command that cannot be done (a topic that differs, a consumer that is no owner any more)
//! writes nothing and does not disturb the others. A failure of the file ends the whole batch.

use std::collections::HashMap;
use std::sync::Arc;

use redb::{ReadableTable, WriteTransaction};

use super::chunk::{self, HEADER_BYTES, Header, Segment, TARGET_BYTES};
use super::command::{Done, Effect, Work};
use super::directory::{Directory, Span, Topic};
use super::expiry;
use super::membership::Membership;
use super::schema::{PROBE_KEY, PartitionId, Tables};
use super::store::StoreError;
use crate::error::Error;
use crate::log::{Start, TopicSpec};
use crate::record::Position;

/// The answer to one command: from the batch, or from the rules.
pub(crate) type Outcome = Result<Done, Error>;

/// Records of one partition that lie one after the other, on their way into one chunk.
struct OpenChunk {
    first_offset: u64,
    records: u32,
    bytes: usize,
    parts: Vec<Vec<u8>>,
}

/// A batch under way.
pub(crate) struct Transaction<'a, 'txn> {
    pub(crate) tables: Tables<'txn>,
    pub(crate) now_ms: i64,
    directory: &'a Directory,
    membership: &'a Membership,
    /// Spans as this batch leaves them, where they differ from the directory's.
    spans: HashMap<PartitionId, (Arc<Topic>, Span)>,
    /// Topics that this batch made: the directory does not know them yet.
    made: HashMap<String, Arc<Topic>>,
    open: HashMap<PartitionId, OpenChunk>,
    effects: Vec<Effect>,
}

impl<'a, 'txn> Transaction<'a, 'txn> {
    pub(crate) fn begin(
        txn: &'txn WriteTransaction,
        directory: &'a Directory,
        membership: &'a Membership,
        now_ms: i64,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            tables: Tables::open(txn)?,
            now_ms,
            directory,
            membership,
            spans: HashMap::new(),
            made: HashMap::new(),
            open: HashMap::new(),
            effects: Vec::new(),
        })
    }

    /// Does one command. The outer error ends the batch, the inner one is this command's answer.
    pub(crate) fn apply(&mut self, work: &mut Work) -> Result<Outcome, StoreError> {
        match work {
            Work::Append {
                topic, segments, ..
            } => self.append(topic, std::mem::take(segments)).map(Ok),
            Work::CreateTopic { name, spec } => self.create_topic(name, *spec),
            Work::Subscribe {
                group,
                topics,
                start,
            } => self.subscribe(group, topics, *start).map(Ok),
            Work::Commit {
                group,
                member,
                offsets,
            } => self.commit(group, *member, offsets),
            Work::ForgetGroup { group } => self.forget(group),
            Work::Expire => expiry::run(self).map(Ok),
            Work::Probe => {
                let now_ms = u64::try_from(self.now_ms).unwrap_or(0);
                self.tables.meta.insert(PROBE_KEY, now_ms)?;
                Ok(Ok(Done::default()))
            }
            Work::Close => Ok(Ok(Done::default())),
        }
    }

    /// Writes what is still open; returns what the directory is to take over after the commit.
    pub(crate) fn finish(mut self) -> Result<Vec<Effect>, StoreError> {
        let open: Vec<_> = self.open.drain().collect();
        for (partition, chunk) in open {
            self.write_chunk(partition, &chunk)?;
        }
        for ((topic_id, partition), (topic, span)) in self.spans {
            self.tables
                .partitions
                .insert((topic_id, partition), (span.start, span.end))?;
            self.effects.push(Effect::Span(topic, partition, span));
        }
        Ok(self.effects)
    }

    /// All topics, with those of this batch.
    pub(crate) fn topics(&self) -> Vec<Arc<Topic>> {
        let mut topics = self.directory.topics();
        topics.extend(self.made.values().cloned());
        topics
    }

    pub(crate) fn span(&self, topic: &Topic, partition: u32) -> Span {
        self.spans
            .get(&(topic.id, partition))
            .map_or_else(|| topic.span(partition), |(_, span)| *span)
    }

    pub(crate) fn set_span(&mut self, topic: &Arc<Topic>, partition: u32, span: Span) {
        self.spans
            .insert((topic.id, partition), (Arc::clone(topic), span));
    }

    pub(crate) fn note(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn append(
        &mut self,
        topic: &Arc<Topic>,
        segments: Vec<(u32, Vec<Segment>)>,
    ) -> Result<Done, StoreError> {
        let mut bases = Vec::with_capacity(segments.len());
        for (partition, segments) in segments {
            bases.push((partition, self.span(topic, partition).end));
            for segment in segments {
                self.add_segment(topic, partition, segment)?;
            }
        }
        Ok(Done {
            bases,
            ..Done::default()
        })
    }

    /// Puts a segment behind what the partition has; a chunk that became full is written.
    fn add_segment(
        &mut self,
        topic: &Arc<Topic>,
        partition: u32,
        segment: Segment,
    ) -> Result<(), StoreError> {
        let id = (topic.id, partition);
        let span = self.span(topic, partition);
        let fits =
            |chunk: &OpenChunk| HEADER_BYTES + chunk.bytes + segment.bytes.len() <= TARGET_BYTES;
        if self.open.get(&id).is_some_and(|chunk| !fits(chunk))
            && let Some(full) = self.open.remove(&id)
        {
            self.write_chunk(id, &full)?;
        }
        let chunk = self.open.entry(id).or_insert(OpenChunk {
            first_offset: span.end,
            records: 0,
            bytes: 0,
            parts: Vec::new(),
        });
        let end = span.end + u64::from(segment.records);
        chunk.records += segment.records;
        chunk.bytes += segment.bytes.len();
        chunk.parts.push(segment.bytes);
        self.set_span(topic, partition, Span { end, ..span });
        Ok(())
    }

    fn write_chunk(&mut self, partition: PartitionId, chunk: &OpenChunk) -> Result<(), StoreError> {
        let key = (partition.0, partition.1, chunk.first_offset);
        let len = HEADER_BYTES + chunk.bytes;
        let mut value = self.tables.chunks.insert_reserve(key, len)?;
        let out = value.as_mut();
        let header = Header {
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

    fn create_topic(&mut self, name: &str, spec: TopicSpec) -> Result<Outcome, StoreError> {
        // Both fit: specifications are checked before they come here.
        let partitions = spec.partitions.cast_unsigned();
        let retention_ms = spec.retention.as_millis() as u64;
        let known = self.made.get(name).cloned();
        if let Some(topic) = known.or_else(|| self.directory.topic(name)) {
            if topic.partitions() != partitions {
                return Ok(Err(Error::PartitionCount {
                    topic: name.to_owned(),
                    existing: topic.partitions().cast_signed(),
                    requested: spec.partitions,
                }));
            }
            let row = (topic.id, partitions, retention_ms);
            self.tables.topics.insert(name, row)?;
            self.note(Effect::Retention(topic, retention_ms));
            return Ok(Ok(Done::default()));
        }
        let id = self.topics().iter().map(|topic| topic.id).max();
        let id = id.map_or(1, |highest| highest + 1);
        let topic = Arc::new(Topic::new(id, name, partitions, retention_ms));
        self.tables
            .topics
            .insert(name, (id, partitions, retention_ms))?;
        for partition in 0..partitions {
            self.set_span(&topic, partition, Span { start: 0, end: 0 });
        }
        self.made.insert(name.to_owned(), Arc::clone(&topic));
        self.note(Effect::Topic(topic));
        Ok(Ok(Done::default()))
    }

    fn subscribe(
        &mut self,
        group: &Arc<str>,
        topics: &[Arc<Topic>],
        start: Start,
    ) -> Result<Done, StoreError> {
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
                self.note(Effect::Committed(Arc::clone(group), id, offset));
            }
        }
        Ok(Done::default())
    }

    fn commit(
        &mut self,
        group: &Arc<str>,
        member: u64,
        offsets: &[(Arc<Topic>, u32, u64)],
    ) -> Result<Outcome, StoreError> {
        for (topic, partition, offset) in offsets {
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
        for (topic, partition, offset) in offsets {
            let key = (&**group, topic.id, *partition);
            self.tables.groups.insert(key, *offset)?;
            let id = (topic.id, *partition);
            self.note(Effect::Committed(Arc::clone(group), id, *offset));
        }
        Ok(Ok(Done::default()))
    }

    fn forget(&mut self, group: &str) -> Result<Outcome, StoreError> {
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
        self.note(Effect::Forgotten(group.to_owned()));
        Ok(Ok(Done {
            count: rows.len() as u64,
            ..Done::default()
        }))
    }
}

/// The error for a position outside of what its partition holds.
pub(crate) fn out_of_range(topic: &Topic, position: Position, span: Span) -> Error {
    Error::OffsetOutOfRange {
        topic: topic.name.to_string(),
        partition: position.partition,
        offset: position.offset,
        low: span.start.cast_signed(),
        high: span.end.cast_signed(),
    }
}
