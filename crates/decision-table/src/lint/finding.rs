//! The findings of lint, in words that name the rows and give a counter-example.

use std::fmt;

use crate::lint::Direction;
use crate::set::Set;
use crate::table::Table;
use crate::value::Value;

/// Inputs that show a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// One value per input, in the schema's order; ready for
    /// [`Table::evaluate`](crate::Table::evaluate).
    pub inputs: Vec<Value<'static>>,
    text: String,
}

impl Example {
    /// Makes the example of one point.
    pub(crate) fn at(table: &Table, positions: &[i64]) -> Self {
        let inputs: Vec<Value<'static>> = table
            .domains
            .iter()
            .zip(positions)
            .map(|(domain, at)| domain.value(*at))
            .collect();
        let text = table.written(&inputs);
        Self { inputs, text }
    }

    /// Makes the example of a region's first point.
    pub(crate) fn first(table: &Table, region: &[&Set]) -> Self {
        let positions: Vec<i64> = region.iter().filter_map(|set| set.min()).collect();
        Self::at(table, &positions)
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A part of a table's domain, as the cells of a row that would match exactly it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// The text of one cell per input, in the schema's order.
    pub cells: Vec<String>,
    text: String,
}

impl Region {
    /// Makes the region of one set per input.
    pub(crate) fn new(table: &Table, sets: &[Set]) -> Self {
        let columns = table.schema.inputs().iter();
        let cells: Vec<String> = table
            .domains
            .iter()
            .zip(sets)
            .map(|(domain, set)| domain.cell(set))
            .collect();
        let parts: Vec<String> = columns
            .zip(&cells)
            .filter(|(_, cell)| *cell != "-")
            .map(|(column, cell)| format!("{}: {cell}", column.name))
            .collect();
        let text = if parts.is_empty() {
            "the whole domain".to_owned()
        } else {
            parts.join("; ")
        };
        Self { cells, text }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The checks of lint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LintCheck {
    /// Rows that meet and have different outputs.
    Conflict,
    /// Rows that meet and have the same outputs.
    Duplicate,
    /// Rows that can never be chosen.
    Unreachable,
    /// Inputs that no row matches.
    Hole,
    /// Outputs that go in the wrong direction along an ordered input.
    Monotone,
}

impl fmt::Display for LintCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Conflict => "conflicts",
            Self::Duplicate => "needless overlaps",
            Self::Unreachable => "unreachable rows",
            Self::Hole => "holes",
            Self::Monotone => "steps that are not monotone",
        })
    }
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The table may be used; the finding should be reviewed.
    Warning,
    /// The table must not be used.
    Error,
}

/// A finding of lint. Rows are numbered from 1, the first after the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableFinding {
    /// Two rows match the same inputs and differ in their outputs.
    Conflict {
        /// The rows.
        rows: (usize, usize),
        /// Inputs that both match.
        example: Example,
    },
    /// Two rows match the same inputs with the same outputs.
    Duplicate {
        /// The rows.
        rows: (usize, usize),
        /// Inputs that both match.
        example: Example,
    },
    /// A row can never be chosen: wherever it matches, another one is chosen, or rows contradict
    /// each other.
    Unreachable {
        /// The row.
        row: usize,
        /// The rows that together cover it.
        taken_by: Vec<usize>,
        /// Inputs that it matches.
        example: Example,
    },
    /// No row matches some inputs.
    Hole {
        /// Inputs that no row matches.
        example: Example,
        /// All inputs that the finding concerns.
        region: Region,
    },
    /// An output goes in the wrong direction along an ordered input.
    NotMonotone(Box<Descent>),
    /// The budget of steps did not suffice: the table may or may not be right.
    TooComplex {
        /// The check.
        check: LintCheck,
        /// The row that it examined, or `None` if it examined all rows.
        row: Option<usize>,
        /// The steps that it was allowed.
        steps: u64,
    },
    /// There are more findings of a check than lint lists.
    More {
        /// The check.
        check: LintCheck,
        /// The number of findings that are not listed, or `None` if they were not counted.
        unlisted: Option<usize>,
    },
}

/// Two points that differ in one ordered input, and whose outputs go in the wrong direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descent {
    /// The ordered input.
    pub input: String,
    /// The output.
    pub output: String,
    /// The direction in which the output must go.
    pub direction: Direction,
    /// The rows that match the point with the lower input, and the one with the higher.
    pub rows: (usize, usize),
    /// The two points.
    pub examples: (Example, Example),
    /// The outputs at the two points.
    pub outputs: (Value<'static>, Value<'static>),
}

