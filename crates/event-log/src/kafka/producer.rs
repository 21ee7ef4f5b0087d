//! The producer behind appends: it tracks each record until the broker acknowledges or refuses it.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::util::Timeout;
use tokio::sync::{Notify, Semaphore, oneshot};

use super::logging;
use crate::record::{Position, Record};

/// The unit in which queued bytes are counted. A small record counts as one unit, so that the
/// number of records is bounded too.
const UNIT_BYTES: usize = 1_024;

/// The outcome of one append.
#[derive(Debug)]
pub(crate) struct AppendOutcome {
    /// The records' positions in the order given, valid if all were acknowledged.
    pub(crate) positions: Vec<Position>,
    pub(crate) acknowledged: usize,
    /// The first failure.
    pub(crate) failure: Option<RecordFailure>,
}

/// The error of one record of an append.
#[derive(Debug)]
pub(crate) struct RecordFailure {
    /// The record's index in the call.
    pub(crate) index: usize,
    pub(crate) error: KafkaError,
}

/// The records of one append that are in flight.
struct PendingAppend(Mutex<PendingState>);

struct PendingState {
    outcome: AppendOutcome,
    /// The number of records neither acknowledged nor failed.
    pending: usize,
    complete: Option<oneshot::Sender<AppendOutcome>>,
}

impl PendingAppend {
    fn new(records: usize) -> (Arc<Self>, oneshot::Receiver<AppendOutcome>) {
        let (complete, outcome) = oneshot::channel();
        let unknown = Position {
            partition: -1,
            offset: -1,
        };
        let state = PendingState {
            outcome: AppendOutcome {
                positions: vec![unknown; records],
                acknowledged: 0,
                failure: None,
            },
            pending: records,
            complete: Some(complete),
        };
        (Arc::new(Self(Mutex::new(state))), outcome)
    }

    fn acknowledge(&self, index: usize, position: Position) {
        let mut state = self.0.lock();
        state.outcome.positions[index] = position;
        state.outcome.acknowledged += 1;
        state.settle(1);
    }

    /// Records that `count` records, beginning with `index`, will not be acknowledged.
    fn fail(&self, index: usize, count: usize, error: KafkaError) {
        let mut state = self.0.lock();
        let failure = RecordFailure { index, error };
        state.outcome.failure.get_or_insert(failure);
        state.settle(count);
    }
}

impl PendingState {
    /// Counts `count` records as settled; sends the outcome after the last one.
    fn settle(&mut self, count: usize) {
        self.pending -= count;
        if self.pending == 0
            && let Some(complete) = self.complete.take()
        {
            let outcome = AppendOutcome {
                positions: std::mem::take(&mut self.outcome.positions),
                acknowledged: self.outcome.acknowledged,
                failure: self.outcome.failure.take(),
            };
            let _nobody_waits = complete.send(outcome);
        }
    }
}

/// The value that librdkafka carries with a record and returns with its delivery report.
pub(crate) struct DeliveryTag {
    append: Arc<PendingAppend>,
    index: usize,
    units: usize,
}

/// The producer's context: it receives every delivery report, on the client's polling thread.
struct DeliveryReports {
    budget: Arc<Semaphore>,
    delivered: Arc<Notify>,
}

impl ClientContext for DeliveryReports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        logging::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        logging::log_error(&error, reason);
    }
}

impl ProducerContext for DeliveryReports {
    type DeliveryOpaque = Box<DeliveryTag>;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: Box<DeliveryTag>) {
        match result {
            Ok(message) => {
                let position = Position {
                    partition: message.partition(),
                    offset: message.offset(),
                };
                tag.append.acknowledge(tag.index, position);
            }
            Err((error, _)) => tag.append.fail(tag.index, 1, error.clone()),
        }
        self.budget.add_permits(tag.units);
        self.delivered.notify_waiters();
    }
}

type Client = ThreadedProducer<DeliveryReports>;

/// An idempotent producer that waits, rather than fails, when too much is in flight.
pub(crate) struct BoundedProducer {
    config: ClientConfig,
    client: RwLock<Arc<Client>>,
    budget: Arc<Semaphore>,
    budget_units: usize,
    delivered: Arc<Notify>,
}

