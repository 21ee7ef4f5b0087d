//! The fields of one row by column, independent of the file format.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// Most characters of a value that an error message repeats.
const MAX_SHOWN: usize = 80;
/// Separator of the items of a list in one cell.
const SEPARATOR: char = ';';

/// The fields of a row. Absent, null and empty fields are left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Fields(BTreeMap<String, Value>);

impl Fields {
    /// Creates the fields from cells of text by column.
    pub(super) fn from_cells<'c>(cells: impl Iterator<Item = (&'c str, &'c str)>) -> Self {
        let cells = cells.filter(|(_, cell)| !cell.trim().is_empty());
        let cells =
            cells.map(|(column, cell)| (column.to_owned(), Value::from(cell.trim().to_owned())));
        Self(cells.collect())
    }

    /// Creates the fields from a JSON object. Fields of nested objects are named with dots between;
    /// lower camel case becomes snake case, except under `attributes`, whose names are the
    /// sender's.
    pub(super) fn from_json(object: Map<String, Value>) -> Self {
        let mut fields = BTreeMap::new();
        flatten(object, "", &mut fields);
        Self(fields)
    }

    /// Returns the columns that have a value.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the columns that are not known.
    pub(super) fn unknown(&self, is_known: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let unknown = self.columns().filter(|column| !is_known(column));
        unknown.map(str::to_owned).collect()
    }

    /// Returns whether any column has this prefix.
    pub(super) fn any_with_prefix(&self, prefix: &str) -> bool {
        self.columns().any(|column| column.starts_with(prefix))
    }

    /// Returns the columns with this prefix: the rest of their names, and their values.
    pub(super) fn with_prefix<'f>(
        &'f self,
        prefix: &'f str,
    ) -> impl Iterator<Item = (&'f str, &'f Value)> {
        self.0
            .iter()
            .filter_map(move |(column, value)| Some((column.strip_prefix(prefix)?, value)))
    }

    pub(super) fn value(&self, column: &str) -> Option<&Value> {
        self.0.get(column)
    }

    /// Returns a text, or `None` if it is absent; numbers are formatted.
    pub(super) fn text(&self, column: &str) -> Option<String> {
        self.value(column).map(as_text)
    }

    /// Returns a text, or an error if it is absent.
    pub(super) fn needed(&self, column: &str) -> Result<String, String> {
        self.text(column)
            .ok_or_else(|| format!("{column} is missing"))
    }

    pub(super) fn integer(&self, column: &str) -> Result<Option<i64>, String> {
        let Some(value) = self.value(column) else {
            return Ok(None);
        };
        let read = match value {
            Value::Number(number) => number.as_i64().or_else(|| exact_integer(number.as_f64()?)),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let read = read.ok_or_else(|| refused(column, value, "a whole number"))?;
        Ok(Some(read))
    }

    /// Returns a 32-bit integer, or `None` if it is absent.
    pub(super) fn small(&self, column: &str) -> Result<Option<i32>, String> {
        let Some(number) = self.integer(column)? else {
            return Ok(None);
        };
        let small = i32::try_from(number);
        small.map(Some).map_err(|_| {
            let allowed = format!("{} to {}", i32::MIN, i32::MAX);
            refused(column, &number.into(), &allowed)
        })
    }

    pub(super) fn flag(&self, column: &str) -> Result<Option<bool>, String> {
        let value = self.value(column);
        value.map(|value| flag(column, value)).transpose()
    }

    /// Returns an instant in Unix milliseconds, or `None` if it is absent. The value is the number,
    /// or a date or time in ISO 8601.
    pub(super) fn instant(&self, column: &str) -> Result<Option<i64>, String> {
        let value = self.value(column);
        value.map(|value| instant(column, value)).transpose()
    }

    /// Returns the items of a list: a JSON array, or one cell with semicolons between.
    pub(super) fn list(&self, column: &str) -> Vec<String> {
        match self.value(column) {
            None => Vec::new(),
            Some(Value::Array(items)) => items.iter().map(as_text).collect(),
            Some(value) => {
                let text = as_text(value);
                let items = text.split(SEPARATOR).map(str::trim);
                items
                    .filter(|item| !item.is_empty())
                    .map(str::to_owned)
                    .collect()
            }
        }
    }
}

