//! Random tables whose meaning is known twice: as text, and as sets of value numbers.

use std::collections::BTreeSet;

use fairlead_decision_table::{Schema, Table, Value};
use proptest::prelude::*;

use crate::schema;

/// How a column of the random tables is written, by the number of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Grade,
    Number,
    Channel,
    Open,
    Truth,
}

/// The columns, and how many values each has. The last value of `Open` is a label that no cell
/// mentions.
pub(crate) const COLUMNS: [(Sort, usize); 5] = [
    (Sort::Grade, 4),
    (Sort::Number, 6),
    (Sort::Channel, 3),
    (Sort::Open, 3),
    (Sort::Truth, 2),
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

fn literal(sort: Sort, value: usize) -> String {
    let text: [&str; 6] = match sort {
        Sort::Grade => ["A", "B", "C", "D", "", ""],
        Sort::Number => ["1", "2", "3", "4", "5", "6"],
        Sort::Channel => ["app", "web", "branch", "", "", ""],
        Sort::Open => ["x", "y", "\"never mentioned\"", "", "", ""],
        Sort::Truth => ["false", "true", "", "", "", ""],
    };
    text[value].to_owned()
}

/// The value with a number, as evaluation takes it.
pub(crate) fn value(column: usize, number: usize) -> Value<'static> {
    match COLUMNS[column].0 {
        Sort::Number => Value::Integer(i64::try_from(number).expect("it is small") + 1),
        Sort::Truth => Value::Bool(number == 1),
        sort => Value::from(literal(sort, number).trim_matches('"').to_owned()),
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

fn range_text(sort: Sort, start: usize, end: usize, style: usize) -> String {
    let text = |value| literal(sort, value);
    match (sort, style) {
        (Sort::Grade, _) => format!("{}..{}", text(start), text(end)),
        (_, 0) => format!("[{}..{}]", start + 1, end + 1),
        (_, 1) => format!("({start}..{}]", end + 1),
        (_, 2) => format!("[{}..{})", start + 1, end + 2),
        _ => format!("({start}..{})", end + 2),
    }
}

/// A list of single values, or all but these.
fn listed(sort: Sort, size: usize, values: &BTreeSet<usize>, negated: bool) -> Cell {
    // Only what a cell can mention may be listed.
    let mentioned: BTreeSet<usize> = values
        .iter()
        .copied()
        .filter(|value| sort != Sort::Open || *value < 2)
        .collect();
    let texts: Vec<String> = mentioned
        .iter()
        .map(|value| literal(sort, *value))
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

fn cell(sort: Sort, size: usize) -> impl Strategy<Value = Cell> {
    let values = || prop::collection::btree_set(0..size, 1..=size);
    let range = (0..size, 0..size, 0..4_usize).prop_map(move |(one, other, style)| {
        let (start, end) = (one.min(other), one.max(other));
        if matches!(sort, Sort::Grade | Sort::Number) {
            let text = range_text(sort, start, end, style);
            Cell {
                text,
                accepts: (start..=end).collect(),
            }
        } else {
            listed(sort, size, &(start..=end).collect(), false)
        }
    });
    let comparison = (0..size, prop::bool::ANY).prop_map(move |(at, up)| {
        if sort != Sort::Number {
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
        2 => values().prop_map(move |values| listed(sort, size, &values, false)),
        2 => values().prop_map(move |values| listed(sort, size, &values, true)),
        3 => range,
        1 => comparison,
    ]
}

fn row() -> impl Strategy<Value = RandomRow> {
    let cells: Vec<_> = COLUMNS
        .iter()
        .map(|(sort, size)| cell(*sort, *size).boxed())
        .collect();
    (cells, 1_u8..4).prop_map(|(cells, output)| RandomRow { cells, output })
}

/// Up to eight rows, few enough outputs that some are equal.
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

/// Every point of the domain, by value numbers.
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

/// The positions of the rows that match a point, by the sets.
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