impl BoundedProducer {
    pub(crate) fn new(config: ClientConfig, queued_bytes: usize) -> Result<Self, KafkaError> {
        let budget_units = (queued_bytes / UNIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        let budget = Arc::new(Semaphore::new(budget_units));
        let delivered = Arc::new(Notify::new());
        let client = make_client(&config, &budget, &delivered)?;
        Ok(Self {
            config,
            client: RwLock::new(Arc::new(client)),
            budget,
            budget_units,
            delivered,
        })
    }

    /// Sends records and waits until each is acknowledged or has failed.
    pub(crate) async fn send(&self, topic: &str, records: &[Record]) -> AppendOutcome {
        let (append, completed) = PendingAppend::new(records.len());
        let client = Arc::clone(&self.client.read());
        for (index, record) in records.iter().enumerate() {
            if let Err(error) = self.send_one(&client, topic, record, &append, index).await {
                // The remaining records are not sent, because that could break order in a key.
                append.fail(index, records.len() - index, error);
                break;
            }
        }
        // `append` holds the sender until every record is settled.
        let canceled = |_| AppendOutcome {
            positions: Vec::new(),
            acknowledged: 0,
            failure: Some(RecordFailure {
                index: 0,
                error: KafkaError::Canceled,
            }),
        };
        let outcome = completed.await.unwrap_or_else(canceled);
        if outcome.failure.is_some() && client.client().fatal_error().is_some() {
            self.replace(&client);
        }
        outcome
    }

    async fn send_one(
        &self,
        client: &Client,
        topic: &str,
        record: &Record,
        append: &Arc<PendingAppend>,
        index: usize,
    ) -> Result<(), KafkaError> {
        let units = (1 + record.size() / UNIT_BYTES).min(self.budget_units);
        // The semaphore is never closed, so this cannot fail.
        let permits = u32::try_from(units).unwrap_or(u32::MAX);
        let Ok(permit) = self.budget.acquire_many(permits).await else {
            return Err(KafkaError::Canceled);
        };
        let tag = Box::new(DeliveryTag {
            append: Arc::clone(append),
            index,
            units,
        });
        let mut message = BaseRecord::with_opaque_to(topic, tag)
            .key(&*record.key)
            .payload(&*record.payload)
            .timestamp(record.timestamp_ms);
        if !record.headers.is_empty() {
            message = message.headers(headers(record));
        }
        loop {
            let delivered = self.delivered.notified();
            message = match client.send(message) {
                Ok(()) => {
                    // The delivery report returns the permits.
                    permit.forget();
                    return Ok(());
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => back,
                Err((error, _)) => return Err(error),
            };
            delivered.await;
        }
    }

    /// Replaces the client after a fatal error (the broker lost what it had acknowledged). An
    /// idempotent producer refuses everything then; a new one begins a new sequence.
    fn replace(&self, failed: &Arc<Client>) {
        let mut current = self.client.write();
        if !Arc::ptr_eq(&current, failed) {
            return;
        }
        match make_client(&self.config, &self.budget, &self.delivered) {
            Ok(client) => {
                tracing::warn!("kafka producer failed fatally and was replaced");
                let old = std::mem::replace(&mut *current, Arc::new(client));
                drop(current);
                release(old);
            }
            Err(error) => tracing::error!(%error, "kafka producer could not be replaced"),
        }
    }

    /// Waits until no record is in flight.
    pub(crate) async fn flush(&self, timeout: std::time::Duration) -> Result<(), KafkaError> {
        let client = Arc::clone(&self.client.read());
        tokio::task::spawn_blocking(move || client.flush(Timeout::After(timeout)))
            .await
            .map_err(|_| KafkaError::Canceled)?
    }
}

impl Drop for BoundedProducer {
    fn drop(&mut self) {
        release(Arc::clone(&self.client.read()));
    }
}

/// Drops a client on a thread of its own, because that joins the client's threads and may block.
fn release(client: Arc<Client>) {
    let thread = std::thread::Builder::new().name("event-log-release".to_owned());
    // If no thread starts, the client is dropped here, which only takes longer.
    let _released_here = thread.spawn(move || drop(client));
}

fn make_client(
    config: &ClientConfig,
    budget: &Arc<Semaphore>,
    delivered: &Arc<Notify>,
) -> Result<Client, KafkaError> {
    config.create_with_context(DeliveryReports {
        budget: Arc::clone(budget),
        delivered: Arc::clone(delivered),
    })
}

fn headers(record: &Record) -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(record.headers.len());
    record
        .headers
        .iter()
        .fold(headers, |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(&**value),
            })
        })
}
