//! Tables: parsed at once, with every error listed, then immutable.

use std::fmt;

use crate::domain::Domain;
use crate::grid::Grid;
use crate::parser;
use crate::schema::Schema;
use crate::set::Set;
use crate::value::Value;

/// The largest index of a table: 64 MiB of 64-bit words. A table of 1,000 rows and 6 inputs
/// takes 1.5 MiB at the most.
pub const MAX_INDEX_WORDS: usize = 8 * 1024 * 1024;

/// The location of an error in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableLocation {
    /// All rows together.
    Table,
    /// The header.
    Header,
    /// A row: 1 is the first after the header.
    Row(usize),
}

impl fmt::Display for TableLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table => f.write_str("all rows"),
            Self::Header => f.write_str("header"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// One error in a table's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "table {table:?}, {location}, column {column:?}, cell {cell:?}: {problem}; allowed: {allowed}"
)]
pub struct ParseError {
    /// The table.
    pub table: String,
    /// The location in it.
    pub location: TableLocation,
    /// The column; empty if the error is not in one.
    pub column: String,
    /// The text of the cell, or of the header.
    pub cell: String,
    /// The problem with it.
    pub problem: String,
    /// The cells that are allowed there.
    pub allowed: String,
}

/// A decision table.
pub struct Table {
    pub(crate) name: String,
    pub(crate) schema: Schema,
    /// One per input.
    pub(crate) domains: Vec<Domain>,
    pub(crate) rows: Vec<ParsedRow>,
    /// One per input.
    pub(crate) grids: Vec<Grid>,
}

impl fmt::Debug for Table {
    /// Leaves out the rows and their index, which may be large.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = f.debug_struct("Table");
        parts
            .field("name", &self.name)
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

/// A row whose cells were read.
#[derive(Debug)]
pub(crate) struct ParsedRow {
    /// One per input.
    pub(crate) cells: Vec<Set>,
    /// One per input, as written.
    pub(crate) texts: Vec<String>,
    /// One per output.
    pub(crate) outputs: Vec<Value<'static>>,
    /// The number of the row's outputs among the distinct ones: equal outputs have equal numbers.
    pub(crate) outcome: usize,
}

impl Table {
    /// Parses a table: a header that names each column of `schema` once, in any order, then the
    /// rows. See the [crate's documentation](crate) for the grammar of cells.
    ///
    /// # Errors
    /// Returns one [`ParseError`] for every cell that does not parse, with table, row, column, text
    /// and the cells that are allowed.
    pub fn parse(
        name: &str,
        schema: &Schema,
        rows: &[Vec<String>],
    ) -> Result<Self, Vec<ParseError>> {
        parser::parse(name, schema, rows)
    }

    /// Returns the table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the table's columns.
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Returns the rows, in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.rows.len()).map(|index| Row { table: self, index })
    }

    /// Returns a row by its number, or `None` if there is no such row: 1 is the first after the
    /// header.
    pub fn row(&self, number: usize) -> Option<Row<'_>> {
        let index = number.checked_sub(1)?;
        (index < self.rows.len()).then_some(Row { table: self, index })
    }
}

/// A row of a table, for checks of its cells.
#[derive(Debug, Clone, Copy)]
pub struct Row<'t> {
    table: &'t Table,
    index: usize,
}

impl<'t> Row<'t> {
    /// Returns its number: 1 is the first after the header.
    pub const fn number(self) -> usize {
        self.index + 1
    }

    /// Returns its outputs, in the schema's order.
    pub fn outputs(self) -> &'t [Value<'static>] {
        &self.table.rows[self.index].outputs
    }

    /// Returns the text of an input's cell by the input's position in the schema, or `None` if
    /// there is no such input.
    pub fn cell(self, input: usize) -> Option<&'t str> {
        self.table.rows[self.index]
            .texts
            .get(input)
            .map(String::as_str)
    }

    /// Returns `true` if an input's cell accepts a value, `false` for a value outside the domain.
    pub fn accepts(self, input: usize, value: &Value<'_>) -> bool {
        let (domains, row) = (&self.table.domains, &self.table.rows[self.index]);
        domains.get(input).is_some_and(|domain| {
            domain
                .position(value)
                .is_ok_and(|position| row.cells[input].contains(position))
        })
    }

    /// Returns the ranges of values that an input's cell accepts, ascending, both ends inside. A
    /// category gives one range per label; an open category that accepts labels which no cell
    /// mentions gives one such label last.
    pub fn ranges(self, input: usize) -> Vec<(Value<'static>, Value<'static>)> {
        let row = &self.table.rows[self.index];
        let (Some(domain), Some(cell)) = (self.table.domains.get(input), row.cells.get(input))
        else {
            return Vec::new();
        };
        let single = |position: i64| (domain.value(position), domain.value(position));
        let intervals = cell.intervals().iter();
        if domain.kind().is_ordered() {
            intervals
                .map(|interval| (domain.value(interval.start), domain.value(interval.end)))
                .collect()
        } else {
            intervals
                .flat_map(|interval| domain.distinct(*interval))
                .map(single)
                .collect()
        }
    }
}
