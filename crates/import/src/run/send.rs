//! Sends rows as events, in batches.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use fairlead_chassis::link::Link;
use fairlead_proto::event::v1::Event;
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;
use fairlead_proto::gateway::v1::{TrackManyRequest, TrackManyResponse};
use fairlead_registry::Registry;
use prost::Message as _;
use tokio::task::JoinSet;
use tonic::{Request, Response, Status};

use super::preview::{self, Preview};
use super::reading::{ReadRow, Reading};
use super::refused;
use crate::fields::Fields;
use crate::refusal::Refusal;
use crate::report::ImportReport;
use crate::rows::Place;

/// Events in one call. See [`BATCH_BYTES`].
const BATCH_EVENTS: usize = 4_000;
/// Bytes of events in one call: a gRPC message has 4 MiB at most.
const BATCH_BYTES: usize = 2 << 20;
/// The longest that a call may take: a server that answers nothing must not hold the import up.
const CALL_LIMIT: Duration = Duration::from_mins(1);

/// Returns the events of a row, given its place, or the cause of its rejection.
type EventsOfRow<'c> = dyn Fn(&Fields, Place<'_>) -> Result<Vec<Event>, Refusal> + 'c;

/// Converts rows of one kind of file to events.
pub(super) struct Conversion<'c> {
    pub(super) registry: &'c Registry,
    pub(super) events: &'c EventsOfRow<'c>,
    pub(super) preview: Preview<'c>,
}

impl Conversion<'_> {
    /// Returns the events of a row, each of which may be applied as far as this process can know.
    fn checked(&self, reading: &Reading<'_>, row: &ReadRow) -> Result<Vec<Event>, Refusal> {
        let events = (self.events)(&row.fields, reading.place(row.line))?;
        for event in &events {
            let checked = self.registry.check_event(event, reading.now_ms());
            checked.map_err(|error| Refusal::from_message(&error.to_string()))?;
        }
        Ok(events)
    }
}

/// Sends the rows of a file as events, or in a dry run only checks them.
pub(super) async fn send(
    gateway: &Link,
    mut reading: Reading<'_>,
    mut conversion: Conversion<'_>,
) -> anyhow::Result<ImportReport> {
    let mut sender = Sender::new(gateway);
    let mut batch = Batch::default();
    while let Some(row) = reading.next()? {
        match conversion.checked(&reading, &row) {
            Ok(events) if reading.is_dry_run() => {
                conversion.preview.add_events(row.line, &events);
                for event in &events {
                    sender.sent.add(event.kind, event.event_time_ms);
                }
            }
            Ok(events) => batch.add(row, events),
            Err(refusal) => reading.reject(&row, &refusal)?,
        }
        if batch.is_full() {
            sender
                .send(std::mem::take(&mut batch), &mut reading)
                .await?;
        }
    }
    sender.send(batch, &mut reading).await?;
    sender.answer(&mut reading).await?;
    let report = reading.finish()?;
    Ok(ImportReport {
        events: sender.sent.by_name(),
        times: sender.sent.times,
        preview: conversion.preview.rows,
        ..report
    })
}

/// Events to be sent in one call, with the rows that they came from.
#[derive(Default)]
struct Batch {
    rows: Vec<BatchRow>,
    events: Vec<Event>,
    bytes: usize,
}

struct BatchRow {
    line: u64,
    original: Vec<u8>,
    /// How many events it has.
    events: usize,
}

impl Batch {
    fn add(&mut self, row: ReadRow, events: Vec<Event>) {
        self.rows.push(BatchRow {
            line: row.line,
            original: row.original,
            events: events.len(),
        });
        for event in events {
            self.bytes += event.encoded_len();
            self.events.push(event);
        }
    }

    fn is_full(&self) -> bool {
        self.events.len() >= BATCH_EVENTS || self.bytes >= BATCH_BYTES
    }
}

