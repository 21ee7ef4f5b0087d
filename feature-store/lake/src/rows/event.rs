//! Events as columns.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use fairlead_domain::TenantId;
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::event::v1::attribute_value::Value as Attribute;
use fairlead_proto::event::v1::{Event, EventKind};
use prost::Message as _;
use serde_json::{Map, Value};

use super::{Placed, instants, number, optional, plain};
use crate::error::Error;
use crate::name::{Day, Folder};
use crate::table::Table;

/// The event and where it belongs; nothing where it cannot be read, or names no place.
pub(super) fn read(payload: &Bytes) -> Option<(Folder, Event)> {
    if payload.is_empty() {
        return None;
    }
    let event = Event::decode(payload.clone()).ok()?;
    let kind = EventKind::try_from(event.kind).ok()?;
    if kind == EventKind::Unspecified || event.customer_id.is_empty() {
        return None;
    }
    let folder = Folder {
        table: Table::Events,
        tenant: TenantId::new(&event.tenant).ok()?.to_string(),
        kind: plain(kind.as_str_name(), "EVENT_KIND_"),
        day: Day::of_ms(event.event_time_ms)?,
    };
    Some((folder, event))
}

pub(super) fn columns(partition: i32, rows: &[Placed<Event>]) -> Result<RecordBatch, Error> {
    let events = || rows.iter().map(|row| &row.message);
    let texts = |get: fn(&Event) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(events().map(get)))
    };
    let or_null = |get: fn(&Event) -> &str| optional(events().map(get));
    let columns: Vec<ArrayRef> = vec![
        texts(|event| &event.event_id),
        texts(|event| &event.customer_id),
        instants(events().map(|event| event.event_time_ms)),
        or_null(|event| &event.product_id),
        Arc::new(
            events()
                .map(|event| product_kind(event.product_kind))
                .collect::<StringArray>(),
        ),
        or_null(|event| &event.request_id),
        Arc::new(
            events()
                .map(|event| (event.position != 0).then_some(event.position))
                .collect::<Int32Array>(),
        ),
        Arc::new(
            events()
                .map(|event| event.amount.as_ref().map(|amount| amount.minor))
                .collect::<Int64Array>(),
        ),
        Arc::new(
            events()
                .map(|event| event.amount.as_ref().map(|amount| amount.currency.as_str()))
                .collect::<StringArray>(),
        ),
        or_null(|event| &event.channel),
        Arc::new(events().map(attributes).collect::<StringArray>()),
        instants(rows.iter().map(|row| row.appended_ms)),
        Arc::new(Int32Array::from_value(partition, rows.len())),
        Arc::new(Int64Array::from_iter_values(
            rows.iter().map(|row| row.offset),
        )),
    ];
    Ok(RecordBatch::try_new(Table::Events.file_schema(), columns)?)
}

/// A product's kind in plain words; nothing where none is said.
pub(super) fn product_kind(kind: i32) -> Option<&'static str> {
    let kind = ProductKind::try_from(kind).ok()?;
    (kind != ProductKind::Unspecified).then(|| kind.name())
}

/// Attributes as one JSON object of plain values.
fn attributes(event: &Event) -> Option<String> {
    if event.attributes.is_empty() {
        return None;
    }
    let values = event.attributes.iter().map(|(name, value)| {
        let value = match &value.value {
            Some(Attribute::Number(value)) => number(*value),
            Some(Attribute::Text(value)) => Value::String(value.clone()),
            Some(Attribute::Flag(value)) => Value::Bool(*value),
            None => Value::Null,
        };
        (name.clone(), value)
    });
    Some(Value::Object(values.collect::<Map<_, _>>()).to_string())
}
