//! Parsing the features file into definitions.

use std::collections::{BTreeMap, HashSet};

use fairlead_domain::Origins;
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::event::v1::EventKind;
use serde_yaml_ng::Value;

use crate::definition::{Aggregate, Feature};
use crate::error::{Error, shown};
use crate::event_kinds::{event_kind_name, event_kinds};
use crate::purpose::{Entity, Purpose, PurposeSet, Sensitivity};
use crate::yaml::Keys;

mod aggregate;
mod authority;
mod lines;

use aggregate::{aggregated, set_default};

/// The contents of a features file.
pub(crate) struct Definitions {
    /// In the order of the file.
    pub(crate) features: Vec<Feature>,
    /// By entity: the days without an event after which it is forgotten.
    pub(crate) idle_days: [u32; 2],
    /// Who may state each kind of event, by the number of the kind.
    pub(crate) stated_by: Vec<Origins>,
}

const FILE_KEYS: [&str; 4] = ["version", "entities", "events", "features"];
const FEATURE_KEYS: [&str; 22] = [
    "name",
    "description",
    "entity",
    "source",
    "aggregate",
    "field",
    "currency",
    "attribute",
    "type",
    "derive",
    "length",
    "range",
    "stated_by",
    "withdrawn_by",
    "split_by",
    "windows",
    "unit",
    "default",
    "ttl_days",
    "owner",
    "sensitivity",
    "purposes",
];
const NAME_ALLOWED: &str = "1 to 64 characters of [a-z0-9_], a letter first";
const MAX_FEATURES: usize = 2_000;
const MAX_DAYS: u32 = 36_500;

/// Reads a features file. The first fault is named with its place, key, value and what is allowed.
pub(crate) fn parse(text: &str) -> Result<Definitions, Error> {
    let file: Value = serde_yaml_ng::from_str(text).map_err(|cause| Error::Yaml {
        detail: cause.to_string(),
    })?;
    let keys = Keys::new("the file".into(), &file, &FILE_KEYS)?;
    keys.integer("version", 1..=1)?;
    let idle_days = idle_days(&keys)?;
    let stated_by = authority::kinds(text, &keys)?;
    let list = keys
        .get("features")
        .and_then(Value::as_sequence)
        .filter(|list| !list.is_empty())
        .ok_or_else(|| keys.error("features", "a list with at least one feature"))?;
    let mut features = Vec::new();
    for (index, entry) in list.iter().enumerate() {
        let at_line = |error: Error| error.at_line(lines::of_feature(text, index));
        let read = read_feature(index, entry).map_err(at_line)?;
        for feature in &read {
            authority::check_bank_alone(feature, &stated_by).map_err(at_line)?;
        }
        features.extend(read);
    }
    if features.len() > MAX_FEATURES {
        return Err(keys.error_of(
            "features",
            features.len().to_string(),
            format!("at most {MAX_FEATURES}, windows and splits counted"),
        ));
    }
    check_together(&features, idle_days)?;
    Ok(Definitions {
        features,
        idle_days,
        stated_by,
    })
}

fn idle_days(file: &Keys<'_>) -> Result<[u32; 2], Error> {
    let entities = file
        .get("entities")
        .ok_or_else(|| file.error("entities", "a mapping with the keys customer, product"))?;
    let names = Entity::ALL.map(Entity::name);
    let entities = Keys::new("entities".into(), entities, &names)?;
    let mut days = [0; 2];
    for entity in Entity::ALL {
        let name = entity.name();
        let value = entities
            .get(name)
            .ok_or_else(|| entities.error(name, "a mapping with the key idle_days"))?;
        let keys = Keys::new(format!("entity `{name}`"), value, &["idle_days"])?;
        days[entity.index()] = keys.integer("idle_days", 1..=MAX_DAYS)?;
    }
    Ok(days)
}

/// Reads one entry of the file: one feature, or several by window and kind of product.
fn read_feature(index: usize, entry: &Value) -> Result<Vec<Feature>, Error> {
    let keys = Keys::new(
        format!("feature number {}", index + 1),
        entry,
        &FEATURE_KEYS,
    )
    .map_err(|error| named(error, entry))?;
    let name = keys.word("name", NAME_ALLOWED, |text| {
        is_name(text).then(|| text.to_owned())
    })?;
    let keys = keys.in_place(format!("feature `{name}`"));
    let base = Feature {
        description: keys.text("description", "a sentence")?.to_owned(),
        entity: word_of(&keys, "entity", Entity::ALL, Entity::name)?,
        source: source(&keys)?,
        product_kind: None,
        aggregate: Aggregate::HoursSince,
        unit: keys.text("unit", "the unit of the value")?.to_owned(),
        default: 0.0,
        ttl_days: keys.integer("ttl_days", 1..=MAX_DAYS)?,
        owner: keys
            .text("owner", "who answers for the feature")?
            .to_owned(),
        sensitivity: word_of(&keys, "sensitivity", Sensitivity::ALL, Sensitivity::name)?,
        purposes: purposes(&keys)?,
        name,
    };
    if base.purposes.contains(Purpose::Price) && !base.sensitivity.may_price() {
        let allowed = format!(
            "not `price`: a price rests on public, financial or personal features only, \
             and this one is {}",
            base.sensitivity.name()
        );
        return Err(keys.error_of("purposes", "price", allowed));
    }
    let mut features = Vec::new();
    for split in split(&keys, base)? {
        features.extend(aggregated(&keys, split)?);
    }
    for feature in &mut features {
        set_default(&keys, feature)?;
    }
    Ok(features)
}

