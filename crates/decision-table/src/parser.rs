//! The parser of tables: reads every cell, and collects every error.

use std::collections::HashMap;

use crate::cell::{self, CellError};
use crate::domain::Domain;
use crate::grid::Grid;
use crate::schema::{Column, Schema};
use crate::set::Set;
use crate::table::{MAX_INDEX_WORDS, ParseError, ParsedRow, Table, TableLocation};

/// Parses a table, as [`Table::parse`] documents.
pub(crate) fn parse(
    name: &str,
    schema: &Schema,
    rows: &[Vec<String>],
) -> Result<Table, Vec<ParseError>> {
    let mut parser = Parser {
        table: name,
        errors: Vec::new(),
    };
    let Some((header, rows)) = rows.split_first() else {
        parser.refuse(
            TableLocation::Header,
            "",
            "",
            "there is none".into(),
            names(schema),
        );
        return Err(parser.errors);
    };
    let Some(order) = parser.header(header, schema) else {
        return Err(parser.errors);
    };
    let layout = Layout { schema, order };
    let mut domains = Domains::new(schema);
    let mut outcomes = HashMap::new();
    let mut parsed = Vec::with_capacity(rows.len());
    for (index, cells) in rows.iter().enumerate() {
        let location = TableLocation::Row(index + 1);
        if cells.len() != header.len() {
            let problem = format!("it has {} cells", cells.len());
            let allowed = format!("{} cells, one per column", header.len());
            parser.refuse(location, "", &cells.join(" | "), problem, allowed);
            continue;
        }
        let row = parser.row(location, cells, &layout, &mut domains);
        parsed.extend(row.map(|mut row| {
            let next = outcomes.len();
            row.outcome = *outcomes.entry(row.outputs.clone()).or_insert(next);
            row
        }));
    }
    if parser.errors.is_empty() {
        parser.index(schema, domains.inputs, parsed)
    } else {
        Err(parser.errors)
    }
}

/// Lists the names of a schema's columns for messages.
fn names(schema: &Schema) -> String {
    let columns = schema.inputs().iter().chain(schema.outputs());
    let names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
    format!("each of {} once", names.join(", "))
}

/// The columns of a schema and their positions in the text, inputs first, then outputs.
struct Layout<'s> {
    schema: &'s Schema,
    order: Vec<usize>,
}

/// The domains of all columns.
struct Domains {
    /// One per input.
    inputs: Vec<Domain>,
    /// One per output.
    outputs: Vec<Domain>,
}

impl Domains {
    fn new(schema: &Schema) -> Self {
        let of_columns = |columns: &[Column]| {
            let domains = columns.iter().map(|column| Domain::new(&column.kind));
            domains.collect()
        };
        Self {
            inputs: of_columns(schema.inputs()),
            outputs: of_columns(schema.outputs()),
        }
    }
}

/// A table that is being parsed, with the errors found so far.
struct Parser<'p> {
    table: &'p str,
    errors: Vec<ParseError>,
}

impl Parser<'_> {
    fn refuse(
        &mut self,
        location: TableLocation,
        column: &str,
        cell: &str,
        problem: String,
        allowed: String,
    ) {
        self.errors.push(ParseError {
            table: self.table.to_owned(),
            location,
            column: column.to_owned(),
            cell: cell.to_owned(),
            problem,
            allowed,
        });
    }

    /// Returns the position in the text of each column of the schema, inputs first, or `None` if
    /// the header was refused.
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
                    self.refuse(
                        TableLocation::Header,
                        &column.name,
                        &cell,
                        problem,
                        names(schema),
                    );
                }
            }
        }
        for name in header {
            if !columns.iter().any(|column| column.name == name.trim()) {
                let problem = "there is no such column".to_owned();
                self.refuse(
                    TableLocation::Header,
                    name.trim(),
                    name,
                    problem,
                    names(schema),
                );
            }
        }
        self.errors.is_empty().then_some(order)
    }

    /// Reads one row; returns `None` if a cell was refused.
    fn row(
        &mut self,
        location: TableLocation,
        cells: &[String],
        layout: &Layout<'_>,
        domains: &mut Domains,
    ) -> Option<ParsedRow> {
        let before = self.errors.len();
        let Layout { schema, order } = layout;
        let (input_order, output_order) = order.split_at(domains.inputs.len());
        let mut row = ParsedRow {
            cells: Vec::new(),
            texts: Vec::new(),
            outputs: Vec::new(),
            outcome: 0,
        };
        for ((column, domain), at) in schema
            .inputs()
            .iter()
            .zip(&mut domains.inputs)
            .zip(input_order)
        {
            match cell::input(&cells[*at], domain) {
                Ok(set) => row.cells.push(set),
                Err(error) => self.refuse_cell(location, column, &cells[*at], error),
            }
            row.texts.push(cells[*at].clone());
        }
        for ((column, domain), at) in schema
            .outputs()
            .iter()
            .zip(&mut domains.outputs)
            .zip(output_order)
        {
            match cell::output(&cells[*at], domain) {
                Ok(value) => row.outputs.push(value),
                Err(error) => self.refuse_cell(location, column, &cells[*at], error),
            }
        }
        (self.errors.len() == before).then_some(row)
    }

    fn refuse_cell(
        &mut self,
        location: TableLocation,
        column: &Column,
        cell: &str,
        error: CellError,
    ) {
        self.refuse(location, &column.name, cell, error.problem, error.allowed);
    }

    /// Builds the index, or returns an error if it would be too large.
    fn index(
        mut self,
        schema: &Schema,
        domains: Vec<Domain>,
        rows: Vec<ParsedRow>,
    ) -> Result<Table, Vec<ParseError>> {
        let columns: Vec<Vec<&Set>> = (0..domains.len())
            .map(|input| rows.iter().map(|row| &row.cells[input]).collect())
            .collect();
        let size: usize = columns.iter().map(|cells| Grid::size(cells)).sum();
        if size > MAX_INDEX_WORDS {
            let problem = format!("{} rows need an index of {size} words", rows.len());
            let allowed = format!("at most {MAX_INDEX_WORDS} words: fewer rows or fewer ends");
            self.refuse(TableLocation::Table, "", "", problem, allowed);
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
