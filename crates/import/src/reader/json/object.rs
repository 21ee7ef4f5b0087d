//! Reads the fields of one JSON object. Numbers keep their digits, and a value that no column
//! wants is not decoded.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::cell::Cell;
use crate::columns::Columns;
use crate::fields::Fields;
use crate::refusal::Refusal;
use crate::values::ValueRules;

/// The object that a rejects file adds to a row.
const REJECT_OBJECT: &str = "reject";

/// The entries of an object, each with the text of its value.
struct Object<'t>(Vec<(Cow<'t, str>, &'t RawValue)>);

/// A name, without a copy where it has no escapes.
#[derive(Deserialize)]
struct Name<'t>(#[serde(borrow)] Cow<'t, str>);

impl<'t> Deserialize<'t> for Object<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'t> Visitor<'t> for Entries {
            type Value = Object<'t>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Object<'t>, A::Error> {
                let mut entries = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    entries.push((name, value));
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Reads objects into fields.
pub(super) struct ObjectReader {
    columns: Columns,
    rules: Rc<ValueRules>,
    missing: Vec<String>,
}

impl ObjectReader {
    pub(super) fn new(columns: Columns, rules: Rc<ValueRules>, missing: Vec<String>) -> Self {
        Self {
            columns,
            rules,
            missing,
        }
    }

    pub(super) fn ignored(&self) -> Vec<String> {
        self.columns.ignored().cloned().collect()
    }

    /// Returns the fields of an object.
    pub(super) fn fields(&mut self, text: &[u8]) -> Result<Fields, Refusal> {
        let object: Object<'_> = serde_json::from_slice(text)
            .map_err(|error| Refusal::plain(format!("it is no JSON object: {error}")))?;
        let mut fields = Fields::new(self.rules.clone());
        self.add(&mut fields, "", object)?;
        Ok(fields)
    }

    fn add(
        &mut self,
        fields: &mut Fields,
        prefix: &str,
        object: Object<'_>,
    ) -> Result<(), Refusal> {
        for (name, value) in object.0 {
            let name: Cow<'_, str> = match prefix {
                "" => name,
                prefix => Cow::Owned(format!("{prefix}{name}")),
            };
            let text = value.get();
            if text.starts_with('{') {
                let prefix = format!("{name}.");
                let is_wanted = self.columns.may_begin(&prefix) || name == REJECT_OBJECT;
                let inner = is_wanted.then(|| serde_json::from_str::<Object<'_>>(text));
                match inner {
                    Some(Ok(inner)) => self.add(fields, &prefix, inner)?,
                    // It was read once as a part of the row.
                    Some(Err(error)) => return Err(Refusal::plain(format!("{name}: {error}"))),
                    None => {
                        self.columns.find(&name);
                    }
                }
            } else if text != "null"
                && let Some(column) = self.columns.find(&name)
                && let Some(cell) = self.cell(&name, text)?
            {
                fields.add(&column, cell)?;
            }
        }
        Ok(())
    }

    /// Returns a value, or `None` if it is missing.
    fn cell(&self, name: &str, text: &str) -> Result<Option<Cell>, Refusal> {
        let broken = |error| Refusal::plain(format!("{name}: {error}"));
        Ok(match text.as_bytes().first() {
            Some(b'"') => {
                let text: Cow<'_, str> = serde_json::from_str::<Name<'_>>(text).map_err(broken)?.0;
                Cell::trimmed(&text, &self.missing)
            }
            Some(b't' | b'f') => Some(Cell::Flag(text == "true")),
            Some(b'n') | None => None,
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).map_err(broken)?;
                let cells = items.iter().map(|item| self.cell(name, item.get()));
                let cells: Vec<Option<Cell>> = cells.collect::<Result<_, _>>()?;
                Some(Cell::List(cells.into_iter().flatten().collect()))
            }
            Some(b'{') => {
                let Object(entries) = serde_json::from_str(text).map_err(broken)?;
                let mut fields = Vec::new();
                for (name, value) in entries {
                    if let Some(cell) = self.cell(&name, value.get())? {
                        fields.push((name.into_owned(), cell));
                    }
                }
                Some(Cell::Record(fields))
            }
            Some(_) => Some(Cell::Number(text.to_owned())),
        })
    }
}

