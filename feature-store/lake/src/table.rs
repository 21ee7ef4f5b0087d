//! The tables of the lake.

use datafusion::arrow::datatypes::{DataType, Field};

/// A table: one schema, one folder under the lake's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// One row per event.
    Events,
    /// One row per decision.
    Decisions,
    /// One row per candidate of a decision.
    DecisionItems,
}

/// The columns whose values are in the folder's name, not in the file.
pub const PARTITION_COLUMNS: [&str; 3] = ["tenant", "kind", "day"];

impl Table {
    /// All tables.
    pub const ALL: [Self; 3] = [Self::Events, Self::Decisions, Self::DecisionItems];

    /// Returns the table's name in SQL, which is also its folder's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Decisions => "decisions",
            Self::DecisionItems => "decision_items",
        }
    }

    /// Returns the table with this name, or `None` if there is none.
    pub(crate) fn with_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Returns the fields of [`PARTITION_COLUMNS`], in order.
    pub(crate) fn partition_fields() -> [Field; 3] {
        let [tenant, kind, day] = PARTITION_COLUMNS;
        [
            Field::new(tenant, DataType::Utf8, false),
            Field::new(kind, DataType::Utf8, false),
            Field::new(day, DataType::Date32, false),
        ]
    }
}
