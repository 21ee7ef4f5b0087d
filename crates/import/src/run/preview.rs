//! The first rows of a dry run, as they were understood.

use fairlead_proto::catalogue::v1::{Product, ProductKind};
use fairlead_proto::event::v1::attribute_value::Value;
use fairlead_proto::event::v1::{Event, EventKind};
use jiff::Timestamp;

use crate::report::PreviewRow;
use crate::rows::{AttributeKind, AttributeTypes};

/// Rows that are shown.
const ROWS: usize = 10;
/// Beginning of the names of kinds in the contract.
const KIND: &str = "EVENT_KIND_";

/// Returns the name of a kind of event as files have it.
pub(super) fn kind(number: i32) -> String {
    let kind = EventKind::try_from(number).unwrap_or_default();
    let name = kind.as_str_name();
    name.strip_prefix(KIND).unwrap_or(name).to_lowercase()
}

/// Gathers the first rows, in a dry run.
pub(super) struct Preview<'a> {
    wanted: usize,
    attributes: &'a AttributeTypes,
    pub(super) rows: Vec<PreviewRow>,
}

impl<'a> Preview<'a> {
    pub(super) fn new(dry_run: bool, attributes: &'a AttributeTypes) -> Self {
        Self {
            wanted: if dry_run { ROWS } else { 0 },
            attributes,
            rows: Vec::new(),
        }
    }

    /// Adds the events of a row.
    pub(super) fn add_events(&mut self, line: u64, events: &[Event]) {
        if self.rows.len() >= self.wanted {
            return;
        }
        let fields = events.iter().flat_map(|event| self.fields(event)).collect();
        self.rows.push(PreviewRow { line, fields });
    }

    fn fields(&self, event: &Event) -> Vec<(String, String)> {
        let mut fields = vec![
            ("kind".to_owned(), kind(event.kind)),
            ("customer_id".to_owned(), event.customer_id.clone()),
            ("event_time".to_owned(), instant(event.event_time_ms)),
        ];
        let mut add = |name: &str, value: String| {
            if !value.is_empty() {
                fields.push((name.to_owned(), value));
            }
        };
        add("product_id", event.product_id.clone());
        if event.product_kind() != ProductKind::Unspecified {
            add("product_kind", event.product_kind().name().to_owned());
        }
        add("request_id", event.request_id.clone());
        if event.position != 0 {
            add("position", event.position.to_string());
        }
        if let Some(amount) = &event.amount {
            add(
                "amount",
                format!("{} minor units of {}", amount.minor, amount.currency),
            );
        }
        add("channel", event.channel.clone());
        for (name, value) in &event.attributes {
            let kind = self.attributes.kind(name);
            if let Some(value) = &value.value {
                add(name, shown(value, kind));
            }
        }
        fields
    }
}

fn instant(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| at.to_string())
}

fn shown(value: &Value, kind: Option<AttributeKind>) -> String {
    match (value, kind) {
        (Value::Number(ms), Some(AttributeKind::Day)) => {
            let at = instant(*ms as i64);
            at.split('T').next().unwrap_or_default().to_owned()
        }
        (Value::Number(ms), Some(AttributeKind::Instant)) => instant(*ms as i64),
        (Value::Number(number), _) => number.to_string(),
        (Value::Text(text), _) => format!("\"{text}\""),
        (Value::Flag(flag), _) => flag.to_string(),
    }
}

/// Returns the first products as they were understood.
pub(super) fn products(products: &[(u64, Product)]) -> Vec<PreviewRow> {
    let rows = products.iter().take(ROWS).map(|(line, product)| {
        let mut fields = Vec::new();
        let json = serde_json::to_value(product).unwrap_or_default();
        flatten("", &json, &mut fields);
        PreviewRow {
            line: *line,
            fields,
        }
    });
    rows.collect()
}

fn flatten(prefix: &str, value: &serde_json::Value, into: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                let name = match prefix {
                    "" => name.clone(),
                    prefix => format!("{prefix}.{name}"),
                };
                flatten(&name, value, into);
            }
        }
        serde_json::Value::String(text) => into.push((prefix.to_owned(), text.clone())),
        other => into.push((prefix.to_owned(), other.to_string())),
    }
}
