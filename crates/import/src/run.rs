//! Runs imports: reads rows, calls a server, writes rejects.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, anyhow, bail};
use fairlead_chassis::link::Link;
use fairlead_chassis::status::describe;
use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1::PutProductsRequest;
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::event::v1::Event;
use fairlead_proto::gateway::v1::TrackManyRequest;
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;
use fairlead_registry::Registry;
use prost::Message as _;

use super::customer::{self, AttributeTypes};
use super::fields::Fields;
use super::format::FileFormat;
use super::reader::{self, RowReader};
use super::rejects::Rejects;
use super::{ImportReport, ImportSource, columns, event, product};

/// Events in one call. See [`BATCH_BYTES`].
const BATCH_EVENTS: usize = 1_000;
/// Bytes of events in one call: a gRPC message has 4 MiB at most.
const BATCH_BYTES: usize = 2 << 20;
/// Bytes of a catalogue, which is sent in one call.
const CATALOGUE_BYTES: usize = 4 << 20;
/// Duplicate ids that an error message lists.
const MAX_LISTED: usize = 10;

/// A file being read, with its rejects and its progress.
struct Reading<'s> {
    lines: Box<dyn RowReader>,
    rejects: Rejects,
    ignored: BTreeSet<String>,
    read: u64,
    progress: &'s dyn Fn(u64, u64),
}

impl<'s> Reading<'s> {
    fn open(
        source: &ImportSource<'s>,
        needed: &[&str],
        is_known: &dyn Fn(&str) -> bool,
    ) -> anyhow::Result<Self> {
        let file = source.file;
        let format = source.format.map_or_else(|| FileFormat::of(file), Ok)?;
        let lines = reader::open(file, format)?;
        let mut ignored = BTreeSet::new();
        if let Some(columns) = lines.columns() {
            let missing: Vec<&str> = needed
                .iter()
                .copied()
                .filter(|needed| !columns.iter().any(|column| column == needed))
                .collect();
            if !missing.is_empty() {
                bail!(
                    "{} lacks the columns {}; it has {}",
                    file.display(),
                    missing.join(", "),
                    columns.join(", ")
                );
            }
            ignored.extend(columns.into_iter().filter(|column| !is_known(column)));
        }
        Ok(Self {
            lines,
            rejects: Rejects::new(file, source.rejects),
            ignored,
            read: 0,
            progress: source.progress,
        })
    }

    /// Returns the next readable row with its line, or `None` at the end. Unreadable rows are
    /// rejected.
    fn next(&mut self, is_known: &dyn Fn(&str) -> bool) -> anyhow::Result<Option<(u64, Fields)>> {
        while let Some(line) = self.lines.next()? {
            self.read += 1;
            match line.fields {
                Ok(fields) => {
                    self.ignored.extend(fields.unknown(is_known));
                    return Ok(Some((line.number, fields)));
                }
                Err(cause) => self.rejects.add(line.number, &cause)?,
            }
        }
        Ok(None)
    }

    fn show_progress(&self) {
        let (done, extent) = self.lines.progress();
        (self.progress)(done, extent);
    }

    fn finish(self) -> anyhow::Result<ImportReport> {
        let rejected = self.rejects.count();
        Ok(ImportReport {
            read: self.read,
            accepted: self.read - rejected,
            rejected,
            rejects: self.rejects.finish()?,
            ignored: self.ignored.into_iter().collect(),
        })
    }
}

/// Imports a catalogue as drafts: all products or none. If a row cannot be used or an id is
/// repeated, nothing is changed and the rejects file says why.
pub async fn catalogue(
    control: &Link,
    replace_all: bool,
    source: &ImportSource<'_>,
) -> anyhow::Result<ImportReport> {
    let is_known = |column: &str| columns::CATALOGUE.contains(&column);
    let mut reading = Reading::open(source, columns::CATALOGUE_NEEDED, &is_known)?;
    let mut products: Vec<Product> = Vec::new();
    let mut lines: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    while let Some((line, fields)) = reading.next(&is_known)? {
        match product::product(&fields) {
            Ok(product) => {
                lines
                    .entry(product.product_id.clone())
                    .or_default()
                    .push(line);
                products.push(product);
            }
            Err(cause) => reading.rejects.add(line, &cause)?,
        }
        reading.show_progress();
    }
    lines.retain(|_, lines| lines.len() > 1);
    let report = reading.finish()?;
    check_complete(source, &report, &lines)?;
    let request = PutProductsRequest {
        tenant: source.tenant.to_string(),
        products,
        replace_all,
    };
    let bytes = request.encoded_len();
    if bytes > CATALOGUE_BYTES {
        bail!(
            "{} is a catalogue of {bytes} bytes; at most {CATALOGUE_BYTES} go in as one: \
             split the file",
            source.file.display()
        );
    }
    let mut drafts = DraftServiceClient::new(control.clone());
    let put = drafts.put_products(request).await;
    put.map_err(|status| anyhow!(describe(&status)))
        .context("nothing was imported")?;
    Ok(report)
}

