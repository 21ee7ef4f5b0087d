//! Converts a row of an events file to an event.

use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind};
use fairlead_proto::money::v1::Money;
use serde_json::Value;

use super::content_id;
use super::customer::AttributeTypes;
use super::fields::{Fields, as_text, refused};
use super::product;

const KINDS: &str = "impression, click, application, conversion, holding_opened, holding_closed, \
                     repayment, delinquency, payment, profile_updated, consent_changed, \
                     app_opened or search, or its name in the proto";
/// Prefix of the columns of attributes. In proto JSON, one of [`ONE_OF`] follows the name.
const ATTRIBUTE: &str = "attributes.";
const ONE_OF: [&str; 3] = [".number", ".text", ".flag"];

/// Returns whether an events file may have this column.
pub(super) fn is_known(column: &str) -> bool {
    super::columns::EVENTS.contains(&column) || column.starts_with(ATTRIBUTE)
}

/// Returns the event of a row; the gateway validates it. If the row has no event id, one is
/// computed from content and line.
pub(super) fn event(
    line: u64,
    fields: &Fields,
    attributes: &AttributeTypes,
    tenant: &str,
    now_ms: i64,
) -> Result<Event, String> {
    let other = fields.text("tenant").filter(|named| named != tenant);
    if let Some(other) = other {
        let allowed = format!("{tenant}, the tenant that is imported for");
        return Err(refused("tenant", &other.into(), &allowed));
    }
    let mut event = Event {
        event_id: fields.text("event_id").unwrap_or_default(),
        tenant: tenant.to_owned(),
        customer_id: fields.needed("customer_id")?,
        kind: kind(fields)?.into(),
        event_time_ms: fields.instant("event_time_ms")?.unwrap_or_default(),
        product_id: fields.text("product_id").unwrap_or_default(),
        request_id: fields.text("request_id").unwrap_or_default(),
        position: fields.small("position")?.unwrap_or_default(),
        amount: amount(fields)?,
        channel: fields.text("channel").unwrap_or_default(),
        ..Event::default()
    };
    // Proto JSON spells out unset enums.
    let is_set = |kind: &&Value| as_text(kind) != ProductKind::Unspecified.as_str_name();
    if let Some(kind) = fields.value("product_kind").filter(is_set) {
        event.product_kind = product::kind("product_kind", kind)?.into();
    }
    for (name, value) in fields.with_prefix(ATTRIBUTE) {
        let column = format!("{ATTRIBUTE}{name}");
        let ending = ONE_OF.iter().find_map(|ending| name.strip_suffix(ending));
        let name = ending.unwrap_or(name);
        let value = Some(attributes.value(&column, name, value)?);
        event
            .attributes
            .insert(name.to_owned(), AttributeValue { value });
    }
    if event.event_id.is_empty() {
        event.event_id = content_id::of(&event, line);
    }
    if event.event_time_ms == 0 {
        event.event_time_ms = now_ms;
    }
    Ok(event)
}

fn kind(fields: &Fields) -> Result<EventKind, String> {
    let value = fields.value("kind").ok_or("kind is missing")?;
    let word = as_text(value).to_uppercase();
    let name = format!("EVENT_KIND_{}", word.trim_start_matches("EVENT_KIND_"));
    let by_number = || EventKind::try_from(word.parse::<i32>().ok()?).ok();
    let found = EventKind::from_str_name(&name).or_else(by_number);
    let known = found.filter(|kind| *kind != EventKind::Unspecified);
    known.ok_or_else(|| refused("kind", value, KINDS))
}

fn amount(fields: &Fields) -> Result<Option<Money>, String> {
    let minor = fields.integer("amount.minor")?;
    let currency = fields.text("amount.currency");
    match (minor, currency) {
        (None, None) => Ok(None),
        (Some(minor), Some(currency)) => Ok(Some(Money { minor, currency })),
        (Some(minor), None) => Err(refused(
            "amount.minor",
            &Value::from(minor),
            "an amount with its amount.currency",
        )),
        (None, Some(currency)) => Err(refused(
            "amount.currency",
            &currency.into(),
            "a currency with its amount.minor",
        )),
    }
}

#[cfg(test)]
mod tests {
    use fairlead_registry::Registry;

    use super::*;

    const NOW_MS: i64 = 1_764_000_000_000;

    fn read(fields: &Fields) -> Result<Event, String> {
        let attributes = AttributeTypes::of(&Registry::builtin());
        event(7, fields, &attributes, "demo", NOW_MS)
    }

    #[test]
    fn cells_become_an_event() {
        let cells = [
            ("customer_id", "c1"),
            ("kind", "click"),
            ("event_time_ms", "2025-11-24T16:00:00Z"),
            ("product_id", "P"),
            ("product_kind", "fund"),
            ("position", "2"),
            ("amount.minor", "100"),
            ("amount.currency", "CNY"),
            ("attributes.bureau_score", "700"),
            ("attributes.occupation", "7"),
            ("attributes.colour", "red"),
        ];
        let event = read(&Fields::from_cells(cells.into_iter())).expect("read");
        assert_eq!(event.kind(), EventKind::Click);
        assert_eq!(event.event_time_ms, NOW_MS);
        assert_eq!((event.product_kind, event.position), (4, 2));
        let json = serde_json::to_value(&event).expect("proto JSON");
        assert_eq!(json["attributes"]["bureau_score"]["number"], 700.0);
        assert_eq!(json["attributes"]["occupation"]["text"], "7");
        assert_eq!(json["attributes"]["colour"]["text"], "red");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |cells: &[(&str, &str)]| {
            let base = [("customer_id", "c"), ("kind", "click")];
            let cells = base.iter().chain(cells).copied();
            read(&Fields::from_cells(cells)).expect_err("wrong")
        };
        for (cell, expected) in [
            (("kind", "wink"), "kind `wink` is not allowed: impression"),
            (("tenant", "other"), "tenant `other` is not allowed: demo"),
            (("position", "first"), "position `first`"),
            (("amount.minor", "5"), "an amount with its amount.currency"),
            (
                ("amount.currency", "CNY"),
                "a currency with its amount.minor",
            ),
            (("event_time_ms", "yesterday"), "event_time_ms `yesterday`"),
            (("product_kind", "boat"), "product_kind `boat`"),
            (
                ("attributes.bureau_score", "x"),
                "attributes.bureau_score `x`",
            ),
        ] {
            let error = wrong(&[cell]);
            assert!(error.contains(expected), "{error}");
        }
    }
}