/// Returns the integer that equals `number`, or `None` if there is none that a double holds
/// exactly.
fn exact_integer(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// Returns a value as text.
pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns an error message with the column, the value and what is allowed.
pub(super) fn refused(column: &str, value: &Value, allowed: &str) -> String {
    let value: String = as_text(value).chars().take(MAX_SHOWN).collect();
    format!("{column} `{value}` is not allowed: {allowed}")
}

/// Parses a finite number.
pub(super) fn number(column: &str, value: &Value) -> Result<f64, String> {
    let read = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let finite = read.filter(|number: &f64| number.is_finite());
    finite.ok_or_else(|| refused(column, value, "a finite number"))
}

/// Parses a flag.
pub(super) fn flag(column: &str, value: &Value) -> Result<bool, String> {
    match as_text(value).to_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(refused(column, value, "true or false")),
    }
}

/// Parses an instant to Unix milliseconds.
pub(super) fn instant(column: &str, value: &Value) -> Result<i64, String> {
    let text = as_text(value);
    let number = text.parse::<i64>().ok();
    let number = number.or_else(|| exact_integer(value.as_f64()?));
    let time = || {
        let time: Timestamp = text.parse().ok()?;
        Some(time.as_millisecond())
    };
    let date = || {
        let date: Date = text.parse().ok()?;
        let midnight = date.to_zoned(TimeZone::UTC).ok()?;
        Some(midnight.timestamp().as_millisecond())
    };
    number.or_else(time).or_else(date).ok_or_else(|| {
        let allowed = "Unix milliseconds, a date as 2025-01-31 (midnight UTC), \
                       or a time as 2025-01-31T08:00:00Z";
        refused(column, value, allowed)
    })
}

fn flatten(object: Map<String, Value>, prefix: &str, into: &mut BTreeMap<String, Value>) {
    for (name, value) in object {
        let own = prefix.starts_with("attributes.");
        let name = if own { name } else { snake(&name) };
        let column = format!("{prefix}{name}");
        match value {
            Value::Null => {}
            Value::String(text) if text.trim().is_empty() => {}
            Value::Object(inner) => flatten(inner, &format!("{column}."), into),
            value => {
                into.insert(column, value);
            }
        }
    }
}

/// Converts `minAmount` to `min_amount`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(value: Value) -> Fields {
        match value {
            Value::Object(object) => Fields::from_json(object),
            _ => Fields::default(),
        }
    }

    #[test]
    fn objects_are_flattened_and_attributes_keep_their_names() {
        let fields = of(json!({
            "productId": "A", "loan": {"minAmount": {"minor": "5"}}, "nothing": null, "empty": " ",
            "attributes": {"someName": {"number": 2.5}},
        }));
        let columns: Vec<&str> = fields.columns().collect();
        assert_eq!(
            columns,
            [
                "attributes.someName.number",
                "loan.min_amount.minor",
                "product_id"
            ]
        );
        assert_eq!(fields.integer("loan.min_amount.minor"), Ok(Some(5)));
        let unknown = fields.unknown(|column| column == "product_id");
        assert_eq!(unknown.len(), 2);
    }

    #[test]
    fn values_are_read_as_their_columns_want_them() {
        let fields = of(json!({
            "a": 1.0, "b": 1.5, "c": "x", "d": 99_999_999_999_i64, "e": "Yes", "f": [3, "6"],
            "g": "3; 6;", "h": "2025-01-31", "i": "2025-01-31T08:00:00+08:00", "j": 7,
        }));
        assert_eq!(fields.integer("a"), Ok(Some(1)));
        assert_eq!(
            fields.integer("b"),
            Err("b `1.5` is not allowed: a whole number".to_owned())
        );
        assert!(fields.integer("c").is_err() && fields.small("d").is_err());
        assert_eq!(fields.small("zzz"), Ok(None));
        assert_eq!(fields.flag("e"), Ok(Some(true)));
        assert!(
            fields
                .flag("c")
                .expect_err("no flag")
                .contains("true or false")
        );
        assert_eq!(fields.list("f"), ["3", "6"]);
        assert_eq!(fields.list("g"), ["3", "6"]);
        assert_eq!(fields.instant("h"), Ok(Some(1_738_281_600_000)));
        assert_eq!(fields.instant("i"), Ok(Some(1_738_281_600_000)));
        assert_eq!(fields.instant("j"), Ok(Some(7)));
        assert!(fields.instant("c").is_err());
        assert_eq!(fields.needed("q"), Err("q is missing".to_owned()));
        assert!(number("c", &json!("inf")).is_err());
    }
}
