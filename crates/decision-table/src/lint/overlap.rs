//! Pairs of rows that match the same inputs.

use std::collections::HashSet;

use crate::lint::Limits;
use crate::lint::finding::{Check, Example, Finding, cut};
use crate::table::{RowData, Table};

/// The pairs of rows that meet, by position, the lower first.
pub(crate) struct Overlaps {
    /// For each row, the rows that it meets.
    partners: Vec<Vec<usize>>,
}

/// The first point that two rows share.
fn first_common(one: &RowData, other: &RowData) -> Option<Vec<i64>> {
    one.cells
        .iter()
        .zip(&other.cells)
        .map(|(one, other)| one.first_common(other))
        .collect()
}

impl Overlaps {
    pub(crate) fn of(table: &Table) -> Self {
        let mut partners = vec![Vec::new(); table.rows.len()];
        for (one, row) in table.rows.iter().enumerate() {
            for (other, rival) in table.rows.iter().enumerate().skip(one + 1) {
                let meets = |(cell, rival): (&crate::set::Set, &crate::set::Set)| {
                    cell.first_common(rival).is_some()
                };
                if row.cells.iter().zip(&rival.cells).all(meets) {
                    partners[one].push(other);
                    partners[other].push(one);
                }
            }
        }
        Self { partners }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.partners.iter().all(Vec::is_empty)
    }

    /// Whether no two of some rows meet.
    pub(crate) fn are_disjoint(&self, rows: &[usize]) -> bool {
        let chosen: HashSet<usize> = rows.iter().copied().collect();
        let meets = |row: &usize| {
            self.partners[*row]
                .iter()
                .any(|other| chosen.contains(other))
        };
        !rows.iter().any(meets)
    }

    /// The rows that keep a row from being chosen where both match: those with other outputs,
    /// and those before it with the same outputs.
    pub(crate) fn rivals(&self, table: &Table, row: usize) -> Vec<usize> {
        let outcome = table.rows[row].outcome;
        let keeps_out = |rival: &usize| *rival < row || table.rows[*rival].outcome != outcome;
        self.partners[row]
            .iter()
            .copied()
            .filter(keeps_out)
            .collect()
    }

    pub(crate) fn findings(&self, table: &Table, limits: &Limits) -> Vec<Finding> {
        let (mut conflicts, mut duplicates) = (Vec::new(), Vec::new());
        for (one, partners) in self.partners.iter().enumerate() {
            for &other in partners.iter().filter(|other| **other > one) {
                let (row, rival) = (&table.rows[one], &table.rows[other]);
                let Some(positions) = first_common(row, rival) else {
                    continue;
                };
                let rows = (one + 1, other + 1);
                let example = Example::at(table, &positions);
                if row.outcome == rival.outcome {
                    duplicates.push(Finding::Duplicate { rows, example });
                } else {
                    conflicts.push(Finding::Conflict { rows, example });
                }
            }
        }
        let mut findings = cut(conflicts, Check::Conflict, limits.findings);
        findings.extend(cut(duplicates, Check::Duplicate, limits.findings));
        findings
    }
}
