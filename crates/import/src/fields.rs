//! The fields of one row by column, independent of the file format.

use std::rc::Rc;

use fairlead_registry::EARLIEST_EVENT_MS;

use crate::cell::Cell;
use crate::columns::Column;
use crate::refusal::Refusal;
use crate::values::{self, TimeColumn, ValueRules};

/// Separator of the items of a list in one cell.
const SEPARATOR: char = ';';
/// Stands where a byte was that belongs to no letter.
const REPLACEMENT: char = '\u{fffd}';
/// 2100-01-01.
pub(crate) const LATEST_MS: i64 = 4_102_444_800_000;

/// The fields of a row. Absent, null and empty fields are left out.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    cells: Vec<(Rc<Column>, Cell)>,
    rules: Rc<ValueRules>,
}

impl Fields {
    /// Creates a row without fields.
    pub(crate) fn new(rules: Rc<ValueRules>) -> Self {
        Self {
            cells: Vec::new(),
            rules,
        }
    }

    /// Adds a field.
    pub(crate) fn add(&mut self, column: &Rc<Column>, cell: Cell) -> Result<(), Refusal> {
        if let Cell::Text(text) = &cell
            && !text.is_ascii()
            && text.contains(REPLACEMENT)
        {
            let allowed = "a text whose letters are whole: its bytes do not fit the encoding of \
                           the file (--encoding)";
            return Err(Refusal::of(&column.name, cell.shown(), allowed));
        }
        if self
            .cells
            .iter()
            .any(|(other, _)| other.name == column.name)
        {
            return Err(Refusal::plain(format!("two fields are {}", column.name)));
        }
        self.cells.push((column.clone(), cell));
        Ok(())
    }

    /// Returns whether the row has no field.
    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Returns the rules by which values are read.
    pub(crate) fn rules(&self) -> &ValueRules {
        &self.rules
    }

    fn field(&self, name: &str) -> Option<(&Column, &Cell)> {
        let found = self.cells.iter().find(|(column, _)| column.name == name);
        found.map(|(column, cell)| (&**column, cell))
    }

    /// Returns the value of a column.
    pub(crate) fn value(&self, name: &str) -> Option<&Cell> {
        self.field(name).map(|(_, cell)| cell)
    }

    /// Returns whether any column has this prefix.
    pub(crate) fn any_with_prefix(&self, prefix: &str) -> bool {
        self.with_prefix(prefix).next().is_some()
    }

    /// Returns the columns with this prefix: each with the rest of its name, and its value.
    pub(crate) fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&Column, &str, &Cell)> {
        self.cells.iter().filter_map(move |(column, cell)| {
            Some((&**column, column.name.strip_prefix(prefix)?, cell))
        })
    }

    /// Returns an id or a code, or `None` if it is absent.
    pub(crate) fn id(&self, name: &str) -> Result<Option<String>, Refusal> {
        let value = self.value(name);
        value.map(|cell| values::id(name, cell)).transpose()
    }

    /// Returns an id or a code, or an error if it is absent.
    pub(crate) fn needed_id(&self, name: &str) -> Result<String, Refusal> {
        self.id(name)?.ok_or_else(|| missing(name))
    }

    /// Returns a text that people read, or `None` if it is absent.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        let value = self.value(name);
        value.map(|cell| values::free_text(name, cell)).transpose()
    }

    /// Returns a whole number, or `None` if it is absent.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let value = self.value(name);
        value
            .map(|cell| values::integer(name, cell, &self.rules))
            .transpose()
    }

    /// Returns a 32-bit integer, or `None` if it is absent.
    pub(crate) fn small(&self, name: &str) -> Result<Option<i32>, Refusal> {
        self.integer(name)?
            .map(|number| small(name, number))
            .transpose()
    }

    /// Returns a flag, or `None` if it is absent.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let value = self.value(name);
        value.map(|cell| values::flag(name, cell)).transpose()
    }

    /// Returns an instant from 1971 to `latest_ms` in Unix milliseconds, or `None` if it is
    /// absent.
    pub(crate) fn instant(&self, name: &str, latest_ms: i64) -> Result<Option<i64>, Refusal> {
        let Some((column, cell)) = self.field(name) else {
            return Ok(None);
        };
        let column = TimeColumn {
            name,
            is_ms: column.is_ms(),
            earliest_ms: EARLIEST_EVENT_MS,
            latest_ms,
        };
        values::instant(column, cell, &self.rules).map(Some)
    }

    /// Returns the items of a list: an array, or one cell with semicolons between.
    pub(crate) fn list(&self, name: &str) -> Vec<Cell> {
        match self.value(name) {
            None => Vec::new(),
            Some(Cell::List(items)) => items.clone(),
            Some(Cell::Text(text)) => {
                let items = text.split(SEPARATOR);
                items.filter_map(|item| Cell::trimmed(item, &[])).collect()
            }
            Some(other) => vec![other.clone()],
        }
    }

    /// Returns the items of a list of codes.
    pub(crate) fn ids(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let items = self.list(name);
        items.iter().map(|item| values::id(name, item)).collect()
    }
}

