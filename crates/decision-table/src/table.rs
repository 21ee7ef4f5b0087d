//! Tables: parsed whole, with every error at once, then immutable.

use std::collections::HashMap;
use std::fmt;

use crate::cell::{self, Problem};
use crate::domain::Domain;
use crate::grid::Grid;
use crate::schema::{Column, Schema};
use crate::set::Set;
use crate::value::Value;

/// The largest index of a table: 64 MiB of 64-bit words. A table of 1,000 rows and 6 inputs
/// takes 1.5 MiB at the most.
pub const MAX_INDEX_WORDS: usize = 8 * 1024 * 1024;

/// Where in a table an error lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The table as a whole.
    Table,
    /// The header.
    Header,
    /// A row: 1 is the first after the header.
    Row(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table => f.write_str("whole"),
            Self::Header => f.write_str("header"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// One thing in a table's text that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "table {table:?}, {place}, column {column:?}, cell {cell:?}: {problem}; allowed: {allowed}"
)]
pub struct ParseError {
    /// The table.
    pub table: String,
    /// Where in it.
    pub place: Place,
    /// The column; empty where the error is not in one.
    pub column: String,
    /// The text of the cell, or of the header.
    pub cell: String,
    /// What is wrong with it.
    pub problem: String,
    /// What is allowed there.
    pub allowed: String,
}

/// A decision table.
pub struct Table {
    pub(crate) name: String,
    pub(crate) schema: Schema,
    /// One per input.
    pub(crate) domains: Vec<Domain>,
    pub(crate) rows: Vec<RowData>,
    /// One per input.
    pub(crate) grids: Vec<Grid>,
}

impl fmt::Debug for Table {
    /// Without the rows and their index, which may be large.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = f.debug_struct("Table");
        parts
            .field("name", &self.name)
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) struct RowData {
    /// One per input.
    pub(crate) cells: Vec<Set>,
    /// One per input, as written.
    pub(crate) texts: Vec<String>,
    /// One per output.
    pub(crate) outputs: Vec<Value<'static>>,
    /// Rows with equal outputs have equal outcomes.
    pub(crate) outcome: usize,
}

impl Table {
    /// Parses a table: a header that names each column of `schema` once, in any order, then the
    /// rows. See the [crate's documentation](crate) for the grammar of cells.
    ///
    /// # Errors
    /// Every cell that does not parse, with table, row, column, text and what is allowed.
    pub fn parse(
        name: &str,
        schema: &Schema,
        rows: &[Vec<String>],
    ) -> Result<Self, Vec<ParseError>> {
        let mut parser = Parser {
            table: name,
            errors: Vec::new(),
        };
        let Some((header, rows)) = rows.split_first() else {
            parser.refuse(Place::Header, "", "", "there is none".into(), names(schema));
            return Err(parser.errors);
        };
        let Some(order) = parser.header(header, schema) else {
            return Err(parser.errors);
        };
        let mut inputs: Vec<Domain> = schema
            .inputs()
            .iter()
            .map(|column| Domain::new(&column.kind))
            .collect();
        let mut outputs: Vec<Domain> = schema
            .outputs()
            .iter()
            .map(|column| Domain::new(&column.kind))
            .collect();
        let mut outcomes = HashMap::new();
        let mut parsed = Vec::with_capacity(rows.len());
        for (index, cells) in rows.iter().enumerate() {
            let place = Place::Row(index + 1);
            if cells.len() != header.len() {
                let problem = format!("it has {} cells", cells.len());
                let allowed = format!("{} cells, one per column", header.len());
                parser.refuse(place, "", &cells.join(" | "), problem, allowed);
                continue;
            }
            let row = parser.row(place, cells, &order, schema, (&mut inputs, &mut outputs));
            parsed.extend(row.map(|mut row| {
                let next = outcomes.len();
                row.outcome = *outcomes.entry(row.outputs.clone()).or_insert(next);
                row
            }));
        }
        if parser.errors.is_empty() {
            parser.index(schema, inputs, parsed)
        } else {
            Err(parser.errors)
        }
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The table's columns.
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The rows, in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.rows.len()).map(|index| Row { table: self, index })
    }

    /// A row by its number: 1 is the first after the header.
    pub fn row(&self, number: usize) -> Option<Row<'_>> {
        let index = number.checked_sub(1)?;
        (index < self.rows.len()).then_some(Row { table: self, index })
    }
}

/// The names of a schema's columns, for messages.
fn names(schema: &Schema) -> String {
    let columns = schema.inputs().iter().chain(schema.outputs());
    let names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
    format!("each of {} once", names.join(", "))
}

struct Parser<'p> {
    table: &'p str,
    errors: Vec<ParseError>,
}

