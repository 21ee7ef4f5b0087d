//! From the features file to definitions.

use std::collections::{BTreeMap, HashSet};

use fairlead_domain::Currency;
use fairlead_proto::event::v1::EventKind;
use serde_yaml_ng::Value;

use crate::definition::{
    Aggregate, Derive, Feature, ValueType, event_kind_name, event_kinds, product_kind_name,
    product_kinds,
};
use crate::error::{Error, shown};
use crate::purpose::{Entity, Purpose, PurposeSet, Sensitivity};
use crate::window::{WINDOWS_ALLOWED, Window};
use crate::yaml::{Keys, text_of};

/// What the file says.
pub(crate) struct Definitions {
    /// In the order of the file.
    pub(crate) features: Vec<Feature>,
    /// By entity: after how many days without an event it is forgotten.
    pub(crate) idle_days: [u32; 2],
}

const FILE_KEYS: [&str; 3] = ["version", "entities", "features"];
const FEATURE_KEYS: [&str; 20] = [
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

pub(crate) fn parse(text: &str) -> Result<Definitions, Error> {
    let file: Value = serde_yaml_ng::from_str(text).map_err(|cause| Error::Yaml {
        detail: cause.to_string(),
    })?;
    let keys = Keys::new("the file".into(), &file, &FILE_KEYS)?;
    keys.whole("version", 1..=1)?;
    let idle_days = idle_days(&keys)?;
    let list = keys
        .get("features")
        .and_then(Value::as_sequence)
        .filter(|list| !list.is_empty())
        .ok_or_else(|| keys.error("features", "a list with at least one feature"))?;
    let mut features = Vec::new();
    for (index, entry) in list.iter().enumerate() {
        features.extend(read_feature(index, entry)?);
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
        days[entity.index()] = keys.whole("idle_days", 1..=MAX_DAYS)?;
    }
    Ok(days)
}

/// One entry of the file: one feature, or several by window and kind.
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
    let keys = keys.at(format!("feature `{name}`"));
    let base = Feature {
        description: keys.text("description", "a sentence")?.to_owned(),
        entity: word_of(&keys, "entity", Entity::ALL, Entity::name)?,
        source: source(&keys)?,
        product_kind: None,
        aggregate: Aggregate::HoursSince,
        unit: keys.text("unit", "the unit of the value")?.to_owned(),
        default: 0.0,
        ttl_days: keys.whole("ttl_days", 1..=MAX_DAYS)?,
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
        return Err(keys.error_of("purposes", "price".into(), allowed));
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

/// The error with the feature's name in place of its number, where it has one.
fn named(error: Error, entry: &Value) -> Error {
    match (error, entry.get("name").and_then(Value::as_str)) {
        (
            Error::Definition {
                key,
                value,
                allowed,
                ..
            },
            Some(name),
        ) => Error::Definition {
            place: format!("feature `{}`", shown(name)),
            key,
            value,
            allowed,
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

/// One feature per kind of product, where the entry says so.
fn split(keys: &Keys<'_>, base: Feature) -> Result<Vec<Feature>, Error> {
    if keys.get("split_by").is_none() {
        return Ok(vec![base]);
    }
    keys.word("split_by", "product_kind", |text| {
        (text == "product_kind").then_some(())
    })?;
    Ok(product_kinds()
        .map(|kind| Feature {
            name: format!("{}_{}", base.name, product_kind_name(kind)),
            product_kind: Some(kind),
            ..base.clone()
        })
        .collect())
}

const AGGREGATES: &str = "count, sum, last, hours_since, sequence, held";

/// The feature with its aggregate; one per window.
fn aggregated(keys: &Keys<'_>, base: Feature) -> Result<Vec<Feature>, Error> {
    let aggregate = keys.text("aggregate", AGGREGATES)?;
    let own: &[&str] = match aggregate {
        "count" => &["windows", "split_by"],
        "sum" => &["windows", "split_by", "field", "currency"],
        "last" => &["attribute", "type", "derive", "range"],
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
        "length",
    ];
    let foreign: Vec<_> = particular
        .into_iter()
        .filter(|key| !own.contains(key))
        .collect();
    keys.without(&foreign, &format!("nothing: {aggregate} does not take it"))?;
    if base.entity == Entity::Product {
        on_products(keys, &base)?;
        if !matches!(aggregate, "count" | "sum" | "hours_since") {
            return Err(keys.error(
                "aggregate",
                "count, sum or hours_since for the entity product",
            ));
        }
    }
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
            on_products(keys, &base)?;
            let length = keys.whole("length", 1..=1_000)? as usize;
            let aggregate = if aggregate == "held" {
                held_sources(keys, &base)?;
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
    let derive = match keys.get("derive") {
        None => None,
        Some(_) => {
            let all = [Derive::FullYearsSince, Derive::DaysSince];
            Some(word_of(keys, "derive", all, Derive::name)?)
        }
    };
    if value != ValueType::Number {
        keys.without(&["derive", "range"], "nothing: only numbers take it")?;
    }
    Ok(Aggregate::Last {
        attribute,
        value,
        derive,
        range: range(keys)?,
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

fn on_products(keys: &Keys<'_>, base: &Feature) -> Result<(), Error> {
    let bad = base
        .source
        .iter()
        .find(|kind| !crate::check::needs_product(**kind));
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

fn held_sources(keys: &Keys<'_>, base: &Feature) -> Result<(), Error> {
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

fn set_default(keys: &Keys<'_>, feature: &mut Feature) -> Result<(), Error> {
    use crate::definition::ValueKind;
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

/// What can only be seen with all features side by side.
fn check_together(features: &[Feature], idle_days: [u32; 2]) -> Result<(), Error> {
    let mut names = HashSet::new();
    let mut attributes: BTreeMap<&str, &Feature> = BTreeMap::new();
    for feature in features {
        let error = |key: &str, value: &str, allowed: String| Error::Definition {
            place: format!("feature `{}`", feature.name),
            key: key.to_owned(),
            value: shown(value),
            allowed,
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
                attribute, value, ..
            } => {
                let first = attributes.entry(attribute).or_insert(feature);
                let same = first.source == feature.source
                    && first.entity == feature.entity
                    && matches!(&first.aggregate, Aggregate::Last { value: other, .. } if other == value);
                if !same {
                    let allowed = format!(
                        "the same source and type as in feature `{}`, which reads it too",
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
