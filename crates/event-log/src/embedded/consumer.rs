//! A member of a consumer group on the embedded log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::Inner;
use super::command::{Operation, PartitionOffset};
use super::groups::MemberId;
use super::metadata::Topic;
use super::reader::{PartitionRange, ReadBudget, read_partition};
use super::schema::PartitionId;
use super::transaction::out_of_range;
use crate::error::Error;
use crate::log::{Consumer, ConsumerOptions, Poll};
use crate::record::{Delivered, Position, TopicPartition};

pub(crate) struct EmbeddedConsumer {
    log: Arc<Inner>,
    group: Arc<str>,
    member: MemberId,
    topics: BTreeMap<u32, Arc<Topic>>,
    max_poll_bytes: usize,
    max_poll_interval: Duration,
    /// The owned partitions, each with the next offset to deliver.
    owned: BTreeMap<PartitionId, u64>,
    /// Partitions revoked since the last poll that returned.
    revoked: Vec<TopicPartition>,
    /// Partitions assigned since the last poll that returned.
    assigned: Vec<TopicPartition>,
    /// The index of the partition that the next poll reads first (round robin), so that none
    /// starves behind a busy one.
    round_robin: usize,
}

impl EmbeddedConsumer {
    /// Joins a group whose offsets for `topics` are in the file already.
    pub(crate) fn join(
        log: Arc<Inner>,
        options: &ConsumerOptions,
        topics: Vec<Arc<Topic>>,
    ) -> Self {
        let consumer = Self {
            group: options.group.as_str().into(),
            member: log.membership.new_member(),
            topics: topics.into_iter().map(|topic| (topic.id, topic)).collect(),
            max_poll_bytes: options.max_poll_bytes.max(1),
            max_poll_interval: options.max_poll_interval,
            owned: BTreeMap::new(),
            revoked: Vec::new(),
            assigned: Vec::new(),
            round_robin: 0,
            log,
        };
        consumer.rejoin();
        consumer
    }

    fn rejoin(&self) {
        let partitions: BTreeSet<PartitionId> = self
            .topics
            .values()
            .flat_map(|topic| (0..topic.partitions()).map(|partition| (topic.id, partition)))
            .collect();
        self.log
            .membership
            .join(&self.group, self.member, partitions, self.max_poll_interval);
    }

    fn topic_partition(&self, id: PartitionId) -> TopicPartition {
        let (topic, partition) = id;
        TopicPartition {
            topic: Arc::clone(&self.topics[&topic].name),
            partition: partition.cast_signed(),
        }
    }

    /// Applies the group's changes of ownership.
    fn sync(&mut self) {
        let changes = self.log.membership.sync(&self.group, self.member);
        let changes = changes.unwrap_or_else(|| {
            // The group evicted this member for not polling: it owns nothing and joins again.
            tracing::warn!(group = %self.group, "consumer had not polled for too long");
            let lost = std::mem::take(&mut self.owned);
            let lost = lost
                .into_keys()
                .map(|id| self.topic_partition(id))
                .collect::<Vec<_>>();
            self.revoke(lost);
            self.rejoin();
            let membership = &self.log.membership;
            membership
                .sync(&self.group, self.member)
                .unwrap_or_default()
        });
        let revoked = changes.revoked.iter();
        let revoked: Vec<_> = revoked.map(|id| self.topic_partition(*id)).collect();
        self.revoke(revoked);
        for id in changes.revoked {
            self.owned.remove(&id);
        }
        for id in changes.assigned {
            let start = self.topics[&id.0].span(id.1).start;
            // Subscribing committed an offset; it is missing if the group was forgotten since.
            let next = self.log.metadata.committed(&self.group, id);
            self.owned.insert(id, next.unwrap_or(start));
            self.assigned.push(self.topic_partition(id));
        }
    }

    fn revoke(&mut self, lost: Vec<TopicPartition>) {
        self.assigned.retain(|partition| !lost.contains(partition));
        self.revoked.extend(lost);
    }

    /// Returns the ranges that can be read now, in round-robin order.
    fn readable(&self) -> Vec<PartitionRange> {
        let first = self.round_robin % self.owned.len().max(1);
        self.owned
            .iter()
            .skip(first)
            .chain(self.owned.iter().take(first))
            .filter_map(|((topic, partition), next)| {
                let topic = &self.topics[topic];
                let span = topic.span(*partition);
                // After a seek back, retention may have dropped records at the next offset.
                let from = span.start.max(*next);
                (from < span.end).then(|| PartitionRange {
                    topic: Arc::clone(topic),
                    partition: *partition,
                    offsets: from..span.end,
                })
            })
            .collect()
    }

