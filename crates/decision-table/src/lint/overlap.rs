//! Pairs of rows that match the same inputs.

use std::collections::HashSet;

use crate::lint::LintLimits;
use crate::lint::finding::{Example, LintCheck, Listed, TableFinding};
use crate::table::Table;

/// The pairs of rows that meet, by position, the lower first.
pub(crate) struct Overlaps {
    /// For each row, the rows that it meets.
    partners: Vec<Vec<usize>>,
}

impl Overlaps {
    /// Finds all pairs of rows that meet.
    pub(crate) fn find(table: &Table) -> Self {
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

    /// Returns `true` if no two of some rows meet.
    pub(crate) fn are_disjoint(&self, rows: &[usize]) -> bool {
        let chosen: HashSet<usize> = rows.iter().copied().collect();
        let meets = |row: &usize| {
            self.partners[*row]
                .iter()
                .any(|other| chosen.contains(other))
        };
        !rows.iter().any(meets)
    }

    /// Returns the rows that prevent a row from being chosen where both match: those with other
    /// outputs, and those before it with the same outputs.
    pub(crate) fn rivals(&self, table: &Table, row: usize) -> Vec<usize> {
        let outcome = table.rows[row].outcome;
        let keeps_out = |rival: &usize| *rival < row || table.rows[*rival].outcome != outcome;
        self.partners[row]
            .iter()
            .copied()
            .filter(keeps_out)
            .collect()
    }

    /// Returns the conflicts, then the needless overlaps.
    pub(crate) fn findings(&self, table: &Table, limits: &LintLimits) -> Vec<TableFinding> {
        let mut conflicts = Listed::new(LintCheck::Conflict, limits.findings);
        let mut duplicates = Listed::new(LintCheck::Duplicate, limits.findings);
        for (one, partners) in self.partners.iter().enumerate() {
            for &other in partners.iter().filter(|other| **other > one) {
                let (row, rival) = (&table.rows[one], &table.rows[other]);
                let rows = (one + 1, other + 1);
                // The rows meet, so every column has a first common value.
                let columns = row.cells.iter().zip(&rival.cells);
                let example = || {
                    let common = columns.filter_map(|(one, other)| one.first_common(other));
                    Example::at(table, &common.collect::<Vec<_>>())
                };
                if row.outcome == rival.outcome {
                    duplicates.push(|| TableFinding::Duplicate {
                        rows,
                        example: example(),
                    });
                } else {
                    conflicts.push(|| TableFinding::Conflict {
                        rows,
                        example: example(),
                    });
                }
            }
        }
        let mut findings = conflicts.into_findings();
        findings.extend(duplicates.into_findings());
        findings
    }
}
