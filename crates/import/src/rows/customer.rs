//! Converts a row of a customers file to events: attributes and consents.

use std::collections::BTreeMap;

use fairlead_proto::event::v1::{AttributeValue, Event, EventKind};

use super::attributes::AttributeTypes;
use super::content_id::Place;
use crate::columns::KnownColumns;
use crate::fields::Fields;
use crate::refusal::Refusal;

/// Prefix of the columns of consents.
const CONSENT: &str = "consent.";

/// Returns the columns that a customers file may have.
pub(crate) fn columns(attributes: &AttributeTypes) -> KnownColumns {
    let mut known = KnownColumns::new(&["customer_id", "event_time_ms"], &[]);
    known.names.extend(attributes.profile.keys().cloned());
    let consents = attributes.consents.keys();
    known
        .names
        .extend(consents.map(|name| format!("{CONSENT}{name}")));
    known
}

/// Returns the events of a row: a profile update, and a consent change if there are consents. A
/// row without a time is a snapshot of now; its ids are those of the file as it was written.
pub(crate) fn events(
    fields: &Fields,
    place: Place<'_>,
    attributes: &AttributeTypes,
    tenant: &str,
) -> Result<Vec<Event>, Refusal> {
    let customer_id = fields.needed_id("customer_id")?;
    let now_ms = fields.rules().now_ms;
    let at_ms = super::event::time(fields)?;
    let mut profile = BTreeMap::new();
    let mut consents = BTreeMap::new();
    for (column, name, cell) in fields.with_prefix("") {
        if let Some(consent) = name.strip_prefix(CONSENT) {
            let value = attributes.value(column, consent, cell, fields)?;
            consents.insert(consent.to_owned(), value);
        } else if attributes.profile.contains_key(name) {
            let value = attributes.value(column, name, cell, fields)?;
            profile.insert(name.to_owned(), value);
        }
    }
    let event = |kind: EventKind, attributes: BTreeMap<String, AttributeValue>| {
        let event = Event {
            tenant: tenant.to_owned(),
            customer_id: customer_id.clone(),
            kind: kind.into(),
            event_time_ms: at_ms.unwrap_or_default(),
            attributes,
            ..Event::default()
        };
        let event_id = match at_ms {
            Some(_) => place.id(&event),
            None => place.snapshot_id(&event),
        };
        Event {
            event_id,
            event_time_ms: at_ms.unwrap_or(now_ms),
            ..event
        }
    };
    let mut events = Vec::new();
    if !profile.is_empty() {
        events.push(event(EventKind::ProfileUpdated, profile));
    }
    if !consents.is_empty() {
        events.push(event(EventKind::ConsentChanged, consents));
    }
    if events.is_empty() {
        return Err(Refusal::plain(
            "the row has no attribute and no consent: nothing to import",
        ));
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use fairlead_proto::event::v1::attribute_value::Value;
    use fairlead_registry::Registry;

    use super::*;
    use crate::fields::tests::of_cells_at;

    const NOW_MS: i64 = 1_764_000_000_000;

    fn read_at(cells: &[(&str, &str)], line: u64, written_ms: i64) -> Result<Vec<Event>, Refusal> {
        let attributes = AttributeTypes::of(&Registry::builtin());
        let place = Place {
            file: "a.csv",
            written_ms,
            line,
        };
        events(&of_cells_at(cells, NOW_MS), place, &attributes, "t")
    }

    fn read(cells: &[(&str, &str)]) -> Result<Vec<Event>, Refusal> {
        read_at(cells, 2, 1)
    }

    #[test]
    fn a_row_becomes_a_profile_and_a_consent_that_pass_the_door() {
        let row = [
            ("customer_id", "c1"),
            ("birth_date_ms", "1980-05-17"),
            ("occupation", "42"),
            ("income_monthly_minor", "1000000.00"),
            ("consent.personalisation", "true"),
        ];
        let told = read(&row).expect("events");
        let registry = Registry::builtin();
        for event in &told {
            registry.check_event(event, NOW_MS).expect("allowed");
        }
        assert_eq!(told.len(), 2);
        let value = |event: usize, name: &str| told[event].attributes[name].value.clone();
        assert_eq!(
            value(0, "birth_date_ms"),
            Some(Value::Number(327_369_600_000.0))
        );
        assert_eq!(
            value(0, "occupation"),
            Some(Value::Text("42".to_owned())),
            "a code"
        );
        assert_eq!(
            value(0, "income_monthly_minor"),
            Some(Value::Number(1_000_000.0))
        );
        assert_eq!(value(1, "personalisation"), Some(Value::Flag(true)));
    }

    #[test]
    fn a_snapshot_that_is_written_again_states_its_facts_again() {
        let id = |line, written_ms, time: &str| {
            let cells = [
                ("customer_id", "c"),
                ("gender", "F"),
                ("event_time_ms", time),
            ];
            read_at(&cells, line, written_ms).expect("events")[0]
                .event_id
                .clone()
        };
        assert_eq!(id(2, 1, ""), id(2, 1, ""), "the same file again");
        assert_ne!(id(2, 1, ""), id(2, 2, ""), "written again: what holds now");
        assert_ne!(id(2, 1, ""), id(3, 1, ""), "the same again further down");
        let at = "2025-01-31T08:00:00Z";
        assert_eq!(
            id(2, 1, at),
            id(2, 2, at),
            "a fact with its time is one fact"
        );
    }

    #[test]
    fn rows_without_use_say_why() {
        for (cells, expected) in [
            (&[("gender", "F")][..], "customer_id is missing"),
            (&[("customer_id", "c")][..], "nothing to import"),
            (
                &[("customer_id", "c"), ("bureau_score", "high")][..],
                "bureau_score `high` is not allowed: a finite number",
            ),
            (
                &[("customer_id", "c"), ("birth_date_ms", "17.5.80")][..],
                "birth_date_ms `17.5.80`",
            ),
            (
                &[("customer_id", "c"), ("birth_date_ms", "642902400")][..],
                "birth_date_ms `642902400`",
            ),
            (
                &[("customer_id", "c"), ("region", "310000.0")][..],
                "region `310000.0`",
            ),
            (
                &[("customer_id", "c"), ("consent.personalisation", "perhaps")][..],
                "consent.personalisation `perhaps`",
            ),
        ] {
            let error = read(cells).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