impl Parser<'_> {
    fn refuse(&mut self, place: Place, column: &str, cell: &str, problem: String, allowed: String) {
        self.errors.push(ParseError {
            table: self.table.to_owned(),
            place,
            column: column.to_owned(),
            cell: cell.to_owned(),
            problem,
            allowed,
        });
    }

    /// Where each column of the schema stands in the text: inputs first, then outputs.
    fn header(&mut self, header: &[String], schema: &Schema) -> Option<Vec<usize>> {
        let columns: Vec<&Column> = schema.inputs().iter().chain(schema.outputs()).collect();
        let mut order = Vec::with_capacity(columns.len());
        for column in &columns {
            let found: Vec<usize> = (0..header.len())
                .filter(|index| header[*index].trim() == column.name)
                .collect();
            match found.as_slice() {
                [index] => order.push(*index),
                found => {
                    let problem = format!("it stands there {} times", found.len());
                    let cell = header.join(" | ");
                    self.refuse(Place::Header, &column.name, &cell, problem, names(schema));
                }
            }
        }
        for name in header {
            if !columns.iter().any(|column| column.name == name.trim()) {
                let problem = "there is no such column".to_owned();
                self.refuse(Place::Header, name.trim(), name, problem, names(schema));
            }
        }
        self.errors.is_empty().then_some(order)
    }

    /// Reads one row; `None` where a cell was refused.
    fn row(
        &mut self,
        place: Place,
        cells: &[String],
        order: &[usize],
        schema: &Schema,
        (inputs, outputs): (&mut [Domain], &mut [Domain]),
    ) -> Option<RowData> {
        let before = self.errors.len();
        let (input_order, output_order) = order.split_at(inputs.len());
        let mut row = RowData {
            cells: Vec::new(),
            texts: Vec::new(),
            outputs: Vec::new(),
            outcome: 0,
        };
        for ((column, domain), at) in schema.inputs().iter().zip(inputs).zip(input_order) {
            match cell::input(&cells[*at], domain) {
                Ok(set) => row.cells.push(set),
                Err(error) => self.refuse_cell(place, column, &cells[*at], error),
            }
            row.texts.push(cells[*at].clone());
        }
        for ((column, domain), at) in schema.outputs().iter().zip(outputs).zip(output_order) {
            match cell::output(&cells[*at], domain) {
                Ok(value) => row.outputs.push(value),
                Err(error) => self.refuse_cell(place, column, &cells[*at], error),
            }
        }
        (self.errors.len() == before).then_some(row)
    }

    fn refuse_cell(&mut self, place: Place, column: &Column, cell: &str, error: Problem) {
        self.refuse(place, &column.name, cell, error.problem, error.allowed);
    }

    /// Builds the index, unless it would be too large.
    fn index(
        mut self,
        schema: &Schema,
        domains: Vec<Domain>,
        rows: Vec<RowData>,
    ) -> Result<Table, Vec<ParseError>> {
        let columns: Vec<Vec<&Set>> = (0..domains.len())
            .map(|input| rows.iter().map(|row| &row.cells[input]).collect())
            .collect();
        let size: usize = columns.iter().map(|cells| Grid::size(cells)).sum();
        if size > MAX_INDEX_WORDS {
            let problem = format!("{} rows need an index of {size} words", rows.len());
            let allowed = format!("at most {MAX_INDEX_WORDS} words: fewer rows or fewer ends");
            self.refuse(Place::Table, "", "", problem, allowed);
            return Err(self.errors);
        }
        let grids = columns
            .iter()
            .zip(&domains)
            .map(|(cells, domain)| Grid::new(cells, domain.bounds()))
            .collect();
        let (name, schema) = (self.table.to_owned(), schema.clone());
        Ok(Table {
            name,
            schema,
            domains,
            rows,
            grids,
        })
    }
}

/// A row of a table, for those that check its cells.
#[derive(Debug, Clone, Copy)]
pub struct Row<'t> {
    table: &'t Table,
    index: usize,
}

impl<'t> Row<'t> {
    /// Its number: 1 is the first after the header.
    pub const fn number(self) -> usize {
        self.index + 1
    }

    /// Its outputs, in the schema's order.
    pub fn outputs(self) -> &'t [Value<'static>] {
        &self.table.rows[self.index].outputs
    }

    /// The text of an input's cell, by the input's position in the schema.
    pub fn cell(self, input: usize) -> Option<&'t str> {
        self.table.rows[self.index]
            .texts
            .get(input)
            .map(String::as_str)
    }

    /// Whether an input's cell accepts a value; `false` for a value outside the domain.
    pub fn accepts(self, input: usize, value: &Value<'_>) -> bool {
        let (domains, row) = (&self.table.domains, &self.table.rows[self.index]);
        domains.get(input).is_some_and(|domain| {
            domain
                .position(value)
                .is_ok_and(|position| row.cells[input].contains(position))
        })
    }

    /// The ranges of values that an input's cell accepts, both ends inside, ascending: in order
    /// for an ordered column; for a category each label on its own, and for an open category
    /// that accepts labels which no cell mentions, one such label last.
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
                .map(|(start, end)| (domain.value(*start), domain.value(*end)))
                .collect()
        } else {
            intervals
                .flat_map(|(start, end)| domain.distinct(*start, *end))
                .map(single)
                .collect()
        }
    }
}