impl TableFinding {
    /// Returns the check that found it.
    pub const fn check(&self) -> LintCheck {
        match self {
            Self::Conflict { .. } => LintCheck::Conflict,
            Self::Duplicate { .. } => LintCheck::Duplicate,
            Self::Unreachable { .. } => LintCheck::Unreachable,
            Self::Hole { .. } => LintCheck::Hole,
            Self::NotMonotone(_) => LintCheck::Monotone,
            Self::TooComplex { check, .. } | Self::More { check, .. } => *check,
        }
    }

    /// Returns the severity; a check that could not be decided counts as an error.
    pub const fn severity(&self) -> Severity {
        match self.check() {
            LintCheck::Duplicate => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// Returns the rows that it concerns; none for a hole.
    pub fn rows(&self) -> Vec<usize> {
        match self {
            Self::Conflict { rows, .. } | Self::Duplicate { rows, .. } => vec![rows.0, rows.1],
            Self::NotMonotone(descent) => vec![descent.rows.0, descent.rows.1],
            Self::Unreachable { row, .. } => vec![*row],
            Self::TooComplex { row, .. } => row.iter().copied().collect(),
            Self::Hole { .. } | Self::More { .. } => Vec::new(),
        }
    }

    /// Returns inputs that show it, or `None` if it has no such inputs.
    pub const fn counter_example(&self) -> Option<&Example> {
        match self {
            Self::Conflict { example, .. }
            | Self::Duplicate { example, .. }
            | Self::Unreachable { example, .. }
            | Self::Hole { example, .. } => Some(example),
            Self::NotMonotone(descent) => Some(&descent.examples.0),
            Self::TooComplex { .. } | Self::More { .. } => None,
        }
    }
}

impl fmt::Display for TableFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict {
                rows: (one, other),
                example,
            } => write!(
                f,
                "conflict: rows {one} and {other} both match {example}, with different outputs"
            ),
            Self::Duplicate {
                rows: (one, other),
                example,
            } => write!(
                f,
                "needless overlap: rows {one} and {other} both match {example}, with the same \
                 outputs"
            ),
            Self::Unreachable {
                row,
                taken_by,
                example,
            } => write!(
                f,
                "unreachable: row {row} can never be chosen, rows {taken_by:?} take all of it, \
                 such as {example}"
            ),
            Self::Hole { example, region } => {
                write!(f, "hole: no row for {example}; the hole is {region}")
            }
            Self::NotMonotone(descent) => descent.fmt(f),
            Self::TooComplex { check, row, steps } => {
                write!(f, "too complex: {check} could not be decided")?;
                if let Some(row) = row {
                    write!(f, " for row {row}")?;
                }
                write!(
                    f,
                    " in {steps} steps; remove overlaps first, then split the table"
                )
            }
            Self::More {
                check,
                unlisted: Some(count),
            } => write!(f, "{count} more {check}"),
            Self::More {
                check,
                unlisted: None,
            } => write!(f, "more {check}"),
        }
    }
}

impl fmt::Display for Descent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = &self.examples;
        write!(
            f,
            "not monotone: along {} the output {} must not {}, but it is {} at {low} (row {}) and \
             {} at {high} (row {})",
            self.input,
            self.output,
            self.direction.forbidden(),
            self.outputs.0,
            self.rows.0,
            self.outputs.1,
            self.rows.1
        )
    }
}

/// The first findings of a check, and the number of further ones, which are not made.
pub(crate) struct Listed {
    check: LintCheck,
    limit: usize,
    findings: Vec<TableFinding>,
    unlisted: usize,
}

impl Listed {
    pub(crate) const fn new(check: LintCheck, limit: usize) -> Self {
        Self {
            check,
            limit,
            findings: Vec::new(),
            unlisted: 0,
        }
    }

    /// Adds a finding, which is made only if it is listed.
    pub(crate) fn push(&mut self, make: impl FnOnce() -> TableFinding) {
        if self.findings.len() < self.limit {
            self.findings.push(make());
        } else {
            self.unlisted += 1;
        }
    }

    /// Returns the findings, with one more that counts those that are not listed.
    pub(crate) fn into_findings(mut self) -> Vec<TableFinding> {
        if self.unlisted > 0 {
            let (check, unlisted) = (self.check, Some(self.unlisted));
            self.findings.push(TableFinding::More { check, unlisted });
        }
        self.findings
    }
}
