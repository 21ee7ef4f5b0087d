//! The attributes that the feature registry reads, and how a column of each is read.

use std::collections::BTreeMap;

use fairlead_proto::event::v1::attribute_value::Value;
use fairlead_proto::event::v1::{AttributeValue, EventKind};
use fairlead_registry::{Aggregate, Derive, Entity, Registry, ValueType};

use crate::cell::Cell;
use crate::columns::Column;
use crate::fields::{Fields, LATEST_MS};
use crate::refusal::Refusal;
use crate::values::{self, TimeColumn};

/// 1900-01-01: nobody was born, and no account opened, before.
const EARLIEST_MS: i64 = -2_208_988_800_000;
/// A day begins somewhere on the earth up to fourteen hours before it does in UTC.
const DAY_MS: i64 = 86_400_000;

/// How an attribute is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttributeKind {
    /// A calendar day that is not in the future, as the UTC midnight that begins it.
    Day,
    /// An instant, Unix milliseconds.
    Instant,
    /// A number.
    Number,
    /// A code.
    Category,
    /// A flag.
    Flag,
}

/// The attributes that the feature registry reads.
#[derive(Debug)]
pub(crate) struct AttributeTypes {
    /// Those of profile updates.
    pub(crate) profile: BTreeMap<String, AttributeKind>,
    /// Those of consent changes.
    pub(crate) consents: BTreeMap<String, AttributeKind>,
}

impl AttributeTypes {
    /// Returns the attributes that the features of `registry` read.
    pub(crate) fn of(registry: &Registry) -> Self {
        let read_from = |kind: EventKind| {
            let features = registry.features().iter();
            let of_kind = features.filter(move |feature| {
                feature.entity == Entity::Customer && feature.source.contains(&kind)
            });
            of_kind
                .filter_map(|feature| match &feature.aggregate {
                    Aggregate::Last {
                        attribute,
                        value,
                        derive,
                        ..
                    } => Some((attribute.clone(), kind_of(attribute, *value, *derive))),
                    _ => None,
                })
                .collect()
        };
        Self {
            profile: read_from(EventKind::ProfileUpdated),
            consents: read_from(EventKind::ConsentChanged),
        }
    }

    /// Returns how an attribute is read, or `None` if no feature reads it.
    pub(crate) fn kind(&self, name: &str) -> Option<AttributeKind> {
        let kind = self.profile.get(name).or_else(|| self.consents.get(name));
        kind.copied()
    }

    /// Returns an attribute of an event: as its kind wants it, or if it has none, by its form.
    pub(crate) fn value(
        &self,
        column: &Column,
        name: &str,
        cell: &Cell,
        fields: &Fields,
    ) -> Result<AttributeValue, Refusal> {
        let value = match self.kind(name) {
            Some(kind) => typed(column, cell, kind, fields)?,
            None => by_form(column, cell, fields)?,
        };
        Ok(AttributeValue { value: Some(value) })
    }
}

fn kind_of(attribute: &str, value: ValueType, derive: Option<Derive>) -> AttributeKind {
    match (value, derive) {
        (ValueType::Number, Some(Derive::FullYearsSince)) => AttributeKind::Day,
        (ValueType::Number, _) if attribute.ends_with("_ms") => AttributeKind::Instant,
        (ValueType::Number, _) => AttributeKind::Number,
        (ValueType::Category, _) => AttributeKind::Category,
        (ValueType::Flag, _) => AttributeKind::Flag,
    }
}

fn typed(
    column: &Column,
    cell: &Cell,
    kind: AttributeKind,
    fields: &Fields,
) -> Result<Value, Refusal> {
    let rules = fields.rules();
    let name = column.name.as_str();
    let times = |latest_ms| TimeColumn {
        name,
        is_ms: column.is_ms(),
        earliest_ms: EARLIEST_MS,
        latest_ms,
    };
    Ok(match kind {
        AttributeKind::Day => {
            let latest_ms = rules.now_ms.saturating_add(DAY_MS);
            Value::Number(values::day(times(latest_ms), cell, rules)? as f64)
        }
        AttributeKind::Instant => {
            Value::Number(values::instant(times(LATEST_MS), cell, rules)? as f64)
        }
        AttributeKind::Number => Value::Number(values::number(name, cell, rules)?),
        AttributeKind::Category => Value::Text(values::id(name, cell)?),
        AttributeKind::Flag => Value::Flag(values::flag(name, cell)?),
    })
}

fn by_form(column: &Column, cell: &Cell, fields: &Fields) -> Result<Value, Refusal> {
    let name = column.name.as_str();
    Ok(match cell {
        Cell::Flag(flag) => Value::Flag(*flag),
        Cell::Clock(time) => Value::Text(time.to_string()),
        Cell::Text(text) if text == "true" || text == "false" => Value::Flag(text == "true"),
        Cell::Number(_) | Cell::Text(_) => match values::number(name, cell, fields.rules()) {
            Ok(number) => Value::Number(number),
            Err(_) => Value::Text(values::free_text(name, cell)?),
        },
        _ => Value::Text(values::free_text(name, cell)?),
    })
}
