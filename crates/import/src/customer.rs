//! Converts a row of a customers file to events: attributes and consents.

use std::collections::BTreeMap;

use fairlead_proto::event::v1::attribute_value::Value as Kept;
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind};
use fairlead_registry::{Aggregate, Entity, Registry, ValueType};
use serde_json::Value;

use super::content_id;
use super::fields::{Fields, as_text, flag, instant, number};

/// Prefix of the columns of consents.
const CONSENT: &str = "consent.";

/// The attributes that the feature registry reads, with their types.
#[derive(Debug)]
pub(super) struct AttributeTypes {
    profile: BTreeMap<String, ValueType>,
    consents: BTreeMap<String, ValueType>,
}

impl AttributeTypes {
    /// Returns the attributes that the features of `registry` read.
    pub(super) fn of(registry: &Registry) -> Self {
        let read_from = |kind: EventKind| {
            let features = registry.features().iter();
            let of_kind = features.filter(move |feature| {
                feature.entity == Entity::Customer && feature.source.contains(&kind)
            });
            of_kind
                .filter_map(|feature| match &feature.aggregate {
                    Aggregate::Last {
                        attribute, value, ..
                    } => Some((attribute.clone(), *value)),
                    _ => None,
                })
                .collect()
        };
        Self {
            profile: read_from(EventKind::ProfileUpdated),
            consents: read_from(EventKind::ConsentChanged),
        }
    }

    /// Returns whether a customers file may have this column.
    pub(super) fn is_known(&self, column: &str) -> bool {
        let fixed = ["customer_id", "event_time_ms"].contains(&column);
        fixed
            || self.profile.contains_key(column)
            || column
                .strip_prefix(CONSENT)
                .is_some_and(|name| self.consents.contains_key(name))
    }

    /// Returns an attribute of an event, by its type in the registry; if it has none there, by the
    /// form of the value.
    pub(super) fn value(&self, column: &str, name: &str, value: &Value) -> Result<Kept, String> {
        let types = self.profile.get(name).or_else(|| self.consents.get(name));
        match types {
            Some(kind) => typed(column, value, *kind),
            None => Ok(by_looks(value)),
        }
    }
}

fn typed(column: &str, value: &Value, kind: ValueType) -> Result<Kept, String> {
    Ok(match kind {
        ValueType::Number if column.ends_with("_ms") => {
            Kept::Number(instant(column, value)? as f64)
        }
        ValueType::Number => Kept::Number(number(column, value)?),
        ValueType::Category => Kept::Text(as_text(value)),
        ValueType::Flag => Kept::Flag(flag(column, value)?),
    })
}

fn by_looks(value: &Value) -> Kept {
    if let Value::Bool(flag) = value {
        return Kept::Flag(*flag);
    }
    let text = as_text(value);
    match (text.parse::<f64>(), text.as_str()) {
        (Ok(number), _) if number.is_finite() => Kept::Number(number),
        (_, "true") => Kept::Flag(true),
        (_, "false") => Kept::Flag(false),
        _ => Kept::Text(text),
    }
}

/// Returns the events of a row: a profile update, and a consent change if there are consents. Their
/// ids are computed from the content, so that a repeated row is recognised.
pub(super) fn events(
    fields: &Fields,
    attributes: &AttributeTypes,
    tenant: &str,
    now_ms: i64,
) -> Result<Vec<Event>, String> {
    let customer_id = fields.needed("customer_id")?;
    let at_ms = fields.instant("event_time_ms")?;
    let mut profile = BTreeMap::new();
    for (name, kind) in &attributes.profile {
        if let Some(value) = fields.value(name) {
            profile.insert(name.clone(), kept(typed(name, value, *kind)?));
        }
    }
    let mut consents = BTreeMap::new();
    for (name, kind) in &attributes.consents {
        let column = format!("{CONSENT}{name}");
        if let Some(value) = fields.value(&column) {
            consents.insert(name.clone(), kept(typed(&column, value, *kind)?));
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
        Event {
            event_id: content_id::of(&event, 0),
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
        return Err("the row has no attribute and no consent: nothing to import".to_owned());
    }
    Ok(events)
}

fn kept(value: Kept) -> AttributeValue {
    AttributeValue { value: Some(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_764_000_000_000;

    fn read(cells: &[(&str, &str)]) -> Result<Vec<Event>, String> {
        let attributes = AttributeTypes::of(&Registry::builtin());
        let fields = Fields::from_cells(cells.iter().copied());
        events(&fields, &attributes, "t", NOW_MS)
    }

    #[test]
    fn a_row_becomes_a_profile_and_a_consent_that_pass_the_door() {
        let row = [
            ("customer_id", "c1"),
            ("birth_date_ms", "1980-05-17"),
            ("occupation", "42"),
            ("income_monthly_minor", "1000000"),
            ("consent.personalisation", "true"),
            ("shoe_size", "43"),
        ];
        let told = read(&row).expect("events");
        let registry = Registry::builtin();
        for event in &told {
            registry.check_event(event, NOW_MS).expect("allowed");
        }
        assert_eq!(told.len(), 2);
        assert_eq!(
            told[0].attributes["birth_date_ms"].value,
            Some(Kept::Number(327_369_600_000.0))
        );
        let occupation = &told[0].attributes["occupation"].value;
        assert_eq!(
            *occupation,
            Some(Kept::Text("42".to_owned())),
            "a category is a text"
        );
        assert!(!told[0].attributes.contains_key("shoe_size"));
        assert_eq!(
            told[1].attributes["personalisation"].value,
            Some(Kept::Flag(true))
        );
        assert_eq!(
            told,
            read(&row).expect("events"),
            "the same row has the same ids"
        );
        let ids = |told: &[Event]| told[0].event_id.clone();
        let other = read(&[("customer_id", "c1"), ("occupation", "43")]).expect("events");
        assert_ne!(ids(&told), ids(&other));
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
                &[("customer_id", "c"), ("consent.personalisation", "perhaps")][..],
                "consent.personalisation `perhaps`",
            ),
        ] {
            let error = read(cells).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn columns_are_known_by_the_registry() {
        let attributes = AttributeTypes::of(&Registry::builtin());
        for known in [
            "customer_id",
            "bureau_grade",
            "consent.personalisation",
            "birth_date_ms",
        ] {
            assert!(attributes.is_known(known), "{known}");
        }
        for unknown in ["personalisation", "consent.shoes", "name"] {
            assert!(!attributes.is_known(unknown), "{unknown}");
        }
    }
}
