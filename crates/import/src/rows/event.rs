//! Converts a row of an events file to an event.

use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::money::v1::Money;
use fairlead_registry::FUTURE_TOLERANCE_MS;

use super::attributes::AttributeTypes;
use super::content_id::Place;
use super::product;
use crate::cell::Cell;
use crate::columns::{EVENTS, KnownColumns};
use crate::fields::Fields;
use crate::refusal::Refusal;
use crate::values;

const KINDS: &str = "impression, click, application, conversion, holding_opened, holding_closed, \
                     repayment, delinquency, payment, profile_updated, consent_changed, \
                     app_opened or search, or its name in the proto";
/// Prefix of the columns of attributes. In proto JSON, one of [`ONE_OF`] follows the name.
const ATTRIBUTE: &str = "attributes.";
const ONE_OF: [&str; 3] = [".number", ".text", ".flag"];

/// Returns the columns that an events file may have.
pub(crate) fn columns() -> KnownColumns {
    KnownColumns::new(EVENTS, &[ATTRIBUTE])
}

/// Returns the time of a row, Unix milliseconds, or `None` if it has none.
pub(super) fn time(fields: &Fields) -> Result<Option<i64>, Refusal> {
    let latest_ms = fields.rules().now_ms.saturating_add(FUTURE_TOLERANCE_MS);
    fields.instant("event_time_ms", latest_ms)
}

/// Returns the event of a row. If the row has no event id, one is computed from content, file and
/// line; if it has no time, that is now.
pub(crate) fn event(
    fields: &Fields,
    place: Place<'_>,
    attributes: &AttributeTypes,
    tenant: &str,
) -> Result<Event, Refusal> {
    let other = fields.id("tenant")?.filter(|named| named != tenant);
    if let Some(other) = other {
        let allowed = format!("{tenant}, the tenant that is imported for");
        return Err(Refusal::of("tenant", other, allowed));
    }
    let at_ms = time(fields)?;
    let mut event = Event {
        event_id: fields.id("event_id")?.unwrap_or_default(),
        tenant: tenant.to_owned(),
        customer_id: fields.needed_id("customer_id")?,
        kind: kind(fields)?.into(),
        event_time_ms: at_ms.unwrap_or_default(),
        product_id: fields.id("product_id")?.unwrap_or_default(),
        request_id: fields.id("request_id")?.unwrap_or_default(),
        position: fields.small("position")?.unwrap_or_default(),
        amount: amount(fields)?,
        channel: fields.id("channel")?.unwrap_or_default(),
        ..Event::default()
    };
    // Proto JSON spells out unset enums.
    let unset = Cell::Text(ProductKind::Unspecified.as_str_name().to_owned());
    if let Some(kind) = fields.value("product_kind").filter(|kind| **kind != unset) {
        event.product_kind = product::kind("product_kind", kind)?.into();
    }
    for (column, name, cell) in fields.with_prefix(ATTRIBUTE) {
        let ending = ONE_OF.iter().find_map(|ending| name.strip_suffix(ending));
        let name = ending.unwrap_or(name);
        let value = attributes.value(column, name, cell, fields)?;
        event.attributes.insert(name.to_owned(), value);
    }
    if event.event_id.is_empty() {
        event.event_id = place.id(&event);
    }
    if at_ms.is_none() {
        event.event_time_ms = fields.rules().now_ms;
    }
    Ok(event)
}

fn kind(fields: &Fields) -> Result<EventKind, Refusal> {
    let word = fields.needed_id("kind")?;
    let upper = word.to_uppercase();
    let name = format!("EVENT_KIND_{}", upper.trim_start_matches("EVENT_KIND_"));
    let by_number = || EventKind::try_from(word.parse::<i32>().ok()?).ok();
    let found = EventKind::from_str_name(&name).or_else(by_number);
    let known = found.filter(|kind| *kind != EventKind::Unspecified);
    known.ok_or_else(|| Refusal::of("kind", word, KINDS))
}

fn amount(fields: &Fields) -> Result<Option<Money>, Refusal> {
    let minor = fields.integer("amount.minor")?;
    let currency = fields.id("amount.currency")?;
    match (minor, currency) {
        (None, None) => Ok(None),
        (Some(minor), Some(currency)) => Ok(Some(Money { minor, currency })),
        (Some(minor), None) => Err(Refusal::of(
            "amount.minor",
            minor,
            "an amount with its amount.currency",
        )),
        (None, Some(currency)) => Err(Refusal::of(
            "amount.currency",
            currency,
            "a currency with its amount.minor",
        )),
    }
}

/// Reads an enum's value by name.
pub(super) fn word(column: &str, cell: &Cell) -> Result<String, Refusal> {
    Ok(values::id(column, cell)?.to_uppercase())
}

#[cfg(test)]
mod tests {
    use fairlead_registry::Registry;

    use super::*;
    use crate::fields::tests::of_cells_at;

    const NOW_MS: i64 = 1_764_000_000_000;

    fn read(cells: &[(&str, &str)]) -> Result<Event, Refusal> {
        let attributes = AttributeTypes::of(&Registry::builtin());
        let place = Place {
            file: "a.csv",
            written_ms: 0,
            line: 7,
        };
        event(&of_cells_at(cells, NOW_MS), place, &attributes, "demo")
    }

    #[test]
    fn cells_become_an_event() {
        let event = read(&[
            ("customer_id", "c1"),
            ("kind", "click"),
            ("event_time_ms", "2025-11-24T16:00:00Z"),
            ("product_id", "P"),
            ("product_kind", "fund"),
            ("position", "2.0"),
            ("amount.minor", "1000.0"),
            ("amount.currency", "CNY"),
            ("attributes.bureau_score", "700"),
            ("attributes.occupation", "7"),
            ("attributes.colour", "red"),
            ("attributes.weight", "2.5"),
        ]);
        let event = event.expect("read");
        assert_eq!(event.kind(), EventKind::Click);
        assert_eq!(event.event_time_ms, NOW_MS);
        assert_eq!((event.product_kind, event.position), (4, 2));
        assert_eq!(event.amount.as_ref().expect("an amount").minor, 1_000);
        let json = serde_json::to_value(&event).expect("proto JSON");
        assert_eq!(json["attributes"]["bureau_score"]["number"], 700.0);
        assert_eq!(json["attributes"]["occupation"]["text"], "7");
        assert_eq!(json["attributes"]["colour"]["text"], "red");
        assert_eq!(json["attributes"]["weight"]["number"], 2.5);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |cell: (&str, &str)| {
            let cells = [("customer_id", "c"), ("kind", "click"), cell];
            let twice = |cells: &[(&str, &str)]| cells[..2].iter().any(|one| one.0 == cell.0);
            let cells = if twice(&cells) {
                vec![("customer_id", "c"), cell]
            } else {
                cells.to_vec()
            };
            read(&cells).expect_err("wrong").to_string()
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
            (
                ("event_time_ms", "1764000000"),
                "event_time_ms `1764000000`",
            ),
            (("product_kind", "boat"), "product_kind `boat`"),
            (("product_id", "17.0"), "product_id `17.0`"),
            (
                ("attributes.bureau_score", "x"),
                "attributes.bureau_score `x`",
            ),
        ] {
            let error = wrong(cell);
            assert!(error.contains(expected), "{error}");
        }
    }
}
