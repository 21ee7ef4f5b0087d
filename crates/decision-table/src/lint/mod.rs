//! Lint: finds the errors of a table that parses, and decides each exactly.
//!
//! Every cell is a set of integers, so a row is a box and a table is a union of boxes.
//! - *Overlaps* are pairs of boxes that meet in every column.
//! - *Holes* are the parts of the domain that no box covers; a row is *unreachable* if other boxes
//!   cover all of it. [`coverage`] answers both queries.
//! - *Monotone* means: of two points that differ in one input alone, the higher one never has the
//!   lower output. It is decided by pairs of boxes, too.

mod coverage;
mod finding;
mod monotone;
mod overlap;

pub use finding::{Descent, Example, LintCheck, Region, Severity, TableFinding};
pub use monotone::{Direction, Monotone, not_monotone};

use crate::set::Set;
use crate::table::Table;

use coverage::{CoverageQuery, Remainder};
use finding::Listed;
use overlap::Overlaps;

/// The limits of a lint run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LintLimits {
    /// The budget of steps of the search for holes, and of the one for unreachable rows: a step
    /// looks at 64 rows in one elementary interval of one column. Only tables whose rows overlap
    /// need many.
    pub steps: u64,
    /// The number of findings that each check lists; one more finding counts the others.
    pub findings: usize,
}

impl Default for LintLimits {
    /// Allows twenty million steps (some seconds) and a hundred findings of each check.
    fn default() -> Self {
        Self {
            steps: 20_000_000,
            findings: 100,
        }
    }
}

/// Returns all findings of a table: rows that contradict each other, rows that can never be chosen,
/// holes, and needless overlaps. The list is empty for a table that gives exactly one outcome
/// everywhere in its domain.
pub fn lint(table: &Table) -> Vec<TableFinding> {
    lint_within(table, &LintLimits::default())
}

/// Does the same as [`lint`] within given limits.
pub fn lint_within(table: &Table, limits: &LintLimits) -> Vec<TableFinding> {
    let overlaps = Overlaps::find(table);
    let mut findings = overlaps.findings(table, limits);
    findings.extend(unreachable(table, &overlaps, limits));
    findings.extend(holes(table, &overlaps, limits));
    findings
}

/// Finds the rows that can never be chosen.
fn unreachable(table: &Table, overlaps: &Overlaps, limits: &LintLimits) -> Vec<TableFinding> {
    let mut steps = limits.steps;
    let mut found = Listed::new(LintCheck::Unreachable, limits.findings);
    for row in 0..table.rows.len() {
        // Evaluation chooses a row unless one of these matches as well.
        let rivals = overlaps.rivals(table, row);
        if rivals.is_empty() {
            continue;
        }
        let within: Vec<&Set> = table.rows[row].cells.iter().collect();
        // One hole is enough: there the row is chosen.
        let disjoint = overlaps.are_disjoint(&rivals);
        let query = CoverageQuery {
            within,
            rows: rivals,
            disjoint,
            limit: 0,
        };
        let coverage = coverage::holes(table, &query, &mut steps);
        match coverage.remainder {
            Remainder::Holes => {}
            Remainder::Covered => found.push(|| TableFinding::Unreachable {
                row: row + 1,
                taken_by: query.rows.iter().map(|rival| rival + 1).collect(),
                example: Example::first(table, &query.within),
            }),
            Remainder::Unknown => found.push(|| TableFinding::TooComplex {
                check: LintCheck::Unreachable,
                row: Some(row + 1),
                steps: limits.steps,
            }),
        }
    }
    found.into_findings()
}

/// Finds the parts of the domain that no row matches.
fn holes(table: &Table, overlaps: &Overlaps, limits: &LintLimits) -> Vec<TableFinding> {
    let mut steps = limits.steps;
    let domains: Vec<Set> = table
        .domains
        .iter()
        .map(crate::domain::Domain::all)
        .collect();
    let query = CoverageQuery {
        within: domains.iter().collect(),
        rows: (0..table.rows.len()).collect(),
        disjoint: overlaps.is_empty(),
        limit: limits.findings,
    };
    let coverage = coverage::holes(table, &query, &mut steps);
    let finding = |region: Vec<Set>| TableFinding::Hole {
        example: Example::first(table, &region.iter().collect::<Vec<_>>()),
        region: Region::new(table, &region),
    };
    let mut findings: Vec<TableFinding> = coverage.holes.into_iter().map(finding).collect();
    match coverage.remainder {
        Remainder::Covered => {}
        Remainder::Holes => findings.push(TableFinding::More {
            check: LintCheck::Hole,
            unlisted: None,
        }),
        Remainder::Unknown => findings.push(TableFinding::TooComplex {
            check: LintCheck::Hole,
            row: None,
            steps: limits.steps,
        }),
    }
    findings
}