/// Returns the error with the feature's name in place of its number, if it has one.
fn named(error: Error, entry: &Value) -> Error {
    match (error, entry.get("name").and_then(Value::as_str)) {
        (
            Error::Definition {
                key,
                value,
                allowed,
                line,
                ..
            },
            Some(name),
        ) => Error::Definition {
            place: format!("feature `{}`", shown(name)),
            key,
            value,
            allowed,
            line,
        },
        (error, _) => error,
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn word_of<T: Copy, const N: usize>(
    keys: &Keys<'_>,
    key: &str,
    all: [T; N],
    name: fn(T) -> &'static str,
) -> Result<T, Error> {
    keys.word(key, &all.map(name).join(", "), |text| {
        all.into_iter().find(|one| name(*one) == text)
    })
}

fn source(keys: &Keys<'_>) -> Result<Vec<EventKind>, Error> {
    let allowed: Vec<_> = event_kinds().map(event_kind_name).collect();
    let mut source = keys.list("source", &allowed.join(", "), |text| {
        event_kinds().find(|kind| event_kind_name(*kind) == text)
    })?;
    source.sort_unstable();
    source.dedup();
    Ok(source)
}

fn purposes(keys: &Keys<'_>) -> Result<PurposeSet, Error> {
    let allowed = Purpose::ALL.map(Purpose::name).join(", ");
    let purposes = keys.list("purposes", &allowed, |text| {
        Purpose::ALL.into_iter().find(|one| one.name() == text)
    })?;
    Ok(purposes
        .into_iter()
        .fold(PurposeSet::default(), PurposeSet::with))
}

/// Returns one feature for each kind of product if the entry is split, else the feature itself.
fn split(keys: &Keys<'_>, base: Feature) -> Result<Vec<Feature>, Error> {
    if keys.get("split_by").is_none() {
        return Ok(vec![base]);
    }
    keys.word("split_by", "product_kind", |text| {
        (text == "product_kind").then_some(())
    })?;
    Ok(ProductKind::ALL
        .into_iter()
        .map(|kind| Feature {
            name: format!("{}_{}", base.name, kind.name()),
            product_kind: Some(kind),
            ..base.clone()
        })
        .collect())
}

/// Checks the features against each other: names, windows, and attributes read twice.
fn check_together(features: &[Feature], idle_days: [u32; 2]) -> Result<(), Error> {
    let mut names = HashSet::new();
    let mut attributes: BTreeMap<&str, &Feature> = BTreeMap::new();
    for feature in features {
        let error = |key: &str, value: &str, allowed: String| Error::Definition {
            place: format!("feature `{}`", feature.name),
            key: key.to_owned(),
            value: shown(value),
            allowed,
            line: None,
        };
        if !names.insert((feature.entity.index(), feature.name.as_str())) {
            let allowed = format!("a name used once for the entity {}", feature.entity.name());
            return Err(error("name", &feature.name, allowed));
        }
        let idle = idle_days[feature.entity.index()];
        match &feature.aggregate {
            Aggregate::Count { window } | Aggregate::Sum { window, .. }
                if window.length_ms() > i64::from(idle) * 86_400_000 =>
            {
                let allowed = format!("at most idle_days of the entity, {idle}d");
                return Err(error("windows", &window.to_string(), allowed));
            }
            Aggregate::Last {
                attribute,
                value,
                statement,
                ..
            } => {
                let first = attributes.entry(attribute).or_insert(feature);
                let same = first.source == feature.source
                    && first.entity == feature.entity
                    && matches!(
                        &first.aggregate,
                        Aggregate::Last { value: other, statement: by, .. }
                            if other == value && by == statement
                    );
                if !same {
                    let allowed = format!(
                        "the same source, type and origins as in feature `{}`, which reads it too",
                        first.name
                    );
                    return Err(error("attribute", attribute, allowed));
                }
            }
            _ => {}
        }
    }
    Ok(())
}
