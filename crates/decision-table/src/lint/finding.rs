//! What lint finds, in words that name the rows and give a counter-example.

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

    /// The first point of a region.
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

/// Part of a table's domain: a row with these cells would match just that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// The text of one cell per input, in the schema's order.
    pub cells: Vec<String>,
    text: String,
}

impl Region {
    pub(crate) fn of(table: &Table, sets: &[Set]) -> Self {
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
pub enum Check {
    /// Rows that meet and have different outputs.
    Conflict,
    /// Rows that meet and have the same outputs.
    Duplicate,
    /// Rows that can never be chosen.
    Unreachable,
    /// Inputs that no row matches.
    Hole,
    /// Outputs that go the wrong way along an ordered input.
    Monotone,
}

impl fmt::Display for Check {
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

/// Whether a table with a finding may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may; someone should look.
    Warning,
    /// It may not.
    Error,
}

/// Something that is wrong with a table. Rows are numbered from 1, the first after the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
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
    /// Wherever this row matches, another is chosen, or rows contradict each other.
    Unreachable {
        /// The row.
        row: usize,
        /// The rows that together take all of it.
        taken_by: Vec<usize>,
        /// Inputs that it matches.
        example: Example,
    },
    /// No row matches.
    Hole {
        /// Inputs that no row matches.
        example: Example,
        /// All inputs that this finding is about.
        region: Region,
    },
    /// An output goes the wrong way along an ordered input.
    NotMonotone(Box<Descent>),
    /// The check gave up: the table may or may not be right.
    TooComplex {
        /// The check.
        check: Check,
        /// The row that it was about, where it was about one.
        row: Option<usize>,
        /// The steps that it was allowed.
        steps: u64,
    },
    /// There are more findings of a check than lint lists.
    More {
        /// The check.
        check: Check,
        /// How many are not listed, where they were counted.
        unlisted: Option<usize>,
    },
}

/// Two points that differ in one ordered input, and whose outputs go the wrong way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descent {
    /// The ordered input.
    pub input: String,
    /// The output.
    pub output: String,
    /// The way that the output must go.
    pub direction: Direction,
    /// The rows that match the point with the lower input, and the one with the higher.
    pub rows: (usize, usize),
    /// The two points.
    pub examples: (Example, Example),
    /// The outputs at the two points.
    pub outputs: (Value<'static>, Value<'static>),
}

impl Finding {
    /// The check that found it.
    pub const fn check(&self) -> Check {
        match self {
            Self::Conflict { .. } => Check::Conflict,
            Self::Duplicate { .. } => Check::Duplicate,
            Self::Unreachable { .. } => Check::Unreachable,
            Self::Hole { .. } => Check::Hole,
            Self::NotMonotone(_) => Check::Monotone,
            Self::TooComplex { check, .. } | Self::More { check, .. } => *check,
        }
    }

    /// Whether the table may be used. What could not be decided counts as wrong.
    pub const fn severity(&self) -> Severity {
        match self.check() {
            Check::Duplicate => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// The rows that it is about; none for a hole.
    pub fn rows(&self) -> Vec<usize> {
        match self {
            Self::Conflict { rows, .. } | Self::Duplicate { rows, .. } => vec![rows.0, rows.1],
            Self::NotMonotone(descent) => vec![descent.rows.0, descent.rows.1],
            Self::Unreachable { row, .. } => vec![*row],
            Self::TooComplex { row, .. } => row.iter().copied().collect(),
            Self::Hole { .. } | Self::More { .. } => Vec::new(),
        }
    }

    /// Inputs that show it.
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

impl fmt::Display for Finding {
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

/// The first findings of a check, and how many came after them, which were not worth making.
pub(crate) struct Listed {
    check: Check,
    limit: usize,
    findings: Vec<Finding>,
    unlisted: usize,
}

impl Listed {
    pub(crate) const fn new(check: Check, limit: usize) -> Self {
        Self {
            check,
            limit,
            findings: Vec::new(),
            unlisted: 0,
        }
    }

    pub(crate) fn push(&mut self, make: impl FnOnce() -> Finding) {
        if self.findings.len() < self.limit {
            self.findings.push(make());
        } else {
            self.unlisted += 1;
        }
    }

    pub(crate) fn into_findings(mut self) -> Vec<Finding> {
        if self.unlisted > 0 {
            let (check, unlisted) = (self.check, Some(self.unlisted));
            self.findings.push(Finding::More { check, unlisted });
        }
        self.findings
    }
}
