//! A column's domain as integers, called positions: labels are numbered, every other value is a
//! number already. Cells, evaluation and lint work on positions alone.

use std::collections::HashMap;

use fairlead_domain::{Currency, Money, RatePpm};

use crate::kind::ColumnKind;
use crate::literal;
use crate::set::{Interval, Set};
use crate::value::Value;

/// The largest position of an open category: the one of every label that no cell mentions.
const UNMENTIONED: i64 = 1 << 32;

/// The reason why a value is not in a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    /// There is no value.
    Missing,
    /// It is of another kind, or in another currency.
    OtherKind,
    /// It is of the kind, but not in the domain.
    Beyond,
}

/// The domain of one column.
#[derive(Debug, Clone)]
pub(crate) struct Domain {
    kind: ColumnKind,
    /// The labels by position.
    labels: Vec<String>,
    positions: HashMap<String, i64>,
    min: i64,
    max: i64,
}

impl Domain {
    /// Makes the domain of a kind.
    pub(crate) fn new(kind: &ColumnKind) -> Self {
        let mut domain = Self {
            kind: kind.clone(),
            labels: Vec::new(),
            positions: HashMap::new(),
            min: 0,
            max: 0,
        };
        match kind {
            ColumnKind::Category { allowed: None } => domain.max = UNMENTIONED,
            ColumnKind::Category {
                allowed: Some(labels),
            }
            | ColumnKind::Ordered { order: labels } => {
                for label in labels {
                    domain.mention(label);
                }
                domain.max = domain.mentioned() - 1;
            }
            ColumnKind::Integer { min, max, .. } | ColumnKind::Money { min, max, .. } => {
                (domain.min, domain.max) = (*min, *max);
            }
            ColumnKind::Rate { min, max } => (domain.min, domain.max) = (min.ppm(), max.ppm()),
            ColumnKind::Bool => domain.max = 1,
        }
        domain
    }

    pub(crate) const fn kind(&self) -> &ColumnKind {
        &self.kind
    }

    /// Returns the smallest and the largest position.
    pub(crate) const fn bounds(&self) -> Interval {
        Interval {
            start: self.min,
            end: self.max,
        }
    }

    /// Returns the set of all positions.
    pub(crate) fn all(&self) -> Set {
        Set::from(self.bounds())
    }

    /// Returns the number of labels that have a position, which is the next one's position.
    fn mentioned(&self) -> i64 {
        i64::try_from(self.labels.len()).unwrap_or(UNMENTIONED)
    }

    /// Returns the position of a label that a cell mentions, or `None` if it is not allowed.
    pub(crate) fn mention(&mut self, label: &str) -> Option<i64> {
        if let Some(position) = self.positions.get(label) {
            return Some(*position);
        }
        let next = self.mentioned();
        let is_listed = match &self.kind {
            ColumnKind::Category { allowed: None } => true,
            ColumnKind::Category {
                allowed: Some(labels),
            }
            | ColumnKind::Ordered { order: labels } => labels
                .get(self.labels.len())
                .is_some_and(|listed| listed == label),
            _ => false,
        };
        is_listed.then(|| {
            self.labels.push(label.to_owned());
            self.positions.insert(label.to_owned(), next);
            next
        })
    }

    /// Returns the position of a value, or the reason why it is not in the domain.
    pub(crate) fn position(&self, value: &Value<'_>) -> Result<i64, Outside> {
        let number = match (value, &self.kind) {
            (Value::Missing, _) => return Err(Outside::Missing),
            (Value::Label(label), ColumnKind::Category { .. } | ColumnKind::Ordered { .. }) => {
                let position = self.positions.get(label.as_ref()).copied();
                return match position {
                    Some(position) => Ok(position),
                    None if self.is_open() && !label.is_empty() => Ok(UNMENTIONED),
                    None => Err(Outside::Beyond),
                };
            }
            (Value::Integer(number), ColumnKind::Integer { .. }) => *number,
            (Value::Money(money), ColumnKind::Money { currency, .. })
                if money.currency() == *currency =>
            {
                money.minor()
            }
            (Value::Rate(rate), ColumnKind::Rate { .. }) => rate.ppm(),
            (Value::Bool(truth), ColumnKind::Bool) => i64::from(*truth),
            _ => return Err(Outside::OtherKind),
        };
        if (self.min..=self.max).contains(&number) {
            Ok(number)
        } else {
            Err(Outside::Beyond)
        }
    }

    /// Returns `true` if any label is a value.
    const fn is_open(&self) -> bool {
        matches!(self.kind, ColumnKind::Category { allowed: None })
    }

    /// Returns the value at a position; at the position of unmentioned labels, one such label.
    pub(crate) fn value(&self, position: i64) -> Value<'static> {
        match &self.kind {
            ColumnKind::Category { .. } | ColumnKind::Ordered { .. } => self.label(position).into(),
            ColumnKind::Integer { .. } => Value::Integer(position),
            ColumnKind::Money { currency, .. } => money(position, *currency),
            // A position lies within bounds that are rates.
            ColumnKind::Rate { .. } => RatePpm::new(position).map_or(Value::Missing, Value::Rate),
            ColumnKind::Bool => Value::Bool(position == 1),
        }
    }

    /// Returns the label at a position.
    fn label(&self, position: i64) -> String {
        let known = usize::try_from(position)
            .ok()
            .and_then(|index| self.labels.get(index));
        known.cloned().unwrap_or_else(|| {
            let mut other = "other".to_owned();
            while self.positions.contains_key(&other) {
                other.push('_');
            }
            other
        })
    }

    /// Returns the positions of an interval that stand for different values of a category.
    pub(crate) fn distinct(&self, interval: Interval) -> impl Iterator<Item = i64> {
        let Interval { start, end } = interval;
        let mentioned = self.mentioned();
        let unmentioned = (end >= mentioned).then_some(end.max(mentioned));
        (start..=end.min(mentioned - 1)).chain(unmentioned)
    }

    /// Writes the value at a position as a literal.
    pub(crate) fn literal(&self, position: i64) -> String {
        match &self.kind {
            ColumnKind::Category { .. } | ColumnKind::Ordered { .. } => {
                literal::write_label(&self.label(position))
            }
            ColumnKind::Bool => (position == 1).to_string(),
            kind => literal::write(kind, position),
        }
    }

    /// Writes the cell that accepts exactly a set.
    pub(crate) fn cell(&self, set: &Set) -> String {
        if *set == self.all() {
            return "-".to_owned();
        }
        if self.is_open() && set.max() == Some(UNMENTIONED) {
            let others = set.complement(self.bounds());
            return format!("not {}", self.list(&others));
        }
        self.list(set)
    }

    /// Writes a set as a list of literals and ranges.
    fn list(&self, set: &Set) -> String {
        let mut parts = Vec::new();
        for &interval in set.intervals() {
            let Interval { start, end } = interval;
            match &self.kind {
                _ if start == end => parts.push(self.literal(start)),
                ColumnKind::Ordered { .. } => {
                    parts.push(format!("{}..{}", self.literal(start), self.literal(end)));
                }
                ColumnKind::Category { .. } => {
                    parts.extend(
                        self.distinct(interval)
                            .map(|position| self.literal(position)),
                    );
                }
                _ => parts.push(format!("[{}..{}]", self.literal(start), self.literal(end))),
            }
        }
        parts.join(", ")
    }
}

fn money(minor: i64, currency: Currency) -> Value<'static> {
    Value::Money(Money::new(minor, currency))
}
