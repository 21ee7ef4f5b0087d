//! Appending: many records in flight, each accounted for when the broker has answered.

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

/// Unit in which waiting bytes are counted: a small record counts as one, so that the number of
/// records is bounded too.
const UNIT_BYTES: usize = 1_024;

/// What became of the records of one append.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Places in the order given, if all were acknowledged.
    pub(crate) positions: Vec<Position>,
    pub(crate) acknowledged: usize,
    /// The first failure, with the index of its record.
    pub(crate) failure: Option<(usize, KafkaError)>,
}

/// The records of one append on their way.
struct Flight(Mutex<FlightState>);

struct FlightState {
    outcome: Outcome,
    pending: usize,
    landed: Option<oneshot::Sender<Outcome>>,
}

impl Flight {
    fn new(records: usize) -> (Arc<Self>, oneshot::Receiver<Outcome>) {
        let (landed, outcome) = oneshot::channel();
        let nowhere = Position {
            partition: -1,
            offset: -1,
        };
        let state = FlightState {
            outcome: Outcome {
                positions: vec![nowhere; records],
                acknowledged: 0,
                failure: None,
            },
            pending: records,
            landed: Some(landed),
        };
        (Arc::new(Self(Mutex::new(state))), outcome)
    }

    fn acknowledge(&self, index: usize, position: Position) {
        let mut state = self.0.lock();
        state.outcome.positions[index] = position;
        state.outcome.acknowledged += 1;
        state.settle(1);
    }

    /// Notes that `count` records, beginning with `index`, will not be acknowledged.
    fn fail(&self, index: usize, count: usize, error: KafkaError) {
        let mut state = self.0.lock();
        state.outcome.failure.get_or_insert((index, error));
        state.settle(count);
    }
}

impl FlightState {
    fn settle(&mut self, count: usize) {
        self.pending -= count;
        if self.pending == 0
            && let Some(landed) = self.landed.take()
        {
            let outcome = Outcome {
                positions: std::mem::take(&mut self.outcome.positions),
                acknowledged: self.outcome.acknowledged,
                failure: self.outcome.failure.take(),
            };
            let _nobody_waits = landed.send(outcome);
        }
    }
}

/// What travels with a record through librdkafka.
pub(crate) struct Ticket {
    flight: Arc<Flight>,
    index: usize,
    units: usize,
}

/// Hears of every delivery, on the client's polling thread.
struct Deliveries {
    budget: Arc<Semaphore>,
    delivered: Arc<Notify>,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        logging::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        logging::log_error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        match result {
            Ok(message) => {
                let position = Position {
                    partition: message.partition(),
                    offset: message.offset(),
                };
                ticket.flight.acknowledge(ticket.index, position);
            }
            Err((error, _)) => ticket.flight.fail(ticket.index, 1, error.clone()),
        }
        self.budget.add_permits(ticket.units);
        self.delivered.notify_waiters();
    }
}

type Client = ThreadedProducer<Deliveries>;

/// An idempotent producer that waits, rather than fails, when much is under way.
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
    pub(crate) async fn send(&self, topic: &str, records: &[Record]) -> Outcome {
        let (flight, landed) = Flight::new(records.len());
        let client = Arc::clone(&self.client.read());
        for (index, record) in records.iter().enumerate() {
            if let Err(error) = self.send_one(&client, topic, record, &flight, index).await {
                // What follows is not sent: order within a key must not depend on luck.
                flight.fail(index, records.len() - index, error);
                break;
            }
        }
        // The sender lives in `flight` until every record is settled.
        let canceled = |_| Outcome {
            positions: Vec::new(),
            acknowledged: 0,
            failure: Some((0, KafkaError::Canceled)),
        };
        let outcome = landed.await.unwrap_or_else(canceled);
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
        flight: &Arc<Flight>,
        index: usize,
    ) -> Result<(), KafkaError> {
        let units = (1 + record.size() / UNIT_BYTES).min(self.budget_units);
        // Closed is impossible: the semaphore is never closed.
        let permits = u32::try_from(units).unwrap_or(u32::MAX);
        let Ok(permit) = self.budget.acquire_many(permits).await else {
            return Err(KafkaError::Canceled);
        };
        let ticket = Box::new(Ticket {
            flight: Arc::clone(flight),
            index,
            units,
        });
        let mut message = BaseRecord::with_opaque_to(topic, ticket)
            .key(&*record.key)
            .payload(&*record.payload)
            .timestamp(record.timestamp_ms);
        if !record.headers.is_empty() {
            message = message.headers(headers(record));
        }
        loop {
            let room = self.delivered.notified();
            message = match client.send(message) {
                Ok(()) => {
                    // The delivery gives it back.
                    permit.forget();
                    return Ok(());
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => back,
                Err((error, _)) => return Err(error),
            };
            room.await;
        }
    }

    /// After a fatal error (the broker lost what it had acknowledged) an idempotent producer
    /// refuses everything; a new one begins a new sequence.
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

    /// Waits until nothing is under way.
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

/// Lets go of a client where that may block: its threads are joined then.
fn release(client: Arc<Client>) {
    let thread = std::thread::Builder::new().name("event-log-release".to_owned());
    // Without a thread it is released here, which only takes longer.
    let _released_here = thread.spawn(move || drop(client));
}

fn make_client(
    config: &ClientConfig,
    budget: &Arc<Semaphore>,
    delivered: &Arc<Notify>,
) -> Result<Client, KafkaError> {
    config.create_with_context(Deliveries {
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
