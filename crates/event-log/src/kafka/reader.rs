//! Reads outside any group.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Semaphore;

use super::failure::{RequestContext, is_recoverable};
use super::message::{TopicNames, delivered};
use crate::error::Error;
use crate::record::{Delivered, Position};

/// The most reads at the same time; connections for as many are kept.
const MAX_READERS: usize = 4;

/// A pool of consumers without a group, kept between reads.
pub(crate) struct ReaderPool {
    config: ClientConfig,
    context: RequestContext,
    idle: Arc<Mutex<Vec<BaseConsumer>>>,
    slots: Semaphore,
}

impl ReaderPool {
    pub(crate) fn new(config: ClientConfig, context: RequestContext) -> Self {
        Self {
            config,
            context,
            idle: Arc::default(),
            slots: Semaphore::new(MAX_READERS),
        }
    }

    /// Reads up to `max` records of an existing partition, beginning at `from`.
    pub(crate) async fn read(
        &self,
        topic: &str,
        from: Position,
        max: usize,
    ) -> Result<Vec<Delivered>, Error> {
        let _slot = self.slots.acquire().await.map_err(|_| Error::Closed)?;
        let kept = self.idle.lock().pop();
        let (config, context) = (self.config.clone(), self.context.clone());
        let (idle, topic) = (Arc::clone(&self.idle), topic.to_owned());
        tokio::task::spawn_blocking(move || {
            let consumer = match kept {
                Some(consumer) => consumer,
                None => config
                    .create::<BaseConsumer>()
                    .map_err(|error| context.failed("making a reader", error))?,
            };
            let read = PartitionRead {
                consumer: &consumer,
                context: &context,
                topic: &topic,
                from,
            };
            let outcome = read.run(max);
            // A reader that failed may be in any state; the next read makes a new one.
            if outcome.is_ok() && consumer.unassign().is_ok() {
                idle.lock().push(consumer);
            }
            outcome
        })
        .await
        .map_err(|_| Error::Closed)?
    }
}

impl Drop for ReaderPool {
    fn drop(&mut self) {
        let idle = std::mem::take(&mut *self.idle.lock());
        if !idle.is_empty() {
            // Closing the consumers joins their threads, so it happens on a thread of its own.
            let thread = std::thread::Builder::new().name("event-log-release".to_owned());
            let _released_here = thread.spawn(move || drop(idle));
        }
    }
}

/// One read of one partition.
struct PartitionRead<'a> {
    consumer: &'a BaseConsumer<DefaultConsumerContext>,
    context: &'a RequestContext,
    topic: &'a str,
    from: Position,
}

impl PartitionRead<'_> {
    fn run(&self, max: usize) -> Result<Vec<Delivered>, Error> {
        let Position { partition, offset } = self.from;
        let (low, high) = self
            .consumer
            .fetch_watermarks(self.topic, partition, self.context.timeout)
            .map_err(|error| self.failed(error))?;
        if !(low..=high).contains(&offset) {
            return Err(Error::OffsetOutOfRange {
                topic: self.topic.to_owned(),
                partition,
                offset,
                low,
                high,
            });
        }
        if offset == high || max == 0 {
            return Ok(Vec::new());
        }
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(self.topic, partition, Offset::Offset(offset))
            .and_then(|()| self.consumer.assign(&list))
            .map_err(|error| self.failed(error))?;
        self.collect(max, high)
    }

    /// Collects records until there are `max`, or up to the end offset `high`, or up to the end
    /// that the client reports. The last case arises where the end is a transaction marker, which
    /// is not delivered as a record.
    fn collect(&self, max: usize, high: i64) -> Result<Vec<Delivered>, Error> {
        let deadline = Instant::now() + self.context.timeout;
        let mut names = TopicNames::default();
        let mut records: Vec<Delivered> = Vec::new();
        while records.len() < max {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.consumer.poll(left) {
                Some(Ok(message)) => {
                    let record = delivered(&message, &mut names);
                    let offset = record.position.offset;
                    records.push(record);
                    if offset + 1 >= high {
                        break;
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => break,
                Some(Err(error)) if is_recoverable(&error) && !left.is_zero() => {}
                Some(Err(error)) => return Err(self.failed(error)),
                None if left.is_zero() => {
                    let code = rdkafka::error::RDKafkaErrorCode::OperationTimedOut;
                    return Err(self.failed(KafkaError::MessageConsumption(code)));
                }
                None => {}
            }
        }
        Ok(records)
    }

    fn failed(&self, error: KafkaError) -> Error {
        self.context.failed_on(self.topic, "reading", error)
    }
}
