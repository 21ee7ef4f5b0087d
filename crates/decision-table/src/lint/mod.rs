//! Lint: what is wrong with a table that parses, decided exactly.
//!
//! Every cell is a set of whole numbers, so a row is a box and a table a union of boxes.
//! - *Overlaps* are pairs of boxes that meet in every column.
//! - *Holes* are what the boxes leave of the domain; a row is *unreachable* where other boxes
//!   leave nothing of it. Both are one question, [`coverage`] answers it.
//! - *Monotone* means: of two points that differ in one input alone, the higher one never has the
//!   lower output. It is again a matter of pairs of boxes.

mod coverage;
mod finding;
mod monotone;
mod overlap;

pub use finding::{Check, Descent, Example, Finding, Region, Severity};
pub use monotone::{Direction, Monotone, not_monotone};

use crate::set::Set;
use crate::table::Table;

use coverage::{Question, Rest};
use finding::Listed;
use overlap::Overlaps;

/// How much lint may do and say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Steps of the search for holes, and of the one for unreachable rows: one looks at 64 rows
    /// in one piece of one column. Only tables whose rows overlap need many.
    pub steps: u64,
    /// Findings of each check; what goes beyond is counted in one more.
    pub findings: usize,
}

impl Default for Limits {
    /// Twenty million steps (some seconds), a hundred findings of each check.
    fn default() -> Self {
        Self {
            steps: 20_000_000,
            findings: 100,
        }
    }
}

/// Everything that is wrong with a table: rows that contradict each other, rows that can never be
/// chosen, holes, and needless overlaps. Empty for a table that gives exactly one outcome
/// everywhere in its domain.
pub fn lint(table: &Table) -> Vec<Finding> {
    lint_within(table, &Limits::default())
}

/// [`lint`] within limits of one's own.
pub fn lint_within(table: &Table, limits: &Limits) -> Vec<Finding> {
    let overlaps = Overlaps::of(table);
    let mut findings = overlaps.findings(table, limits);
    findings.extend(unreachable(table, &overlaps, limits));
    findings.extend(holes(table, &overlaps, limits));
    findings
}

fn unreachable(table: &Table, overlaps: &Overlaps, limits: &Limits) -> Vec<Finding> {
    let mut steps = limits.steps;
    let mut found = Listed::new(Check::Unreachable, limits.findings);
    for row in 0..table.rows.len() {
        // Evaluation chooses a row unless one of these matches as well.
        let rivals = overlaps.rivals(table, row);
        if rivals.is_empty() {
            continue;
        }
        let within: Vec<&Set> = table.rows[row].cells.iter().collect();
        // That there is a hole is enough: there the row is chosen.
        let disjoint = overlaps.are_disjoint(&rivals);
        let question = Question {
            within,
            rows: rivals,
            disjoint,
            limit: 0,
        };
        let coverage = coverage::holes(table, &question, &mut steps);
        match coverage.rest {
            Rest::Holes => {}
            Rest::Covered => found.push(|| Finding::Unreachable {
                row: row + 1,
                taken_by: question.rows.iter().map(|rival| rival + 1).collect(),
                example: Example::first(table, &question.within),
            }),
            Rest::Unknown => found.push(|| Finding::TooComplex {
                check: Check::Unreachable,
                row: Some(row + 1),
                steps: limits.steps,
            }),
        }
    }
    found.into_findings()
}

fn holes(table: &Table, overlaps: &Overlaps, limits: &Limits) -> Vec<Finding> {
    let mut steps = limits.steps;
    let domains: Vec<Set> = table
        .domains
        .iter()
        .map(crate::domain::Domain::all)
        .collect();
    let question = Question {
        within: domains.iter().collect(),
        rows: (0..table.rows.len()).collect(),
        disjoint: overlaps.is_empty(),
        limit: limits.findings,
    };
    let coverage = coverage::holes(table, &question, &mut steps);
    let finding = |region: Vec<Set>| Finding::Hole {
        example: Example::first(table, &region.iter().collect::<Vec<_>>()),
        region: Region::of(table, &region),
    };
    let mut findings: Vec<Finding> = coverage.holes.into_iter().map(finding).collect();
    match coverage.rest {
        Rest::Covered => {}
        Rest::Holes => findings.push(Finding::More {
            check: Check::Hole,
            unlisted: None,
        }),
        Rest::Unknown => findings.push(Finding::TooComplex {
            check: Check::Hole,
            row: None,
            steps: limits.steps,
        }),
    }
    findings
}
