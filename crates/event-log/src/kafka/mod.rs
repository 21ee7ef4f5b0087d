//! The event log on Apache Kafka.
//!
//! Appends go through one idempotent producer ([`producer`]); each consumer has a thread of its
//! own ([`worker`]), because librdkafka's calls block; requests about topics ([`cluster`]) and
//! reads outside groups ([`reader`]) run on blocking threads.

mod cluster;
mod consumer;
mod failure;
mod logging;
mod membership;
mod message;
mod options;
mod producer;
mod reader;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::mpsc;

use self::cluster::Cluster;
use self::consumer::KafkaConsumer;
use self::failure::{RequestContext, code};
use self::membership::GroupContext;
use self::message::TopicNames;
pub use self::options::{Compression, KafkaOptions};
use self::producer::{AppendOutcome, BoundedProducer, RecordFailure};
use self::reader::ReaderPool;
use self::worker::Worker;
use crate::admission::{check_group, check_records, check_spec, check_topic};
use crate::error::Error;
use crate::log::{Consumer, ConsumerOptions, EventLog, PartitionOffsets, TopicSpec};
use crate::meters::Meters;
use crate::record::{Delivered, Position, Record, wall_clock_ms};

/// An event log on a Kafka cluster.
pub struct KafkaEventLog {
    options: KafkaOptions,
    cluster: Cluster,
    producer: BoundedProducer,
    readers: ReaderPool,
    meters: Meters,
    closed: AtomicBool,
}

impl KafkaEventLog {
    /// Opens the log after checking the options and that the cluster answers within
    /// [`KafkaOptions::request_timeout`].
    pub async fn connect(options: KafkaOptions) -> Result<Self, Error> {
        let log = Self::open(options)?;
        log.cluster.ping().await?;
        Ok(log)
    }

    /// Opens the log after checking the options alone. Calls fail while the cluster is away and
    /// work again once it is back.
    pub fn open(options: KafkaOptions) -> Result<Self, Error> {
        options.check()?;
        let context = RequestContext {
            bootstrap: options.bootstrap.as_str().into(),
            timeout: options.request_timeout,
        };
        let cluster = Cluster::new(&options.admin_config(), context.clone())?;
        let producer = BoundedProducer::new(options.producer_config(), options.queued_bytes)
            .map_err(|error| context.failed("making a producer", error))?;
        Ok(Self {
            readers: ReaderPool::new(options.reader_config(), context),
            meters: Meters::new("kafka"),
            closed: AtomicBool::new(false),
            options,
            cluster,
            producer,
        })
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        Ok(())
    }

    async fn append_result(
        &self,
        topic: &str,
        records: &[Record],
        outcome: AppendOutcome,
    ) -> Result<Vec<Position>, Error> {
        let Some(RecordFailure { index, error }) = outcome.failure else {
            return Ok(outcome.positions);
        };
        let failed = Error::Append {
            topic: topic.to_owned(),
            acknowledged: outcome.acknowledged,
            total: records.len(),
            cause: Arc::new(error.clone()),
        };
        Err(match code(&error) {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                match self.cluster.max_message_bytes(topic).await {
                    Some(limit) => Error::RecordTooLarge {
                        topic: topic.to_owned(),
                        size: records[index].size(),
                        limit,
                    },
                    None => failed,
                }
            }
            Some(RDKafkaErrorCode::MessageTimedOut) => self.delivery_failed(error),
            Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
                self.cluster.forget(topic);
                self.cluster.context.unknown_topic(topic)
            }
            _ => failed,
        })
    }

    fn delivery_failed(&self, error: KafkaError) -> Error {
        let context = RequestContext {
            timeout: self.options.delivery_timeout,
            ..self.cluster.context.clone()
        };
        context.failed("appending", error)
    }

    fn start_consumer(&self, options: &ConsumerOptions) -> Result<KafkaConsumer, Error> {
        let context = self.cluster.context.clone();
        let membership = GroupContext::new(options.start, context.timeout);
        let consumer: BaseConsumer<GroupContext> = self
            .options
            .consumer_config(options)
            .create_with_context(membership)
            .map_err(|error| context.failed("making a consumer", error))?;
        let topics: Vec<&str> = options.topics.iter().map(String::as_str).collect();
        consumer
            .subscribe(&topics)
            .map_err(|error| context.failed("subscribing", error))?;
        let (requests, inbox) = mpsc::channel(1);
        let (outbox, polls) = mpsc::channel(1);
        let leaving = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            consumer,
            group: options.group.clone(),
            context,
            max_poll_bytes: options.max_poll_bytes.max(1),
            polls: outbox,
            leaving: Arc::clone(&leaving),
            names: TopicNames::default(),
            deferred: None,
        };
        // The thread ends when the handle is dropped, after leaving the group.
        std::thread::Builder::new()
            .name("event-log-consumer".to_owned())
            .spawn(move || worker.run(inbox))
            .map_err(|error| Error::Kafka {
                bootstrap: self.options.bootstrap.clone(),
                operation: "starting a consumer's thread",
                cause: Arc::new(error),
            })?;
        Ok(KafkaConsumer::new(requests, polls, leaving, self.meters))
    }
}

#[async_trait]
impl EventLog for KafkaEventLog {
    async fn create_topic(&self, topic: &str, spec: TopicSpec) -> Result<(), Error> {
        self.check_open()?;
        check_topic(topic)?;
        check_spec(&spec)?;
        let replication = self.options.replication;
        self.cluster.create_topic(topic, spec, replication).await
    }

    async fn append(&self, topic: &str, records: Vec<Record>) -> Result<Vec<Position>, Error> {
        self.check_open()?;
        check_topic(topic)?;
        self.cluster.partitions(topic).await?;
        let began = Instant::now();
        let limit = self.options.max_record_bytes;
        let outcome = match check_records(topic, &records, limit, wall_clock_ms()) {
            Ok(()) if records.is_empty() => return Ok(Vec::new()),
            Ok(()) => {
                let outcome = self.producer.send(topic, &records).await;
                self.append_result(topic, &records, outcome).await
            }
            Err(error) => Err(error),
        };
        match &outcome {
            Ok(positions) => self.meters.appended(topic, positions.len(), began),
            Err(_) => self.meters.append_failed(topic),
        }
        outcome
    }

    async fn consumer(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>, Error> {
        self.check_open()?;
        check_group(&options.group)?;
        for topic in &options.topics {
            check_topic(topic)?;
            self.cluster.partitions(topic).await?;
        }
        Ok(Box::new(self.start_consumer(&options)?))
    }

    async fn offsets(&self, topic: &str) -> Result<Vec<PartitionOffsets>, Error> {
        self.check_open()?;
        check_topic(topic)?;
        self.cluster.offsets(topic).await
    }

    async fn read(&self, topic: &str, from: Position, max: usize) -> Result<Vec<Delivered>, Error> {
        self.check_open()?;
        check_topic(topic)?;
        let partitions = self.cluster.partitions(topic).await?;
        if !(0..partitions).contains(&from.partition) {
            return Err(Error::UnknownPartition {
                topic: topic.to_owned(),
                partition: from.partition,
                last: partitions - 1,
            });
        }
        let outcome = self.readers.read(topic, from, max).await;
        self.cluster.forget_if_unknown(topic, outcome)
    }

    async fn healthy(&self) -> Result<(), Error> {
        self.check_open()?;
        self.cluster.ping().await
    }

    async fn close(&self) -> Result<(), Error> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let flushed = self.producer.flush(self.options.delivery_timeout).await;
        flushed.map_err(|error| self.delivery_failed(error))
    }
}