/// Returns the refusal of a row without a column that it needs.
pub(crate) fn missing(name: &str) -> Refusal {
    Refusal::plain(format!("{name} is missing"))
}

/// Returns a number that fits 32 bits.
pub(crate) fn small(name: &str, number: i64) -> Result<i32, Refusal> {
    i32::try_from(number).map_err(|_| {
        let allowed = format!("{} to {}", i32::MIN, i32::MAX);
        Refusal::of(name, number, allowed)
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns a row of these cells of text.
    pub(crate) fn of_cells(cells: &[(&str, &str)]) -> Fields {
        of_cells_at(cells, 0)
    }

    /// Returns a row of these cells of text, imported at an instant.
    pub(crate) fn of_cells_at(cells: &[(&str, &str)], now_ms: i64) -> Fields {
        let rules = ValueRules {
            now_ms,
            ..ValueRules::default()
        };
        let mut fields = Fields::new(Rc::new(rules));
        for (name, text) in cells {
            if let Some(cell) = Cell::trimmed(text, &[]) {
                let column = Rc::new(Column::new(name, name));
                fields.add(&column, cell).expect("a new column");
            }
        }
        fields
    }

    #[test]
    fn values_are_read_as_their_columns_want_them() {
        let fields = of_cells(&[
            ("a", "1.0"),
            ("b", "1.5"),
            ("d", "99999999999"),
            ("e", " Yes "),
            ("g", "3; 6;"),
            ("h", "2025-01-31"),
            ("n", "  "),
        ]);
        assert_eq!(fields.integer("a"), Ok(Some(1)));
        let refusal = fields.integer("b").expect_err("no whole number");
        assert_eq!(
            refusal.to_string(),
            "b `1.5` is not allowed: a whole number"
        );
        assert!(fields.small("d").is_err());
        assert_eq!(fields.small("zzz"), Ok(None));
        assert_eq!(fields.flag("e"), Ok(Some(true)));
        assert_eq!(fields.ids("g"), Ok(vec!["3".to_owned(), "6".to_owned()]));
        assert_eq!(fields.instant("h", LATEST_MS), Ok(Some(1_738_281_600_000)));
        assert_eq!(fields.needed_id("n"), Err(missing("n")));
        assert!(fields.id("a").is_err(), "1.0 went through a float");
    }

    #[test]
    fn a_field_comes_once_and_has_whole_letters() {
        let mut fields = of_cells(&[("a", "1")]);
        let column = Rc::new(Column::new("a", "A"));
        let twice = fields.add(&column, Cell::Flag(true)).expect_err("twice");
        assert_eq!(twice.to_string(), "two fields are a");
        let column = Rc::new(Column::new("b", "b"));
        let damaged = Cell::Text("M\u{fffd}ller".to_owned());
        let damaged = fields.add(&column, damaged).expect_err("damaged");
        assert!(damaged.to_string().contains("--encoding"), "{damaged}");
    }
}