    async fn fetch(&mut self, max_records: usize) -> Result<Vec<Delivered>, Error> {
        let readable = self.readable();
        if readable.is_empty() {
            return Ok(Vec::new());
        }
        let mut budget = ReadBudget {
            records: max_records.max(1),
            bytes: self.max_poll_bytes,
        };
        let store = Arc::clone(&self.log.store);
        let (records, nexts) = Inner::blocking(move || {
            store.read("reading events", |txn| {
                let (mut records, mut nexts) = (Vec::new(), Vec::new());
                for range in readable {
                    if budget.is_spent() {
                        break;
                    }
                    let next = read_partition(txn, &range, &mut budget, &mut records)?;
                    nexts.push(((range.topic.id, range.partition), next));
                }
                Ok((records, nexts))
            })
        })
        .await?;
        // No await from here on: a dropped future either marks records as delivered and returns
        // them, or does neither.
        self.owned.extend(nexts);
        self.round_robin = self.round_robin.wrapping_add(1);
        Ok(records)
    }

    fn take_poll(&mut self, records: Vec<Delivered>) -> Poll {
        self.log.meters.polled(&records);
        Poll {
            revoked: std::mem::take(&mut self.revoked),
            assigned: std::mem::take(&mut self.assigned),
            records,
        }
    }

    fn owned_partition(&self, topic: &str, partition: i32) -> Result<(Arc<Topic>, u32), Error> {
        let known = self.topics.values().find(|known| &*known.name == topic);
        let owned = known.and_then(|topic| {
            let partition = u32::try_from(partition).ok()?;
            let owned = self.owned.contains_key(&(topic.id, partition));
            owned.then(|| (Arc::clone(topic), partition))
        });
        owned.ok_or_else(|| Error::NotAssigned {
            group: self.group.to_string(),
            topic: topic.to_owned(),
            partition,
        })
    }
}

#[async_trait]
impl Consumer for EmbeddedConsumer {
    async fn poll(&mut self, max_records: usize, wait: Duration) -> Result<Poll, Error> {
        let deadline = Instant::now() + wait;
        let log = Arc::clone(&self.log);
        loop {
            let changed = log.membership.changed();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if log.commands.is_closed() {
                return Err(Error::Closed);
            }
            self.sync();
            let records = self.fetch(max_records).await?;
            if !(records.is_empty() && self.revoked.is_empty() && self.assigned.is_empty()) {
                return Ok(self.take_poll(records));
            }
            // A long poll counts as alive: it syncs again before the group would evict it.
            let heartbeat = Instant::now() + self.max_poll_interval / 2;
            let waited = tokio::time::timeout_at(deadline.min(heartbeat), changed).await;
            if waited.is_err() && Instant::now() >= deadline {
                return Ok(Poll::default());
            }
        }
    }

    async fn commit(&mut self, upto: &[(Arc<str>, Position)]) -> Result<(), Error> {
        let mut offsets = Vec::with_capacity(upto.len());
        for (topic, position) in upto {
            let (topic, partition) = self.owned_partition(topic, position.partition)?;
            let Ok(offset) = u64::try_from(position.offset) else {
                let span = topic.span(partition);
                return Err(out_of_range(&topic, *position, span));
            };
            offsets.push(PartitionOffset {
                topic,
                partition,
                offset,
            });
        }
        if offsets.is_empty() {
            return Ok(());
        }
        let commit = Operation::Commit {
            group: Arc::clone(&self.group),
            member: self.member,
            offsets,
        };
        self.log.submit(commit).await.map(drop)
    }

    async fn seek(&mut self, topic: &str, position: Position) -> Result<(), Error> {
        let (topic, partition) = self.owned_partition(topic, position.partition)?;
        let span = topic.span(partition);
        match u64::try_from(position.offset) {
            Ok(offset) if (span.start..=span.end).contains(&offset) => {
                self.owned.insert((topic.id, partition), offset);
                Ok(())
            }
            _ => Err(out_of_range(&topic, position, span)),
        }
    }

    async fn lag(&self) -> Result<u64, Error> {
        let behind = |id: &PartitionId| {
            let span = self.topics[&id.0].span(id.1);
            let committed = self.log.metadata.committed(&self.group, *id);
            span.end - committed.unwrap_or(span.start).clamp(span.start, span.end)
        };
        Ok(self.owned.keys().map(behind).sum())
    }

    async fn close(self: Box<Self>) -> Result<(), Error> {
        drop(self);
        Ok(())
    }
}

impl Drop for EmbeddedConsumer {
    fn drop(&mut self) {
        self.log.membership.leave(&self.group, self.member);
    }
}
