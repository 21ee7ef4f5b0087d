//! `EventService`: behaviour events, answered when the log has them durably.

use fairlead_chassis::telemetry::trace_header;
use fairlead_domain::Origin;
use fairlead_event_log::{OriginKeys, Position, Record, TRACEPARENT};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::event::v1::Event;
use fairlead_proto::gateway::v1::event_service_server::EventService;
use fairlead_proto::gateway::v1::{
    RejectedEvent, TrackManyRequest, TrackManyResponse, TrackRequest, TrackResponse,
};
use fairlead_registry::EventError;
use prost::Message as _;
use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use crate::checks::Checks;
use crate::topics::{EVENTS, key};
use crate::{Error, Service};

/// The most events of one call.
const MAX_EVENTS: usize = 10_000;

impl Service {
    /// Fills in what a phone may leave out, and checks the rest.
    fn admit(&self, checks: &Checks<'_>, mut event: Event) -> Result<Event, Error> {
        let now_ms = self.inner.clock.now_ms();
        event.tenant = checks.tenant(&event.tenant)?.to_string();
        event.customer_id = checks.named_customer(&event.customer_id)?;
        if event.event_id.is_empty() {
            event.event_id = ulid::Ulid::new().to_string();
        }
        if event.event_time_ms == 0 {
            event.event_time_ms = now_ms;
        }
        if event.product_kind() == ProductKind::Unspecified && !event.product_id.is_empty() {
            let live = self.inner.decider.releases.live();
            let product = live
                .as_ref()
                .and_then(|live| live.catalogue.get(&event.product_id));
            if let Some(product) = product {
                event.product_kind = product.kind;
            }
        }
        self.inner
            .registry
            .check_event(&event, now_ms)
            .map_err(refused)?;
        let origin = checks.origin();
        self.inner
            .registry
            .check_authority(&event, origin)
            .map_err(refused)?;
        Ok(event)
    }
}

/// Returns the lengths of the runs of events that are taken together: those that were given, or
/// one for each event.
fn runs(together: &[u32], events: usize) -> Result<Vec<usize>, Error> {
    if together.is_empty() {
        return Ok(vec![1; events]);
    }
    let runs: Vec<usize> = together.iter().map(|run| *run as usize).collect();
    let sum: usize = runs.iter().fold(0, |sum, run| sum.saturating_add(*run));
    if sum != events || runs.contains(&0) {
        return Err(Error::Field {
            field: "together",
            value: format!("{} runs of {sum} events", runs.len()),
            allowed: format!("runs of at least one event, {events} events together"),
        });
    }
    Ok(runs)
}

fn refused(error: EventError) -> Error {
    match error {
        EventError::Refused {
            field,
            value,
            allowed,
        } => Error::Field {
            field: "event",
            value: format!("{field}: {value}"),
            allowed,
        },
        EventError::Unauthorised {
            field,
            value,
            origin,
            allowed,
        } => Error::Unauthorised {
            field,
            value,
            origin,
            allowed,
        },
        EventError::TooLate {
            event_time_ms,
            earliest_ms,
        } => Error::Field {
            field: "event_time_ms",
            value: event_time_ms.to_string(),
            allowed: format!("{earliest_ms} at the earliest, the beginning of the longest window"),
        },
    }
}

fn record(event: &Event, origin: Origin, keys: Option<&OriginKeys>) -> Record {
    let key = key(&event.tenant, &event.customer_id);
    let mut record = Record::new(key, event.encode_to_vec());
    if let Some(keys) = keys {
        record = keys.sign(EVENTS, origin, record);
    }
    match trace_header() {
        Some((_, value)) => record.with_header(TRACEPARENT, value),
        None => record,
    }
}

impl Service {
    /// Appends events with the origin of their caller; their consumers continue the trace of this span.
    async fn produce(&self, events: &[Event], checks: &Checks<'_>) -> Result<Vec<Position>, Error> {
        let (origin, by) = (checks.origin(), checks.log_deadline());
        let keys = self.inner.origin_keys.as_ref();
        let span = tracing::info_span!("produce", otel.kind = "producer", topic = EVENTS);
        let records = span.in_scope(|| {
            let record = |event| record(event, origin, keys);
            events.iter().map(record).collect()
        });
        let appending = self.inner.log.append(EVENTS, records, by);
        appending.instrument(span).await
    }
}

#[tonic::async_trait]
impl EventService for Service {
    async fn track(
        &self,
        request: Request<TrackRequest>,
    ) -> Result<Response<TrackResponse>, Status> {
        let checks = self.checks(&request)?;
        let event = request.into_inner().event.ok_or_else(|| Error::Field {
            field: "event",
            value: String::new(),
            allowed: "an event".to_owned(),
        })?;
        let event = self.admit(&checks, event)?;
        let positions = self.produce(std::slice::from_ref(&event), &checks).await?;
        let position = positions
            .first()
            .ok_or_else(|| Status::internal("the log gave no position"))?;
        Ok(Response::new(TrackResponse {
            event_id: event.event_id,
            partition: position.partition,
            offset: position.offset,
        }))
    }

    async fn track_many(
        &self,
        request: Request<TrackManyRequest>,
    ) -> Result<Response<TrackManyResponse>, Status> {
        let checks = self.checks(&request)?;
        let TrackManyRequest { events, together } = request.into_inner();
        if !(1..=MAX_EVENTS).contains(&events.len()) {
            let allowed = format!("1 to {MAX_EVENTS} events in one call");
            return Err(Error::Field {
                field: "events",
                value: events.len().to_string(),
                allowed,
            }
            .into());
        }
        let runs = runs(&together, events.len())?;
        let mut admitted = Vec::with_capacity(events.len());
        let mut rejected = Vec::new();
        let mut events = events.into_iter();
        let mut index = 0;
        for run in runs {
            let run: Vec<Event> = events.by_ref().take(run).collect();
            let indices = index..index + run.len() as i32;
            index = indices.end;
            let run = run.into_iter().map(|event| self.admit(&checks, event));
            match run.collect::<Result<Vec<Event>, Error>>() {
                Ok(run) => admitted.extend(run),
                Err(error) => rejected.extend(indices.map(|index| RejectedEvent {
                    index,
                    cause: error.to_string(),
                })),
            }
        }
        let accepted = admitted.len() as i32;
        if !admitted.is_empty() {
            self.produce(&admitted, &checks).await?;
        }
        Ok(Response::new(TrackManyResponse { accepted, rejected }))
    }
}