/// Events by kind, and their times.
#[derive(Default)]
struct Sent {
    /// By the number of the kind.
    kinds: BTreeMap<i32, u64>,
    times: Option<(i64, i64)>,
}

impl Sent {
    fn add(&mut self, kind: i32, at_ms: i64) {
        *self.kinds.entry(kind).or_default() += 1;
        let (earliest, latest) = self.times.unwrap_or((at_ms, at_ms));
        self.times = Some((earliest.min(at_ms), latest.max(at_ms)));
    }

    fn by_name(&self) -> BTreeMap<String, u64> {
        let kinds = self.kinds.iter();
        kinds
            .map(|(kind, count)| (preview::kind(*kind), *count))
            .collect()
    }
}

/// An event as it counts when its row was taken.
struct Counted {
    kind: i32,
    at_ms: i64,
}

/// A call whose answer is awaited.
struct InFlight {
    rows: Vec<BatchRow>,
    events: Vec<Counted>,
}

/// Sends batches one after the other, so that the events of a customer stay in order. While one is
/// on its way, the next is read.
struct Sender {
    client: EventServiceClient<Link>,
    calls: JoinSet<Result<Response<TrackManyResponse>, Status>>,
    in_flight: Option<InFlight>,
    sent: Sent,
}

impl Sender {
    fn new(gateway: &Link) -> Self {
        Self {
            client: EventServiceClient::new(gateway.clone()),
            calls: JoinSet::new(),
            in_flight: None,
            sent: Sent::default(),
        }
    }

    /// Sends a batch once the one before is answered.
    async fn send(&mut self, batch: Batch, reading: &mut Reading<'_>) -> anyhow::Result<()> {
        self.answer(reading).await?;
        let Batch { rows, events, .. } = batch;
        if events.is_empty() {
            return Ok(());
        }
        let count = |event: &Event| Counted {
            kind: event.kind,
            at_ms: event.event_time_ms,
        };
        self.in_flight = Some(InFlight {
            events: events.iter().map(count).collect(),
            rows,
        });
        let rows = self.in_flight.iter().flat_map(|sent| &sent.rows);
        let together = rows.map(|row| u32::try_from(row.events).unwrap_or(u32::MAX));
        let request = TrackManyRequest {
            together: together.collect(),
            events,
        };
        let mut request = Request::new(request);
        request.set_timeout(CALL_LIMIT);
        let mut client = self.client.clone();
        self.calls
            .spawn(async move { client.track_many(request).await });
        Ok(())
    }

    /// Waits for the answer of the batch that was sent last, and rejects the rows that it refused.
    async fn answer(&mut self, reading: &mut Reading<'_>) -> anyhow::Result<()> {
        let Some(sent) = self.in_flight.take() else {
            return Ok(());
        };
        let answer = self.calls.join_next().await;
        let answer = answer.context("a batch was sent and no call runs")??;
        let answer = answer.map_err(|status| refused(&status)).with_context(|| {
            let line = |row: Option<&BatchRow>| row.map_or(0, |row| row.line);
            let (first, last) = (line(sent.rows.first()), line(sent.rows.last()));
            format!(
                "stopped at lines {first} to {last}: everything before line {first} was \
                     taken; the same file may be imported again"
            )
        })?;
        let mut refused = BTreeMap::new();
        for rejected in answer.into_inner().rejected {
            let place = usize::try_from(rejected.index)
                .context("the gateway rejected an event that was not sent")?;
            refused.insert(place, rejected.cause);
        }
        let mut first = 0;
        for row in &sent.rows {
            let events = first..first + row.events;
            first = events.end;
            match refused.range(events.clone()).next() {
                Some((_, cause)) => {
                    let refusal = Refusal::from_message(cause);
                    reading.rejects.add(row.line, &refusal, &row.original)?;
                }
                None => {
                    for event in sent.events.get(events).unwrap_or_default() {
                        self.sent.add(event.kind, event.at_ms);
                    }
                }
            }
        }
        Ok(())
    }
}
