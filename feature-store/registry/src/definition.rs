//! What a feature is, after the file was read: one [`Feature`] per name that readers can ask for.

use fairlead_domain::Currency;
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::event::v1::EventKind;

use crate::purpose::{Entity, PurposeSet, Sensitivity};
use crate::window::Window;

/// One feature, with everything that the file says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Unique for its entity.
    pub name: String,
    /// What it says, for the catalogue of data.
    pub description: String,
    /// What it is about.
    pub entity: Entity,
    /// The kinds of event that feed it, ascending.
    pub source: Vec<EventKind>,
    /// Only events on products of this kind.
    pub product_kind: Option<ProductKind>,
    /// How events become the value.
    pub aggregate: Aggregate,
    /// The unit of the value.
    pub unit: String,
    /// What a number is where nothing was observed.
    pub default: f64,
    /// After so many days of event time a value reads as not observed.
    pub ttl_days: u32,
    /// Who answers for it.
    pub owner: String,
    /// How it must be handled.
    pub sensitivity: Sensitivity,
    /// Who may be given it.
    pub purposes: PurposeSet,
}

/// How events become a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Aggregate {
    /// Events per window.
    Count {
        /// The window.
        window: Window,
    },
    /// Amounts of the events per window, minor units.
    Sum {
        /// The window.
        window: Window,
        /// The only currency that is summed.
        currency: Currency,
    },
    /// The newest value of an attribute in event time.
    Last {
        /// The attribute's name in the event.
        attribute: String,
        /// Its type.
        value: ValueType,
        /// What a reader is given of it.
        derive: Option<Derive>,
        /// Bounds of the attribute as it arrives, for numbers.
        range: Option<(f64, f64)>,
    },
    /// Hours from the newest such event to the reading.
    HoursSince,
    /// The newest events on products.
    Sequence {
        /// How many are kept.
        length: usize,
    },
    /// Products opened and not closed.
    Held {
        /// How many are kept.
        length: usize,
    },
}

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// A finite number.
    Number,
    /// A text from a small set.
    Category,
    /// A yes or no; reads as the number 1 or 0.
    Flag,
}

impl ValueType {
    /// As written in the features file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Category => "category",
            Self::Flag => "flag",
        }
    }
}

/// A length of time made of an instant (Unix milliseconds) at reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derive {
    /// Birthdays passed, by the calendar (UTC).
    FullYearsSince,
    /// Days of 24 hours, with fraction.
    DaysSince,
}

impl Derive {
    /// As written in the features file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FullYearsSince => "full_years_since",
            Self::DaysSince => "days_since",
        }
    }
}

/// Which vector of a feature set a feature stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueKind {
    Number,
    Category,
    Sequence,
}

impl ValueKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Category => "category",
            Self::Sequence => "sequence",
        }
    }
}

impl Feature {
    pub(crate) fn value_kind(&self) -> ValueKind {
        match self.aggregate {
            Aggregate::Sequence { .. } | Aggregate::Held { .. } => ValueKind::Sequence,
            Aggregate::Last {
                value: ValueType::Category,
                ..
            } => ValueKind::Category,
            _ => ValueKind::Number,
        }
    }

    /// Everything that decides the value, as one line: equal lines give equal values. Model inputs
    /// and the registry hash rest on it; owner and description do not change it.
    pub(crate) fn meaning(&self) -> String {
        let aggregate = match &self.aggregate {
            Aggregate::Count { window } => format!("count({window})"),
            Aggregate::Sum { window, currency } => format!("sum({window},{currency})"),
            Aggregate::Last {
                attribute,
                value,
                derive,
                ..
            } => format!(
                "last({attribute},{},{})",
                value.name(),
                derive.map_or("", Derive::name)
            ),
            Aggregate::HoursSince => "hours_since".to_owned(),
            Aggregate::Sequence { length } => format!("sequence({length})"),
            Aggregate::Held { length } => format!("held({length})"),
        };
        format!(
            "{}.{}={}[{}] unit={} default={} ttl={}",
            self.entity.name(),
            self.name,
            aggregate,
            self.filter(),
            self.unit,
            self.default,
            self.ttl_days,
        )
    }

    /// Which events feed the feature, as one line.
    pub(crate) fn filter(&self) -> String {
        let mut line = String::new();
        for kind in &self.source {
            line.push_str(kind.as_str_name());
            line.push(',');
        }
        if let Some(kind) = self.product_kind {
            line.push_str(kind.as_str_name());
        }
        line
    }
}

/// An event kind as the features file writes it: `holding_opened`.
pub(crate) fn event_kind_name(kind: EventKind) -> String {
    kind.as_str_name()
        .trim_start_matches("EVENT_KIND_")
        .to_ascii_lowercase()
}

/// The kinds of event, without the unsaid one.
pub(crate) fn event_kinds() -> impl Iterator<Item = EventKind> {
    (1..=EVENT_KINDS).filter_map(|number| EventKind::try_from(number).ok())
}

/// The highest number of an event kind; a test holds it to the contract.
pub(crate) const EVENT_KINDS: i32 = 13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_of_the_contract_are_known() {
        assert_eq!(event_kinds().count(), 13);
        assert!(EventKind::try_from(EVENT_KINDS + 1).is_err());
        assert_eq!(event_kind_name(EventKind::HoldingOpened), "holding_opened");
    }
}
