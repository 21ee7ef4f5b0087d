//! The definition of a feature: one [`Feature`] for each name that readers can ask for.

use fairlead_domain::{Currency, Origins};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::event::v1::EventKind;

use crate::purpose::{Entity, PurposeSet, Sensitivity};
use crate::window::Window;

/// One feature, as the features file defines it.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Unique for its entity.
    pub name: String,
    /// Its meaning, for the data catalogue.
    pub description: String,
    /// The entity that it describes.
    pub entity: Entity,
    /// The kinds of event that it is computed from, ascending.
    pub source: Vec<EventKind>,
    /// Counts only events on products of this kind; `None` counts all.
    pub product_kind: Option<ProductKind>,
    /// The computation from events to the value.
    pub aggregate: Aggregate,
    /// The unit of the value.
    pub unit: String,
    /// The number that is read before anything was observed.
    pub default: f64,
    /// The days of event time after which a value reads as not observed.
    pub ttl_days: u32,
    /// The team that answers for it.
    pub owner: String,
    /// Its class of data protection.
    pub sensitivity: Sensitivity,
    /// The purposes that it may be read for.
    pub purposes: PurposeSet,
}

/// A computation from events to a value.
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
        /// The length of time that readers get in its place, if any.
        derive: Option<Derive>,
        /// The lowest and the highest number that an event may carry, if limited.
        range: Option<(f64, f64)>,
        /// Who may state it.
        statement: Statement,
    },
    /// Hours from the newest such event to the instant of reading.
    HoursSince,
    /// The newest events on products.
    Sequence {
        /// The number of entries kept.
        length: usize,
    },
    /// Products opened and not closed.
    Held {
        /// The number of products kept.
        length: usize,
    },
}

/// Who may state an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// Who may state any value.
    pub stated_by: Origins,
    /// Who may set a flag to false: at least those of `stated_by`, and no others for values that
    /// are no flags.
    pub withdrawn_by: Origins,
}

impl Statement {
    /// Returns who may state a value: `withdrawn` is true for a flag that is set to false.
    pub(crate) fn allowed(self, withdrawn: bool) -> Origins {
        if withdrawn {
            self.withdrawn_by
        } else {
            self.stated_by
        }
    }
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
    /// Returns its name in the features file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Category => "category",
            Self::Flag => "flag",
        }
    }
}

/// A length of time, computed at reading from an instant (Unix milliseconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derive {
    /// Full years by the calendar (UTC): an age.
    FullYearsSince,
    /// Days of 24 hours, with fraction.
    DaysSince,
}

impl Derive {
    /// Returns its name in the features file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FullYearsSince => "full_years_since",
            Self::DaysSince => "days_since",
        }
    }
}

/// The vector of a feature set that holds a feature.
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

    /// Returns all that decides the value, as one line: equal lines give equal values. The schema
    /// hash of model inputs and the registry hash are computed from it; owner and description do
    /// not enter.
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

    /// Returns the kinds of event and of product that it is computed from, as one line.
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
