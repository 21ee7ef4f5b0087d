//! Random tables in two forms: as text, and as sets of value numbers.

use std::collections::BTreeSet;

use fairlead_decision_table::{Schema, Table, Value};
use proptest::prelude::*;

use crate::schema;

/// The form of a column of the random tables: its literals by the number of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnForm {
    Grade,
    Number,
    Channel,
    Open,
    Truth,
}

/// The columns, and the number of values of each. The last value of `Open` is a label that no cell
/// mentions.
pub(crate) const COLUMNS: [(ColumnForm, usize); 5] = [
    (ColumnForm::Grade, 4),
    (ColumnForm::Number, 6),
    (ColumnForm::Channel, 3),
    (ColumnForm::Open, 3),
    (ColumnForm::Truth, 2),
];

pub(crate) fn random_schema() -> Schema {
    schema(
        &[
            "grade: ordered(A, B, C, D)",
            "n: integer(1..6)",
            "channel: category(app, web, branch)",
            "campaign: category",
            "returning: bool",
        ],
        &["rate: rate(0%..36%)"],
    )
}

fn literal(form: ColumnForm, value: usize) -> String {
    let text: [&str; 6] = match form {
        ColumnForm::Grade => ["A", "B", "C", "D", "", ""],
        ColumnForm::Number => ["1", "2", "3", "4", "5", "6"],
        ColumnForm::Channel => ["app", "web", "branch", "", "", ""],
        ColumnForm::Open => ["x", "y", "\"never mentioned\"", "", "", ""],
        ColumnForm::Truth => ["false", "true", "", "", "", ""],
    };
    text[value].to_owned()
}

/// Returns the value with a number, as an input of evaluation.
pub(crate) fn value(column: usize, number: usize) -> Value<'static> {
    match COLUMNS[column].0 {
        ColumnForm::Number => Value::Integer(i64::try_from(number).expect("it is small") + 1),
        ColumnForm::Truth => Value::Bool(number == 1),
        form => Value::from(literal(form, number).trim_matches('"').to_owned()),
    }
}

/// A cell: its text, and the numbers of the values that it accepts.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) accepts: BTreeSet<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct RandomRow {
    pub(crate) cells: Vec<Cell>,
    /// The rate in percent.
    pub(crate) output: u8,
}

fn any_cell(size: usize) -> Cell {
    Cell {
        text: "-".to_owned(),
        accepts: (0..size).collect(),
    }
}

fn range_text(form: ColumnForm, start: usize, end: usize, style: usize) -> String {
    let text = |value| literal(form, value);
    match (form, style) {
        (ColumnForm::Grade, _) => format!("{}..{}", text(start), text(end)),
        (_, 0) => format!("[{}..{}]", start + 1, end + 1),
        (_, 1) => format!("({start}..{}]", end + 1),
        (_, 2) => format!("[{}..{})", start + 1, end + 2),
        _ => format!("({start}..{})", end + 2),
    }
}

/// Makes the cell of a list of single values, or of all others if `negated`.
fn listed(form: ColumnForm, size: usize, values: &BTreeSet<usize>, negated: bool) -> Cell {
    // Only what a cell can mention may be listed.
    let mentioned: BTreeSet<usize> = values
        .iter()
        .copied()
        .filter(|value| form != ColumnForm::Open || *value < 2)
        .collect();
    let texts: Vec<String> = mentioned
        .iter()
        .map(|value| literal(form, *value))
        .collect();
    let rest: BTreeSet<usize> = (0..size)
        .filter(|value| !mentioned.contains(value))
        .collect();
    if mentioned.is_empty() || (negated && rest.is_empty()) {
        any_cell(size)
    } else if negated {
        Cell {
            text: format!("not {}", texts.join(", ")),
            accepts: rest,
        }
    } else {
        Cell {
            text: texts.join(", "),
            accepts: mentioned,
        }
    }
}

fn cell(form: ColumnForm, size: usize) -> impl Strategy<Value = Cell> {
    let values = || prop::collection::btree_set(0..size, 1..=size);
    let range = (0..size, 0..size, 0..4_usize).prop_map(move |(one, other, style)| {
        let (start, end) = (one.min(other), one.max(other));
        if matches!(form, ColumnForm::Grade | ColumnForm::Number) {
            let text = range_text(form, start, end, style);
            Cell {
                text,
                accepts: (start..=end).collect(),
            }
        } else {
            listed(form, size, &(start..=end).collect(), false)
        }
    });
    let comparison = (0..size, prop::bool::ANY).prop_map(move |(at, up)| {
        if form != ColumnForm::Number {
            return any_cell(size);
        }
        if up {
            Cell {
                text: format!(">= {}", at + 1),
                accepts: (at..size).collect(),
            }
        } else {
            Cell {
                text: format!("< {}", at + 2),
                accepts: (0..=at).collect(),
            }
        }
    });
    prop_oneof![
        5 => Just(any_cell(size)),
        2 => values().prop_map(move |values| listed(form, size, &values, false)),
        2 => values().prop_map(move |values| listed(form, size, &values, true)),
        3 => range,
        1 => comparison,
    ]
}

fn row() -> impl Strategy<Value = RandomRow> {
    let cells: Vec<_> = COLUMNS
        .iter()
        .map(|(form, size)| cell(*form, *size).boxed())
        .collect();
    (cells, 1_u8..4).prop_map(|(cells, output)| RandomRow { cells, output })
}

/// Generates up to eight rows, with so few different outputs that some are equal.
pub(crate) fn random_rows() -> impl Strategy<Value = Vec<RandomRow>> {
    prop::collection::vec(row(), 0..8)
}

pub(crate) fn parse(rows: &[RandomRow]) -> Table {
    let schema = random_schema();
    let names = schema
        .inputs()
        .iter()
        .chain(schema.outputs())
        .map(|column| column.name.clone());
    let mut text = vec![names.collect::<Vec<String>>()];
    text.extend(rows.iter().map(|row| {
        let cells = row.cells.iter().map(|cell| cell.text.clone());
        cells.chain([format!("{}%", row.output)]).collect()
    }));
    Table::parse("random", &schema, &text).expect("the table parses")
}

/// Returns every point of the domain, by value numbers.
pub(crate) fn points() -> Vec<Vec<usize>> {
    COLUMNS.iter().fold(vec![Vec::new()], |points, (_, size)| {
        points
            .into_iter()
            .flat_map(|point| (0..*size).map(move |value| [point.as_slice(), &[value]].concat()))
            .collect()
    })
}

pub(crate) fn inputs(point: &[usize]) -> Vec<Value<'static>> {
    point
        .iter()
        .enumerate()
        .map(|(column, number)| value(column, *number))
        .collect()
}

/// Returns the positions of the rows that match a point, by their sets of value numbers.
pub(crate) fn matching(rows: &[RandomRow], point: &[usize]) -> Vec<usize> {
    let matches = |row: &RandomRow| {
        row.cells
            .iter()
            .zip(point)
            .all(|(cell, value)| cell.accepts.contains(value))
    };
    (0..rows.len())
        .filter(|index| matches(&rows[*index]))
        .collect()
}