/// Returns the text of an object without what a rejects file added to it.
pub(super) fn original(text: &[u8]) -> Vec<u8> {
    let mark = format!("{{\"{REJECT_OBJECT}\":");
    if !text.starts_with(mark.as_bytes()) {
        return text.to_vec();
    }
    let Ok(Object(entries)) = serde_json::from_slice(text) else {
        return text.to_vec();
    };
    let kept = entries.iter().filter(|(name, _)| name != REJECT_OBJECT);
    let kept: Vec<String> = kept
        .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_ref())))
        .collect();
    format!("{{{}}}", kept.join(",")).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::{ColumnMapping, EVENTS, KnownColumns};

    fn reader(mapping: &[&str]) -> ObjectReader {
        let mut known = KnownColumns::new(EVENTS, &["attributes."]);
        known.names.push("tags".to_owned());
        let mapping: Vec<ColumnMapping> = mapping
            .iter()
            .map(|pair| pair.parse().expect("a pair"))
            .collect();
        let columns = Columns::new(known, &mapping).expect("known fields");
        ObjectReader::new(columns, Rc::default(), vec!["NULL".to_owned()])
    }

    #[test]
    fn objects_are_flattened_and_numbers_keep_their_digits() {
        let mut reader = reader(&["who.nr=customer_id"]);
        let text = r#"{
            "who": {"nr": 12345678901234567890123456789}, "productId": " A ", "channel": "null",
            "amount": {"minor": "5", "currency": null}, "note": {"a": [1]}, "tags": ["x", "", 3],
            "attributes": {"someName": {"number": 2.50}}, "position": 1e0, "shoe\u005fsize": 43
        }"#;
        let fields = reader.fields(text.as_bytes()).expect("an object");
        assert_eq!(
            fields.id("customer_id"),
            Ok(Some("12345678901234567890123456789".to_owned()))
        );
        assert_eq!(fields.id("product_id"), Ok(Some("A".to_owned())));
        assert_eq!(fields.value("channel"), None, "a text that means missing");
        assert_eq!(fields.integer("amount.minor"), Ok(Some(5)));
        assert_eq!(fields.small("position"), Ok(Some(1)));
        assert_eq!(fields.ids("tags"), Ok(vec!["x".to_owned(), "3".to_owned()]));
        let number = fields.value("attributes.someName.number");
        assert_eq!(number, Some(&Cell::Number("2.50".to_owned())));
        assert_eq!(reader.ignored(), ["note", "shoe_size"]);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let mut reader = reader(&[]);
        for (text, expected) in [
            ("[1]", "no JSON object"),
            ("{\"kind\":", "no JSON object: EOF"),
            ("{\"kind\":NaN}", "no JSON object"),
            (
                "{\"productId\":\"a\",\"product_id\":\"b\"}",
                "two fields are product_id",
            ),
        ] {
            let refusal = reader.fields(text.as_bytes()).expect_err(text).to_string();
            assert!(refusal.contains(expected), "{refusal}");
        }
    }

    #[test]
    fn a_rejected_row_is_read_again_without_what_was_added() {
        let mut reader = reader(&[]);
        let text = br#"{"reject":{"line":7,"cause":"x","allowed":""},"kind":"click"}"#;
        let fields = reader.fields(text).expect("an object");
        assert_eq!(fields.integer("reject.line"), Ok(Some(7)));
        assert_eq!(reader.ignored(), [""; 0]);
        assert_eq!(original(text), br#"{"kind":"click"}"#);
    }
}
