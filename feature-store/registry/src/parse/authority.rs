//! Reading who may state an event kind or an attribute.

use fairlead_domain::{Origin, Origins};
use fairlead_proto::event::v1::EventKind;
use serde_yaml_ng::Value;

use super::lines;
use crate::definition::{Aggregate, Feature, Statement, ValueType};
use crate::error::Error;
use crate::event_kinds::{EVENT_KINDS, event_kind_name, event_kinds};
use crate::purpose::{Entity, Purpose};
use crate::yaml::Keys;

const ORIGINS_ALLOWED: &str = "app, partner, bank";

/// Returns who may state each kind of event, by the number of the kind.
pub(super) fn kinds(text: &str, file: &Keys<'_>) -> Result<Vec<Origins>, Error> {
    let names: Vec<String> = event_kinds().map(event_kind_name).collect();
    let allowed: Vec<&str> = names.iter().map(String::as_str).collect();
    let at_events = |error: Error| error.at_line(lines::of_key(text, "events"));
    let events = file.get("events").ok_or_else(|| {
        file.error(
            "events",
            "a mapping with every kind of event, each with the key stated_by",
        )
    })?;
    let events = Keys::new("events".into(), events, &allowed).map_err(at_events)?;
    let mut all = vec![Origins::default(); EVENT_KINDS as usize + 1];
    for kind in event_kinds() {
        let name = event_kind_name(kind);
        let entry = events
            .get(&name)
            .ok_or_else(|| at_events(events.error(&name, "a mapping with the key stated_by")))?;
        all[kind as usize] = kind_origins(&name, entry)
            .map_err(|error| error.at_line(lines::of_event(text, &name)))?;
    }
    Ok(all)
}

fn kind_origins(name: &str, entry: &Value) -> Result<Origins, Error> {
    let keys = Keys::new(format!("event `{name}`"), entry, &["stated_by"])?;
    origins(&keys, "stated_by")
}

/// Returns who may state an attribute of this type.
pub(super) fn statement(keys: &Keys<'_>, value: ValueType) -> Result<Statement, Error> {
    let stated_by = origins(keys, "stated_by")?;
    if value != ValueType::Flag {
        keys.without(&["withdrawn_by"], "nothing: only flags take it")?;
    }
    let withdrawn_by = match keys.get("withdrawn_by") {
        None => stated_by,
        Some(_) => origins(keys, "withdrawn_by")?,
    };
    if !withdrawn_by.includes(stated_by) {
        let allowed = format!("at least those of stated_by, {stated_by}");
        return Err(keys.error("withdrawn_by", &allowed));
    }
    Ok(Statement {
        stated_by,
        withdrawn_by,
    })
}

fn origins(keys: &Keys<'_>, key: &str) -> Result<Origins, Error> {
    let list = keys.list(key, ORIGINS_ALLOWED, Origin::from_name)?;
    Ok(list.into_iter().collect())
}

/// Refuses a feature that prices or detects fraud and rests on what others than the bank state.
pub(super) fn check_bank_alone(feature: &Feature, kinds: &[Origins]) -> Result<(), Error> {
    let purposes = [Purpose::Price, Purpose::Fraud];
    let Some(purpose) = purposes
        .into_iter()
        .find(|purpose| feature.purposes.contains(*purpose))
    else {
        return Ok(());
    };
    if feature.entity != Entity::Customer {
        return Ok(());
    }
    let error = |key: &str, value: String| Error::Definition {
        place: format!("feature `{}`", feature.name),
        key: key.to_owned(),
        value,
        allowed: format!("bank alone: the feature may be read for {purpose}"),
        line: None,
    };
    if let Aggregate::Last { statement, .. } = &feature.aggregate {
        return match statement.withdrawn_by {
            Origins::BANK => Ok(()),
            others => Err(error("stated_by", others.to_string())),
        };
    }
    let foreign = |kind: &&EventKind| kinds[**kind as usize] != Origins::BANK;
    match feature.source.iter().find(foreign) {
        None => Ok(()),
        Some(kind) => {
            let named = event_kind_name(*kind);
            let stated_by = kinds[*kind as usize];
            Err(error("source", format!("{named}, stated by {stated_by}")))
        }
    }
}
