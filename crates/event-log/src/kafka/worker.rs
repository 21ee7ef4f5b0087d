//! The thread of a consumer. librdkafka's calls block, and its callbacks run on this thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::{mpsc, oneshot};

use super::failure::{RequestContext, code, is_recoverable, means_group_changed};
use super::membership::{GroupContext, OwnershipChange};
use super::message::{TopicNames, delivered};
use crate::error::Error;
use crate::log::Poll;
use crate::record::{Delivered, Position, TopicPartition};

/// The time between two attempts to seek in a partition that is not fetched yet.
const SEEK_RETRY_INTERVAL: Duration = Duration::from_millis(10);
/// The longest wait for the client's queue, so that a request to close is noticed.
const POLL_SLICE: Duration = Duration::from_millis(100);

/// A request of the consumer's handle.
pub(crate) enum Request {
    Poll {
        max_records: usize,
        wait: Duration,
    },
    Commit {
        upto: Vec<(Arc<str>, Position)>,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    Seek {
        partition: TopicPartition,
        offset: i64,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    Lag {
        reply: oneshot::Sender<Result<u64, Error>>,
    },
    Close {
        reply: oneshot::Sender<Result<(), Error>>,
    },
}

/// The thread's state.
pub(crate) struct Worker {
    pub(crate) consumer: BaseConsumer<GroupContext>,
    pub(crate) group: String,
    pub(crate) context: RequestContext,
    pub(crate) max_poll_bytes: usize,
    pub(crate) polls: mpsc::Sender<Result<Poll, Error>>,
    pub(crate) leaving: Arc<AtomicBool>,
    pub(crate) names: TopicNames,
    /// An error that followed records of the same poll. The next poll returns it.
    pub(crate) deferred: Option<Error>,
}

impl Worker {
    /// Serves requests until one asks to close or the handle is dropped, then leaves the group.
    pub(crate) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(request) = requests.blocking_recv() {
            match request {
                Request::Poll { max_records, wait } => {
                    let poll = self.poll(max_records, wait);
                    // One poll is requested at a time, so the channel has space. A dropped handle
                    // committed none of the records; they are delivered to other members.
                    let _handle_is_gone = self.polls.try_send(poll);
                }
                Request::Commit { upto, reply } => {
                    let _caller_is_gone = reply.send(self.commit(&upto));
                }
                Request::Seek {
                    partition,
                    offset,
                    reply,
                } => {
                    let _caller_is_gone = reply.send(self.seek(&partition, offset));
                }
                Request::Lag { reply } => {
                    let _caller_is_gone = reply.send(self.lag());
                }
                Request::Close { reply } => {
                    drop(self);
                    let _caller_is_gone = reply.send(Ok(()));
                    return;
                }
            }
        }
    }

    fn poll(&mut self, max_records: usize, wait: Duration) -> Result<Poll, Error> {
        if let Some(error) = self.deferred.take() {
            return Err(error);
        }
        let deadline = Instant::now() + wait;
        let mut poll = Poll::default();
        let mut bytes = 0;
        while poll.records.len() < max_records && bytes < self.max_poll_bytes {
            // A poll that has something only adds what the client has fetched already.
            let wait = if poll.is_empty() {
                deadline
                    .saturating_duration_since(Instant::now())
                    .min(POLL_SLICE)
            } else {
                Duration::ZERO
            };
            let message = self.consumer.poll(wait);
            let message = message.map(|m| m.map(|m| delivered(&m, &mut self.names)));
            self.take_changes(&mut poll);
            match message {
                Some(Ok(delivered)) => {
                    bytes += delivered.record.size();
                    self.add(&mut poll, delivered);
                }
                Some(Err(error)) if is_recoverable(&error) => {
                    tracing::debug!(%error, "kafka consumer waits");
                }
                Some(Err(error)) => {
                    let error = self.context.failed("consuming", error);
                    if poll.is_empty() {
                        return Err(error);
                    }
                    self.deferred = Some(error);
                    break;
                }
                None if !poll.is_empty() || Instant::now() >= deadline => break,
                None => {}
            }
            if self.leaving.load(Ordering::Acquire) {
                break;
            }
        }
        Ok(poll)
    }

    /// Applies changes of ownership to the result so far.
    fn take_changes(&self, poll: &mut Poll) {
        for change in self.consumer.context().take_changes() {
            match change {
                OwnershipChange::Assigned(partitions) => poll.assigned.extend(partitions),
                OwnershipChange::Revoked(partitions) => {
                    poll.records
                        .retain(|record| !partitions.iter().any(|lost| is_from(record, lost)));
                    poll.assigned.retain(|had| !partitions.contains(had));
                    poll.revoked.extend(partitions);
                }
            }
        }
    }

    fn add(&self, poll: &mut Poll, delivered: Delivered) {
        let partition = TopicPartition {
            topic: Arc::clone(&delivered.topic),
            partition: delivered.position.partition,
        };
        if self.consumer.context().owns(&partition) {
            poll.records.push(delivered);
        }
    }

    fn commit(&self, upto: &[(Arc<str>, Position)]) -> Result<(), Error> {
        let mut list = TopicPartitionList::with_capacity(upto.len());
        for (topic, position) in upto {
            let partition = TopicPartition {
                topic: Arc::clone(topic),
                partition: position.partition,
            };
            self.check_owned(&partition)?;
            list.add_partition_offset(topic, position.partition, Offset::Offset(position.offset))
                .map_err(|error| self.context.failed_on(topic, "committing", error))?;
        }
        if list.count() == 0 {
            return Ok(());
        }
        self.consumer
            .commit(&list, CommitMode::Sync)
            .map_err(|error| self.commit_failed(error))
    }

    fn commit_failed(&self, error: KafkaError) -> Error {
        if code(&error).is_some_and(means_group_changed) {
            return Error::GroupChanged {
                group: self.group.clone(),
                cause: Arc::new(error),
            };
        }
        self.context.failed("committing", error)
    }

    fn seek(&self, partition: &TopicPartition, offset: i64) -> Result<(), Error> {
        self.check_owned(partition)?;
        let (topic, number) = (&*partition.topic, partition.partition);
        let (low, high) = self
            .consumer
            .fetch_watermarks(topic, number, self.context.timeout)
            .map_err(|error| self.context.failed_on(topic, "seeking", error))?;
        if !(low..=high).contains(&offset) {
            return Err(Error::OffsetOutOfRange {
                topic: topic.to_owned(),
                partition: number,
                offset,
                low,
                high,
            });
        }
        let deadline = Instant::now() + self.context.timeout;
        loop {
            let to = Offset::Offset(offset);
            match self.consumer.seek(topic, number, to, self.context.timeout) {
                Ok(()) => return Ok(()),
                // A seek fails until another thread begins to fetch the assigned partition.
                Err(KafkaError::Seek(_)) if Instant::now() < deadline => wait_before_seek_retry(),
                Err(error) => return Err(self.context.failed_on(topic, "seeking", error)),
            }
        }
    }

    fn lag(&self) -> Result<u64, Error> {
        let failed = |error| self.context.failed("asking for the lag", error);
        let mut list = TopicPartitionList::new();
        for partition in self.consumer.context().owned() {
            list.add_partition(&partition.topic, partition.partition);
        }
        if list.count() == 0 {
            return Ok(0);
        }
        let timeout = self.context.timeout;
        let committed = self.consumer.committed_offsets(list, timeout);
        let mut lag = 0;
        for element in committed.map_err(failed)?.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            let watermarks = self.consumer.fetch_watermarks(topic, partition, timeout);
            let (low, high) = watermarks.map_err(failed)?;
            let next = match element.offset() {
                Offset::Offset(offset) => offset.clamp(low, high),
                _ => low,
            };
            lag += u64::try_from(high - next).unwrap_or(0);
        }
        Ok(lag)
    }

    fn check_owned(&self, partition: &TopicPartition) -> Result<(), Error> {
        if self.consumer.context().owns(partition) {
            return Ok(());
        }
        Err(Error::NotAssigned {
            group: self.group.clone(),
            topic: partition.topic.to_string(),
            partition: partition.partition,
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the consumer's own thread, not the runtime's, and the client has no event for it"
)]
fn wait_before_seek_retry() {
    std::thread::sleep(SEEK_RETRY_INTERVAL);
}

fn is_from(delivered: &Delivered, partition: &TopicPartition) -> bool {
    delivered.position.partition == partition.partition && delivered.topic == partition.topic
}
