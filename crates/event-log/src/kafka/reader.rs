//! Reading outside any group.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Semaphore;

use super::failure::{Asked, heals_by_itself};
use super::message::{TopicNames, delivered};
use crate::error::Error;
use crate::record::{Delivered, Position};

/// Reads at the same time at most; connections for as many are kept.
const READERS: usize = 4;

/// Consumers without a group, kept between reads.
pub(crate) struct Readers {
    config: ClientConfig,
    asked: Asked,
    idle: Arc<Mutex<Vec<BaseConsumer>>>,
    slots: Semaphore,
}

impl Readers {
    pub(crate) fn new(config: ClientConfig, asked: Asked) -> Self {
        Self {
            config,
            asked,
            idle: Arc::default(),
            slots: Semaphore::new(READERS),
        }
    }

    /// Reads up to `max` records of an existing partition from `from` on.
    pub(crate) async fn read(
        &self,
        topic: &str,
        from: Position,
        max: usize,
    ) -> Result<Vec<Delivered>, Error> {
        let _slot = self.slots.acquire().await.map_err(|_| Error::Closed)?;
        let kept = self.idle.lock().pop();
        let (config, asked) = (self.config.clone(), self.asked.clone());
        let (idle, topic) = (Arc::clone(&self.idle), topic.to_owned());
        tokio::task::spawn_blocking(move || {
            let consumer = match kept {
                Some(consumer) => consumer,
                None => config
                    .create::<BaseConsumer>()
                    .map_err(|error| asked.failed("making a reader", error))?,
            };
            let read = Read {
                consumer: &consumer,
                asked: &asked,
                topic: &topic,
                from,
            };
            let outcome = read.run(max);
            // A reader that failed may be in any state: the next read makes a new one.
            if outcome.is_ok() && consumer.unassign().is_ok() {
                idle.lock().push(consumer);
            }
            outcome
        })
        .await
        .map_err(|_| Error::Closed)?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        let idle = std::mem::take(&mut *self.idle.lock());
        if !idle.is_empty() {
            // Closing them waits for their threads.
            let thread = std::thread::Builder::new().name("event-log-release".to_owned());
            let _released_here = thread.spawn(move || drop(idle));
        }
    }
}

struct Read<'a> {
    consumer: &'a BaseConsumer<DefaultConsumerContext>,
    asked: &'a Asked,
    topic: &'a str,
    from: Position,
}

impl Read<'_> {
    fn run(&self, max: usize) -> Result<Vec<Delivered>, Error> {
        let Position { partition, offset } = self.from;
        let (low, high) = self
            .consumer
            .fetch_watermarks(self.topic, partition, self.asked.timeout)
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

    /// Collects until there is enough, or the end that was seen, or (where the end is no record:
    /// markers of transactions) the end that the client sees.
    fn collect(&self, max: usize, high: i64) -> Result<Vec<Delivered>, Error> {
        let deadline = Instant::now() + self.asked.timeout;
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
                Some(Err(error)) if heals_by_itself(&error) && !left.is_zero() => {}
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
        self.asked.failed_on(self.topic, "reading", error)
    }
}
