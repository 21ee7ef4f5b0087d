//! The table of events: one row per event.

use bytes::Bytes;
use datafusion::arrow::datatypes::{Int32Type, Int64Type};
use fairlead_domain::TenantId;
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::event::v1::attribute_value::Value as Attribute;
use fairlead_proto::event::v1::{Event, EventKind};
use prost::Message as _;
use serde_json::{Map, Value};

use super::column::Column;
use super::{LogRow, json_number, log_columns, non_empty, short_name};
use crate::name::{Day, Folder};
use crate::table::Table;

type EventColumn = Column<'static, LogRow<Event>>;

/// Decodes an event and returns it with its folder, or `None` if it is unreadable or belongs to no
/// folder.
pub(super) fn decode(payload: &Bytes) -> Option<(Folder, Event)> {
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
        kind: short_name(kind.as_str_name(), "EVENT_KIND_"),
        day: Day::from_ms(event.event_time_ms)?,
    };
    Some((folder, event))
}

pub(super) fn columns() -> Vec<EventColumn> {
    let mut columns = vec![
        EventColumn::text("event_id", |row| &row.message.event_id),
        EventColumn::text("customer_id", |row| &row.message.customer_id),
        EventColumn::instant("event_time", |row| row.message.event_time_ms),
        EventColumn::optional_text("product_id", |row| non_empty(&row.message.product_id)),
        EventColumn::optional_text("product_kind", |row| product_kind(row.message.product_kind)),
        EventColumn::optional_text("request_id", |row| non_empty(&row.message.request_id)),
        EventColumn::optional_number::<Int32Type>("position", |row| {
            (row.message.position != 0).then_some(row.message.position)
        }),
        EventColumn::optional_number::<Int64Type>("amount_minor", |row| {
            row.message.amount.as_ref().map(|amount| amount.minor)
        }),
        EventColumn::optional_text("currency", |row| {
            let amount = row.message.amount.as_ref();
            amount.map(|amount| amount.currency.as_str())
        }),
        EventColumn::optional_text("channel", |row| non_empty(&row.message.channel)),
        EventColumn::optional_made_text("attributes", |row| attributes(&row.message)),
    ];
    columns.extend(log_columns(|row: &LogRow<Event>| row.appended));
    columns
}

/// Returns the short name of a product's kind, or `None` if the kind is unspecified.
pub(super) fn product_kind(kind: i32) -> Option<&'static str> {
    let kind = ProductKind::try_from(kind).ok()?;
    (kind != ProductKind::Unspecified).then(|| kind.name())
}

/// Returns the attributes as one JSON object of plain values, or `None` if there are none.
fn attributes(event: &Event) -> Option<String> {
    if event.attributes.is_empty() {
        return None;
    }
    let values = event.attributes.iter().map(|(name, value)| {
        let value = match &value.value {
            Some(Attribute::Number(value)) => json_number(*value),
            Some(Attribute::Text(value)) => Value::String(value.clone()),
            Some(Attribute::Flag(value)) => Value::Bool(*value),
            None => Value::Null,
        };
        (name.clone(), value)
    });
    Some(Value::Object(values.collect::<Map<_, _>>()).to_string())
}
