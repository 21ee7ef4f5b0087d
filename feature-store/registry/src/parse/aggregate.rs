//! Reading the aggregate of an entry, with its windows and its keys.

use fairlead_domain::Currency;
use fairlead_proto::event::v1::EventKind;
use serde_yaml_ng::Value;

use crate::definition::{Aggregate, Derive, Feature, ValueKind, ValueType};
use crate::error::Error;
use crate::event_kinds::{event_kind_name, needs_product};
use crate::parse::authority::statement;
use crate::parse::{NAME_ALLOWED, is_name, word_of};
use crate::purpose::Entity;
use crate::window::{WINDOWS_ALLOWED, Window};
use crate::yaml::{Keys, text_of};

const AGGREGATES: &str = "count, sum, last, hours_since, sequence, held";

/// Refuses keys that the aggregate does not take, and aggregates that the entity cannot have.
fn check_keys(keys: &Keys<'_>, aggregate: &str, base: &Feature) -> Result<(), Error> {
    let own: &[&str] = match aggregate {
        "count" => &["windows", "split_by"],
        "sum" => &["windows", "split_by", "field", "currency"],
        "last" => &[
            "attribute",
            "type",
            "derive",
            "range",
            "stated_by",
            "withdrawn_by",
        ],
        "hours_since" => &["split_by"],
        "sequence" | "held" => &["length"],
        _ => return Err(keys.error("aggregate", AGGREGATES)),
    };
    let particular = [
        "windows",
        "split_by",
        "field",
        "currency",
        "attribute",
        "type",
        "derive",
        "range",
        "stated_by",
        "withdrawn_by",
        "length",
    ];
    let foreign: Vec<_> = particular
        .into_iter()
        .filter(|key| !own.contains(key))
        .collect();
    keys.without(&foreign, &format!("nothing: {aggregate} does not take it"))?;
    if base.entity == Entity::Product {
        check_names_products(keys, base)?;
        if !matches!(aggregate, "count" | "sum" | "hours_since") {
            return Err(keys.error(
                "aggregate",
                "count, sum or hours_since for the entity product",
            ));
        }
    }
    Ok(())
}

/// Returns the feature with its aggregate, once for each window.
pub(super) fn aggregated(keys: &Keys<'_>, base: Feature) -> Result<Vec<Feature>, Error> {
    let aggregate = keys.text("aggregate", AGGREGATES)?;
    check_keys(keys, aggregate, &base)?;
    match aggregate {
        "count" => windowed(keys, &base, |window| Aggregate::Count { window }),
        "sum" => {
            keys.word("field", "amount", |text| (text == "amount").then_some(()))?;
            let currency = keys.word("currency", "an ISO 4217 code such as CNY", |text| {
                Currency::new(text).ok()
            })?;
            windowed(keys, &base, |window| Aggregate::Sum { window, currency })
        }
        "last" => Ok(vec![Feature {
            aggregate: last(keys, &base)?,
            ..base
        }]),
        "hours_since" => Ok(vec![base]),
        "sequence" | "held" => {
            check_names_products(keys, &base)?;
            let length = keys.integer("length", 1..=1_000)? as usize;
            let aggregate = if aggregate == "held" {
                check_held_sources(keys, &base)?;
                Aggregate::Held { length }
            } else {
                Aggregate::Sequence { length }
            };
            Ok(vec![Feature { aggregate, ..base }])
        }
        _ => Err(keys.error("aggregate", AGGREGATES)),
    }
}

fn windowed(
    keys: &Keys<'_>,
    base: &Feature,
    aggregate: impl Fn(Window) -> Aggregate,
) -> Result<Vec<Feature>, Error> {
    let windows = keys.list("windows", WINDOWS_ALLOWED, Window::parse)?;
    windows
        .into_iter()
        .map(|window| {
            let ttl_ms = i64::from(base.ttl_days) * 86_400_000;
            if window.length_ms() > ttl_ms {
                let allowed = format!("at least the window, {window}");
                return Err(keys.error("ttl_days", &allowed));
            }
            Ok(Feature {
                name: format!("{}_{window}", base.name),
                aggregate: aggregate(window),
                ..base.clone()
            })
        })
        .collect()
}

fn last(keys: &Keys<'_>, base: &Feature) -> Result<Aggregate, Error> {
    const SOURCES: [EventKind; 2] = [EventKind::ProfileUpdated, EventKind::ConsentChanged];
    if base.source.len() != 1 || !SOURCES.contains(&base.source[0]) {
        return Err(keys.error(
            "source",
            "one of profile_updated, consent_changed: they carry attributes",
        ));
    }
    let attribute = match keys.get("attribute") {
        None => base.name.clone(),
        Some(_) => keys.word("attribute", NAME_ALLOWED, |text| {
            is_name(text).then(|| text.to_owned())
        })?,
    };
    let types = [ValueType::Number, ValueType::Category, ValueType::Flag];
    let value = word_of(keys, "type", types, ValueType::name)?;
    let derive = if keys.get("derive").is_some() {
        let all = [Derive::FullYearsSince, Derive::DaysSince];
        Some(word_of(keys, "derive", all, Derive::name)?)
    } else {
        None
    };
    if value != ValueType::Number {
        keys.without(&["derive", "range"], "nothing: only numbers take it")?;
    }
    Ok(Aggregate::Last {
        attribute,
        value,
        derive,
        range: range(keys)?,
        statement: statement(keys, value)?,
    })
}

fn range(keys: &Keys<'_>) -> Result<Option<(f64, f64)>, Error> {
    let Some(value) = keys.get("range") else {
        return Ok(None);
    };
    let bounds: Vec<f64> = value
        .as_sequence()
        .map(|list| list.iter().filter_map(Value::as_f64).collect())
        .unwrap_or_default();
    match bounds[..] {
        [low, high] if low.is_finite() && high.is_finite() && low <= high => Ok(Some((low, high))),
        _ => Err(keys.error_of(
            "range",
            text_of(value),
            "two finite numbers, the lower one first".into(),
        )),
    }
}

fn check_names_products(keys: &Keys<'_>, base: &Feature) -> Result<(), Error> {
    let bad = base.source.iter().find(|kind| !needs_product(**kind));
    match bad {
        None => Ok(()),
        Some(kind) => Err(keys.error_of(
            "source",
            event_kind_name(*kind),
            "kinds of event that always name a product: impression, click, application, \
             conversion, holding_opened, holding_closed"
                .into(),
        )),
    }
}

fn check_held_sources(keys: &Keys<'_>, base: &Feature) -> Result<(), Error> {
    const OPEN: [EventKind; 2] = [EventKind::HoldingOpened, EventKind::Conversion];
    let opens = base.source.iter().any(|kind| OPEN.contains(kind));
    let closes = base.source.contains(&EventKind::HoldingClosed);
    let foreign = base
        .source
        .iter()
        .any(|kind| !OPEN.contains(kind) && *kind != EventKind::HoldingClosed);
    if opens && closes && !foreign {
        return Ok(());
    }
    Err(keys.error(
        "source",
        "holding_opened or conversion (or both), and holding_closed",
    ))
}

/// Sets the default of a number; refuses one of a category or a sequence.
pub(super) fn set_default(keys: &Keys<'_>, feature: &mut Feature) -> Result<(), Error> {
    if feature.value_kind() == ValueKind::Number {
        feature.default = keys.number("default")?.ok_or_else(|| {
            keys.error(
                "default",
                "a finite number: what is read where nothing was observed",
            )
        })?;
        return Ok(());
    }
    keys.without(
        &["default"],
        "nothing: categories and sequences are empty where nothing was observed",
    )
}
