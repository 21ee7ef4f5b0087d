//! A column's domain as whole numbers: labels become positions, everything else is a number
//! already. Cells, evaluation and lint then know only integers.

use std::collections::HashMap;

use fairlead_domain::{Currency, Money, RatePpm};

use crate::kind::Kind;
use crate::literal;
use crate::set::Set;
use crate::value::Value;

/// The largest position of an open category: every label that no cell mentions lies there.
const UNMENTIONED: i64 = 1 << 32;

/// Why a value is not in a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    /// There is no value.
    Missing,
    /// It is of another kind, or in another currency.
    OtherKind,
    /// It is of the kind, but not in the domain.
    Beyond,
}

#[derive(Debug, Clone)]
pub(crate) struct Domain {
    kind: Kind,
    /// The labels by position.
    labels: Vec<String>,
    positions: HashMap<String, i64>,
    min: i64,
    max: i64,
}

impl Domain {
    pub(crate) fn new(kind: &Kind) -> Self {
        let mut domain = Self {
            kind: kind.clone(),
            labels: Vec::new(),
            positions: HashMap::new(),
            min: 0,
            max: 0,
        };
        match kind {
            Kind::Category { allowed: None } => domain.max = UNMENTIONED,
            Kind::Category {
                allowed: Some(labels),
            }
            | Kind::Ordered { order: labels } => {
                for label in labels {
                    domain.mention(label);
                }
                domain.max = domain.mentioned() - 1;
            }
            Kind::Integer { min, max, .. } | Kind::Money { min, max, .. } => {
                (domain.min, domain.max) = (*min, *max);
            }
            Kind::Rate { min, max } => (domain.min, domain.max) = (min.ppm(), max.ppm()),
            Kind::Bool => domain.max = 1,
        }
        domain
    }

    pub(crate) const fn kind(&self) -> &Kind {
        &self.kind
    }

    pub(crate) const fn bounds(&self) -> (i64, i64) {
        (self.min, self.max)
    }

    pub(crate) fn all(&self) -> Set {
        Set::interval(self.min, self.max)
    }

    /// How many labels have a position; the next one's is this.
    fn mentioned(&self) -> i64 {
        i64::try_from(self.labels.len()).unwrap_or(UNMENTIONED)
    }

    /// The position of a label that a cell mentions; `None` where it is not allowed.
    pub(crate) fn mention(&mut self, label: &str) -> Option<i64> {
        if let Some(position) = self.positions.get(label) {
            return Some(*position);
        }
        let next = self.mentioned();
        let is_listed = match &self.kind {
            Kind::Category { allowed: None } => true,
            Kind::Category {
                allowed: Some(labels),
            }
            | Kind::Ordered { order: labels } => labels
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

    /// Where a value lies.
    pub(crate) fn position(&self, value: &Value<'_>) -> Result<i64, Outside> {
        let number = match (value, &self.kind) {
            (Value::Missing, _) => return Err(Outside::Missing),
            (Value::Label(label), Kind::Category { .. } | Kind::Ordered { .. }) => {
                let position = self.positions.get(label.as_ref()).copied();
                return match position {
                    Some(position) => Ok(position),
                    None if self.is_open() && !label.is_empty() => Ok(UNMENTIONED),
                    None => Err(Outside::Beyond),
                };
            }
            (Value::Integer(number), Kind::Integer { .. }) => *number,
            (Value::Money(money), Kind::Money { currency, .. })
                if money.currency() == *currency =>
            {
                money.minor()
            }
            (Value::Rate(rate), Kind::Rate { .. }) => rate.ppm(),
            (Value::Bool(truth), Kind::Bool) => i64::from(*truth),
            _ => return Err(Outside::OtherKind),
        };
        if (self.min..=self.max).contains(&number) {
            Ok(number)
        } else {
            Err(Outside::Beyond)
        }
    }

    const fn is_open(&self) -> bool {
        matches!(self.kind, Kind::Category { allowed: None })
    }

    /// A value at a position; for an unmentioned label, one that no cell mentions.
    pub(crate) fn value(&self, position: i64) -> Value<'static> {
        match &self.kind {
            Kind::Category { .. } | Kind::Ordered { .. } => self.label(position).into(),
            Kind::Integer { .. } => Value::Integer(position),
            Kind::Money { currency, .. } => money(position, *currency),
            // A position lies within bounds that are rates.
            Kind::Rate { .. } => RatePpm::new(position).map_or(Value::Missing, Value::Rate),
            Kind::Bool => Value::Bool(position == 1),
        }
    }

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

    /// The positions of `start..=end` that stand for different values of a category.
    pub(crate) fn distinct(&self, start: i64, end: i64) -> impl Iterator<Item = i64> {
        let mentioned = self.mentioned();
        let unmentioned = (end >= mentioned).then_some(end.max(mentioned));
        (start..=end.min(mentioned - 1)).chain(unmentioned)
    }

    /// A value at a position, as a literal.
    pub(crate) fn literal(&self, position: i64) -> String {
        match &self.kind {
            Kind::Category { .. } | Kind::Ordered { .. } => {
                literal::write_label(&self.label(position))
            }
            Kind::Bool => (position == 1).to_string(),
            kind => literal::write(kind, position),
        }
    }

    /// A set as a cell that accepts just it.
    pub(crate) fn cell(&self, set: &Set) -> String {
        if *set == self.all() {
            return "-".to_owned();
        }
        if self.is_open() && set.max() == Some(UNMENTIONED) {
            let others = set.complement(self.min, self.max);
            return format!("not {}", self.list(&others));
        }
        self.list(set)
    }

    fn list(&self, set: &Set) -> String {
        let mut parts = Vec::new();
        for &(start, end) in set.intervals() {
            match &self.kind {
                _ if start == end => parts.push(self.literal(start)),
                Kind::Ordered { .. } => {
                    parts.push(format!("{}..{}", self.literal(start), self.literal(end)));
                }
                Kind::Category { .. } => {
                    parts.extend(
                        self.distinct(start, end)
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