/// Returns an error unless every row can be used and every id is unique.
fn check_complete(
    source: &ImportSource<'_>,
    report: &ImportReport,
    twice: &BTreeMap<String, Vec<u64>>,
) -> anyhow::Result<()> {
    let file = source.file.display();
    if report.rejected > 0 {
        let rejects = report.rejects.as_deref().unwrap_or(source.file).display();
        bail!(
            "nothing was imported: {} of {} rows of {file} cannot be used; lines and causes are \
             in {rejects}",
            report.rejected,
            report.read
        );
    }
    if !twice.is_empty() {
        let named = twice.iter().take(MAX_LISTED).map(|(id, lines)| {
            let lines: Vec<String> = lines.iter().map(u64::to_string).collect();
            format!("`{id}` on lines {}", lines.join(", "))
        });
        let named: Vec<String> = named.collect();
        bail!(
            "nothing was imported: {} product ids come more than once in {file}, each may once: {}",
            twice.len(),
            named.join("; ")
        );
    }
    if report.read == 0 {
        bail!("nothing was imported: {file} has no rows");
    }
    Ok(())
}

/// Imports customers. A row without an instant gets `now_ms`.
pub async fn customers(
    gateway: &Link,
    registry: &Registry,
    now_ms: i64,
    source: &ImportSource<'_>,
) -> anyhow::Result<ImportReport> {
    let attributes = AttributeTypes::of(registry);
    let is_known = |column: &str| attributes.is_known(column);
    let tenant = source.tenant.as_str();
    let events = |_, fields: &Fields| customer::events(fields, &attributes, tenant, now_ms);
    let reading = Reading::open(source, columns::CUSTOMERS_NEEDED, &is_known)?;
    let conversion = Conversion {
        is_known: &is_known,
        events: &events,
    };
    send(gateway, reading, conversion).await
}

/// Imports events. A row without an instant gets `now_ms`.
pub async fn events(
    gateway: &Link,
    registry: &Registry,
    now_ms: i64,
    source: &ImportSource<'_>,
) -> anyhow::Result<ImportReport> {
    let attributes = AttributeTypes::of(registry);
    let tenant = source.tenant.as_str();
    let events = |line, fields: &Fields| {
        let event = event::event(line, fields, &attributes, tenant, now_ms)?;
        Ok(vec![event])
    };
    let reading = Reading::open(source, columns::EVENTS_NEEDED, &event::is_known)?;
    let conversion = Conversion {
        is_known: &event::is_known,
        events: &events,
    };
    send(gateway, reading, conversion).await
}

/// Returns the events of a row, given its line, or the cause of its rejection.
type EventsOfRow<'c> = dyn Fn(u64, &Fields) -> Result<Vec<Event>, String> + 'c;

/// Converts rows of one kind of file to events.
struct Conversion<'c> {
    is_known: &'c dyn Fn(&str) -> bool,
    events: &'c EventsOfRow<'c>,
}

/// Sends rows as events, in batches.
async fn send(
    gateway: &Link,
    mut reading: Reading<'_>,
    conversion: Conversion<'_>,
) -> anyhow::Result<ImportReport> {
    let mut client = EventServiceClient::new(gateway.clone());
    let mut batch = EventBatch::default();
    while let Some((line, fields)) = reading.next(conversion.is_known)? {
        match (conversion.events)(line, &fields) {
            Ok(events) => batch.add(line, events),
            Err(cause) => reading.rejects.add(line, &cause)?,
        }
        if batch.is_full() {
            batch.send(&mut client, &mut reading.rejects).await?;
            reading.show_progress();
        }
    }
    batch.send(&mut client, &mut reading.rejects).await?;
    reading.finish()
}

/// Events to be sent in one call, with the lines that they came from.
#[derive(Debug, Default)]
struct EventBatch {
    events: Vec<Event>,
    lines: Vec<u64>,
    bytes: usize,
}

impl EventBatch {
    fn add(&mut self, line: u64, events: Vec<Event>) {
        for event in events {
            self.bytes += event.encoded_len();
            self.events.push(event);
            self.lines.push(line);
        }
    }

    fn is_full(&self) -> bool {
        self.events.len() >= BATCH_EVENTS || self.bytes >= BATCH_BYTES
    }

    async fn send(
        &mut self,
        client: &mut EventServiceClient<Link>,
        rejects: &mut Rejects,
    ) -> anyhow::Result<()> {
        let Self { events, lines, .. } = std::mem::take(self);
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
            return Ok(());
        };
        let answer = client.track_many(TrackManyRequest { events }).await;
        let answer = answer
            .map_err(|status| anyhow!(describe(&status)))
            .with_context(|| {
                format!(
                    "stopped at lines {first} to {last}: everything before line {first} was taken; \
                 the same file may be imported again"
                )
            })?;
        // A row may make two events; if both are refused, it is one rejected row.
        let mut refused: BTreeMap<u64, String> = BTreeMap::new();
        for rejected in answer.into_inner().rejected {
            let place = usize::try_from(rejected.index).ok();
            let line = place.and_then(|place| lines.get(place)).copied();
            let line = line.context("the gateway rejected an event that was not sent")?;
            refused.entry(line).or_insert(rejected.cause);
        }
        for (line, cause) in refused {
            rejects.add(line, &cause)?;
        }
        Ok(())
    }
}
