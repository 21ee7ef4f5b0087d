//! Monotonicity: checks that an output goes one way along an ordered input.

use std::cmp::Ordering;

use crate::domain::Domain;
use crate::lint::LintLimits;
use crate::lint::finding::{Descent, Example, LintCheck, Listed, TableFinding};
use crate::schema::{Column, SchemaError};
use crate::table::{ParsedRow, Table};

/// The direction in which an output must go as the input rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It must not decrease: a rate along grades from best to worst.
    NotDecreasing,
    /// It must not increase: a limit along grades from best to worst.
    NotIncreasing,
}

impl Direction {
    /// Returns the verb for the direction in which the output must not go.
    pub(crate) const fn forbidden(self) -> &'static str {
        match self {
            Self::NotDecreasing => "decrease",
            Self::NotIncreasing => "increase",
        }
    }

    /// Returns `true` if `after`, at the higher input, lies in the wrong direction from `before`.
    fn is_broken(self, before: i64, after: i64) -> bool {
        match self {
            Self::NotDecreasing => before.cmp(&after) == Ordering::Greater,
            Self::NotIncreasing => before.cmp(&after) == Ordering::Less,
        }
    }
}

/// A rule: along `input`, all other inputs equal, `output` goes one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Monotone<'a> {
    /// The name of an input that has an order.
    pub input: &'a str,
    /// The name of an output that has an order.
    pub output: &'a str,
    /// The direction in which the output must go as the input rises.
    pub direction: Direction,
}

/// Returns one finding for each pair of rows that breaks a rule, with two points that differ in the
/// input alone. If [`lint`](crate::lint) finds no conflict, evaluating the two points gives the two
/// outputs.
///
/// # Errors
/// Returns a [`SchemaError`] if the table has no such input or output, or if it has no order.
pub fn not_monotone(table: &Table, rule: &Monotone<'_>) -> Result<Vec<TableFinding>, SchemaError> {
    let schema = &table.schema;
    let input = ordered(schema.inputs(), "input", rule.input)?;
    let output = ordered(schema.outputs(), "output", rule.output)?;
    let order = Domain::new(&schema.outputs()[output].kind);
    // An output was read from this very domain, so it has a position.
    let rank = |row: &ParsedRow| order.position(&row.outputs[output]).unwrap_or_default();
    let values: Vec<i64> = table.rows.iter().map(rank).collect();
    let mut findings = Listed::new(LintCheck::Monotone, LintLimits::default().findings);
    for (low, low_row) in table.rows.iter().enumerate() {
        for (high, high_row) in table.rows.iter().enumerate() {
            if !rule.direction.is_broken(values[low], values[high]) {
                continue;
            }
            if let Some((from, to)) = apart(low_row, high_row, input) {
                findings.push(|| {
                    TableFinding::NotMonotone(Box::new(Descent {
                        input: rule.input.to_owned(),
                        output: rule.output.to_owned(),
                        direction: rule.direction,
                        rows: (low + 1, high + 1),
                        examples: (Example::at(table, &from), Example::at(table, &to)),
                        outputs: (
                            low_row.outputs[output].clone(),
                            high_row.outputs[output].clone(),
                        ),
                    }))
                });
            }
        }
    }
    Ok(findings.into_findings())
}

/// Returns two points, the first in `low` and the second in `high`, that differ in `input` alone,
/// where the first is lower, as near to each other as the cells allow; `None` if there are no such
/// points.
fn apart(low: &ParsedRow, high: &ParsedRow, input: usize) -> Option<(Vec<i64>, Vec<i64>)> {
    let top = high.cells[input].max()?;
    let from = low.cells[input].largest_below(top)?;
    let above = high.cells[input]
        .intervals()
        .iter()
        .find(|interval| interval.end > from)?;
    let to = above.start.max(from + 1);
    let mut first = Vec::with_capacity(low.cells.len());
    for (column, (one, other)) in low.cells.iter().zip(&high.cells).enumerate() {
        first.push(if column == input {
            from
        } else {
            one.first_common(other)?
        });
    }
    let mut second = first.clone();
    second[input] = to;
    Some((first, second))
}

/// Returns the position of a column that has an order.
fn ordered(columns: &[Column], thing: &str, name: &str) -> Result<usize, SchemaError> {
    let found = columns.iter().position(|column| column.name == name);
    match found {
        Some(position) if columns[position].kind.is_ordered() => Ok(position),
        _ => {
            let ordered = columns.iter().filter(|column| column.kind.is_ordered());
            let names: Vec<&str> = ordered.map(|column| column.name.as_str()).collect();
            Err(SchemaError {
                thing: thing.to_owned(),
                value: name.to_owned(),
                problem: match found {
                    Some(_) => "it has no order".to_owned(),
                    None => "there is no such column".to_owned(),
                },
                allowed: if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                },
            })
        }
    }
}
