//! Runs imports: reads rows, calls a server, writes rejects.

mod catalogue;
mod preview;
mod reading;
mod send;

use std::rc::Rc;

use anyhow::anyhow;
use fairlead_chassis::link::Link;
use fairlead_chassis::status::describe;
use fairlead_registry::Registry;
use tonic::{Code, Status};

pub use self::catalogue::{Replace, catalogue};
use self::preview::Preview;
use self::reading::Reading;
use self::send::{Conversion, send};
use crate::columns;
use crate::report::{ImportReport, ImportSource};
use crate::rows::{self, AttributeTypes};

/// Imports customers. A row without a time states what holds now.
pub async fn customers(
    gateway: &Link,
    registry: &Registry,
    source: &ImportSource<'_>,
) -> anyhow::Result<ImportReport> {
    let attributes = AttributeTypes::of(registry);
    let known = rows::customer_columns(&attributes);
    let reading = Reading::open(source, known, columns::CUSTOMERS_NEEDED)?;
    let conversion = Conversion {
        registry,
        events: &|fields, place| {
            rows::customer_events(fields, place, &attributes, source.tenant.as_str())
        },
        preview: Preview::new(source.dry_run, &attributes),
    };
    send(gateway, reading, conversion).await
}

/// Imports events. A row without a time happened now.
pub async fn events(
    gateway: &Link,
    registry: &Registry,
    source: &ImportSource<'_>,
) -> anyhow::Result<ImportReport> {
    let attributes = AttributeTypes::of(registry);
    let reading = Reading::open(source, rows::event_columns(), columns::EVENTS_NEEDED)?;
    let conversion = Conversion {
        registry,
        events: &|fields, place| {
            let event = rows::event(fields, place, &attributes, source.tenant.as_str())?;
            Ok(vec![event])
        },
        preview: Preview::new(source.dry_run, &attributes),
    };
    send(gateway, reading, conversion).await
}

/// Returns the refusal of a call as an error, with what to do if nobody answered it.
fn refused(status: &Status) -> anyhow::Error {
    match status.code() {
        Code::Unavailable => anyhow!(
            "{}; `fairlead up` starts one, --server or --control names another",
            describe(status)
        ),
        _ => anyhow!(describe(status)),
    }
}

/// The rules of values for an import.
fn rules(source: &ImportSource<'_>) -> Rc<crate::values::ValueRules> {
    let options = source.options;
    Rc::new(crate::values::ValueRules {
        decimal_comma: options.decimal_comma,
        zone: options.time_zone.as_ref().map(|zone| zone.0.clone()),
        unit: options.time_unit,
        now_ms: source.now_ms,
    })
}
