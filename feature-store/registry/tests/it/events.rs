//! Events for tests: plain ones, and arbitrary streams of them.

use std::collections::BTreeMap;

use fairlead_proto::event::v1::{AttributeValue, Event, EventKind, attribute_value};
use fairlead_proto::money::v1::Money;
use proptest::prelude::*;

/// 2025-11-23T10:17:30Z.
pub(crate) const NOW: i64 = 1_763_893_050_000;
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) fn event(id: &str, kind: EventKind, at: i64) -> Event {
    let about_product = matches!(
        kind,
        EventKind::Impression
            | EventKind::Click
            | EventKind::Application
            | EventKind::Conversion
            | EventKind::HoldingOpened
            | EventKind::HoldingClosed
    );
    Event {
        event_id: id.into(),
        tenant: "acme".into(),
        customer_id: "c-1".into(),
        kind: kind.into(),
        event_time_ms: at,
        product_id: if about_product {
            "CL-1".into()
        } else {
            String::new()
        },
        ..Event::default()
    }
}

pub(crate) fn on(product: &str, event: Event) -> Event {
    Event {
        product_id: product.into(),
        ..event
    }
}

pub(crate) fn with(name: &str, value: attribute_value::Value, event: Event) -> Event {
    let value = AttributeValue { value: Some(value) };
    let mut attributes = event.attributes.clone();
    attributes.insert(name.into(), value);
    Event {
        attributes,
        ..event
    }
}

pub(crate) fn number(value: f64) -> attribute_value::Value {
    attribute_value::Value::Number(value)
}

pub(crate) fn text(value: &str) -> attribute_value::Value {
    attribute_value::Value::Text(value.into())
}

pub(crate) fn paying(minor: i64, event: Event) -> Event {
    Event {
        amount: Some(Money {
            minor,
            currency: "CNY".into(),
        }),
        ..event
    }
}

/// Up to 120 events of all kinds within 45 days before `NOW`, many in the same minutes, ids unique.
pub(crate) fn streams() -> impl Strategy<Value = Vec<Event>> {
    let age = prop_oneof![0..2 * HOUR, 0..3 * DAY, 0..45 * DAY];
    let one = (1..=13_i32, age, 0..6_u8, 1..=6_i32, 1..1_000_000_i64);
    prop::collection::vec(one, 1..120).prop_map(|drawn| {
        drawn
            .into_iter()
            .enumerate()
            .map(|(index, (kind, age, product, product_kind, minor))| {
                let kind = EventKind::try_from(kind).expect("1 to 13 are kinds");
                // Seconds make ties likely.
                let at = (NOW - age) / 1_000 * 1_000;
                let mut event = event(&format!("e{index}"), kind, at);
                if !event.product_id.is_empty() {
                    event.product_id = format!("P-{product}");
                    event.product_kind = product_kind;
                }
                match kind {
                    EventKind::Payment => paying(minor, event),
                    EventKind::ProfileUpdated => {
                        event.attributes = attributes(minor);
                        event
                    }
                    EventKind::ConsentChanged => {
                        let flag = attribute_value::Value::Flag(minor % 2 == 0);
                        with("personalisation", flag, event)
                    }
                    _ => event,
                }
            })
            .collect()
    })
}

fn attributes(minor: i64) -> BTreeMap<String, AttributeValue> {
    let region = ["north", "south", "east"][(minor % 3) as usize];
    [
        ("income_monthly_minor", number(minor as f64)),
        ("region", text(region)),
        ("birth_date_ms", number((minor * 1_000_000) as f64)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), AttributeValue { value: Some(value) }))
    .collect()
}
