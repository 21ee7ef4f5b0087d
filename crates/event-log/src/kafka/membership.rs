//! Rebalances of a consumer's group: the partitions it owns and their starting offsets.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::logging;
use crate::log::Start;
use crate::record::TopicPartition;

/// A change of partition ownership by a rebalance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OwnershipChange {
    Assigned(Vec<TopicPartition>),
    Revoked(Vec<TopicPartition>),
}

/// The context of a consumer; its callbacks run on the thread that polls.
pub(crate) struct GroupContext {
    start: Start,
    timeout: Duration,
    state: Mutex<OwnershipState>,
}

#[derive(Debug, Default)]
struct OwnershipState {
    owned: BTreeSet<TopicPartition>,
    changes: Vec<OwnershipChange>,
}

impl GroupContext {
    pub(crate) fn new(start: Start, timeout: Duration) -> Self {
        Self {
            start,
            timeout,
            state: Mutex::default(),
        }
    }

    pub(crate) fn owns(&self, partition: &TopicPartition) -> bool {
        self.state.lock().owned.contains(partition)
    }

    pub(crate) fn owned(&self) -> BTreeSet<TopicPartition> {
        self.state.lock().owned.clone()
    }

    /// Returns the changes since the last call, in the order in which they happened.
    pub(crate) fn take_changes(&self) -> Vec<OwnershipChange> {
        std::mem::take(&mut self.state.lock().changes)
    }

    fn assigned(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let starting = self
            .starting_offsets(consumer, list)
            .unwrap_or_else(|error| {
                // The client then looks the offsets up itself and defaults to the earliest: a group
                // that wanted the latest reads too much rather than too little.
                tracing::warn!(%error, "offsets of assigned partitions could not be looked up");
                list.clone()
            });
        let outcome = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&starting),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(&starting),
        };
        if let Err(error) = outcome {
            tracing::error!(%error, "assigned partitions were not taken");
        }
        let partitions = partitions(list);
        let mut state = self.state.lock();
        state.owned.extend(partitions.iter().cloned());
        state.changes.push(OwnershipChange::Assigned(partitions));
    }

    fn revoked(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let outcome = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
        };
        if let Err(error) = outcome {
            tracing::error!(%error, "revoked partitions were not given up");
        }
        let partitions = partitions(list);
        let mut state = self.state.lock();
        for partition in &partitions {
            state.owned.remove(partition);
        }
        state.changes.push(OwnershipChange::Revoked(partitions));
    }

    /// Returns the partitions with their starting offsets: the committed offset, else the one that
    /// the group's start asks for. A start at the end is committed at once, so that it does not
    /// move as records are appended.
    fn starting_offsets(
        &self,
        consumer: &BaseConsumer<Self>,
        list: &TopicPartitionList,
    ) -> KafkaResult<TopicPartitionList> {
        let committed = consumer.committed_offsets(list.clone(), self.timeout)?;
        let mut starting = TopicPartitionList::with_capacity(list.count());
        let mut ends = TopicPartitionList::new();
        for element in committed.elements() {
            element.error()?;
            let (topic, partition) = (element.topic(), element.partition());
            let offset = match (element.offset(), self.start) {
                (Offset::Offset(offset), _) => Offset::Offset(offset),
                (_, Start::Earliest) => Offset::Beginning,
                (_, Start::Latest) => {
                    let (_, end) = consumer.fetch_watermarks(topic, partition, self.timeout)?;
                    ends.add_partition_offset(topic, partition, Offset::Offset(end))?;
                    Offset::Offset(end)
                }
            };
            starting.add_partition_offset(topic, partition, offset)?;
        }
        if ends.count() > 0 {
            consumer.commit(&ends, CommitMode::Async)?;
        }
        Ok(starting)
    }
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        logging::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        logging::log_error(&error, reason);
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assigned(consumer, list),
            // Any other event means that the owned partitions cannot be relied on any more.
            _ => self.revoked(consumer, list),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::warn!(%error, "a commit was refused");
        }
    }
}

pub(crate) fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    let elements = list.elements();
    let partitions = elements.iter().map(|element| TopicPartition {
        topic: Arc::from(element.topic()),
        partition: element.partition(),
    });
    partitions.collect()
}
