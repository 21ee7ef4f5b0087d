//! The tables and their columns.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

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

/// Columns that stand in the folder's name, not in the file.
pub const PARTITION_COLUMNS: [&str; 3] = ["tenant", "kind", "day"];

impl Table {
    /// Every table.
    pub const ALL: [Self; 3] = [Self::Events, Self::Decisions, Self::DecisionItems];

    /// Its name in SQL, and its folder's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Decisions => "decisions",
            Self::DecisionItems => "decision_items",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The columns of its files, in order.
    pub fn file_schema(self) -> SchemaRef {
        static SCHEMAS: LazyLock<[SchemaRef; 3]> =
            LazyLock::new(|| [events(), decisions(), decision_items()].map(Arc::new));
        Arc::clone(&SCHEMAS[self as usize])
    }

    /// The columns that its folders' names give, in order.
    pub(crate) fn partition_fields() -> [Field; 3] {
        let [tenant, kind, day] = PARTITION_COLUMNS;
        [
            text(tenant),
            text(kind),
            Field::new(day, DataType::Date32, false),
        ]
    }

    /// Its name and all its columns, for who asked for something else.
    pub(crate) fn described(self) -> String {
        let schema = self.file_schema();
        let columns = schema.fields().iter().map(|field| field.name().as_str());
        let columns: Vec<_> = columns.chain(PARTITION_COLUMNS).collect();
        format!("{}({})", self.name(), columns.join(", "))
    }
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn whole(name: &str) -> Field {
    Field::new(name, DataType::Int64, false)
}

fn small(name: &str) -> Field {
    Field::new(name, DataType::Int32, false)
}

fn real(name: &str) -> Field {
    Field::new(name, DataType::Float64, false)
}

fn instant(name: &str) -> Field {
    let utc = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    Field::new(name, utc, false)
}

fn texts(name: &str) -> Field {
    let item = Field::new_list_field(DataType::Utf8, true);
    Field::new(name, DataType::List(Arc::new(item)), false)
}

fn or_null(field: Field) -> Field {
    field.with_nullable(true)
}

/// Where the record stood in the log: unique over the rows of a topic.
fn place() -> [Field; 3] {
    [
        instant("appended_at"),
        small("log_partition"),
        whole("log_offset"),
    ]
}

fn events() -> Schema {
    let fields = [
        text("event_id"),
        text("customer_id"),
        instant("event_time"),
        or_null(text("product_id")),
        or_null(text("product_kind")),
        or_null(text("request_id")),
        or_null(small("position")),
        or_null(whole("amount_minor")),
        or_null(text("currency")),
        or_null(text("channel")),
        or_null(text("attributes")),
    ];
    Schema::new(fields.into_iter().chain(place()).collect::<Vec<_>>())
}

fn decisions() -> Schema {
    let fields = [
        text("request_id"),
        text("customer_id"),
        instant("decided_at"),
        whole("release_revision"),
        Field::new("personalised", DataType::Boolean, false),
        or_null(text("channel")),
        or_null(text("campaign")),
        small("candidates"),
        texts("slate"),
        texts("model_versions"),
        or_null(text("quote_id")),
        whole("seed"),
        real("took_ms"),
        text("stage_ms"),
        text("segments"),
        text("exposures"),
        text("degraded"),
        text("drops"),
        text("features"),
        or_null(text("quote")),
    ];
    Schema::new(fields.into_iter().chain(place()).collect::<Vec<_>>())
}

fn decision_items() -> Schema {
    let fields = [
        text("request_id"),
        text("customer_id"),
        instant("decided_at"),
        whole("release_revision"),
        text("product_id"),
        or_null(small("position")),
        or_null(text("drop_cause")),
        real("p_click"),
        real("p_convert"),
        real("p_convert_at_price"),
        real("expected_value"),
        real("propensity"),
        or_null(text("product_kind")),
        or_null(whole("amount_minor")),
        or_null(text("currency")),
        or_null(small("tenor_months")),
        or_null(whole("rate_ppm")),
        or_null(whole("all_in_ppm")),
        or_null(whole("instalment_minor")),
        or_null(text("grade")),
        or_null(real("pd")),
        or_null(text("strategy")),
        or_null(whole("expected_margin_minor")),
        or_null(text("refusal_cause")),
        text("sources"),
        or_null(text("priced")),
    ];
    Schema::new(fields.into_iter().chain(place()).collect::<Vec<_>>())
}
