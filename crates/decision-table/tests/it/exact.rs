//! Evaluation and lint against a scan of every row at every point of the domain.

use std::collections::BTreeSet;

use fairlead_decision_table::{
    Direction, Monotone, NoMatch, Table, TableFinding, Value, lint, not_monotone,
};
use fairlead_domain::RatePpm;
use proptest::prelude::*;

use crate::random::{RandomRow, inputs, matching, parse, points, random_rows};

/// Returns the first row of the only outcome that a scan finds, or `None` for none or several.
fn scan(rows: &[RandomRow], point: &[usize]) -> Option<usize> {
    let matching = matching(rows, point);
    let first = *matching.first()?;
    matching
        .iter()
        .all(|row| rows[*row].output == rows[first].output)
        .then_some(first)
}

/// The findings that lint must make, by a scan of every point.
#[derive(Debug, Default, PartialEq, Eq)]
struct Truth {
    conflicts: BTreeSet<(usize, usize)>,
    duplicates: BTreeSet<(usize, usize)>,
    unreachable: BTreeSet<usize>,
    has_hole: bool,
}

fn truth(rows: &[RandomRow]) -> Truth {
    let mut truth = Truth {
        unreachable: (1..=rows.len()).collect(),
        ..Truth::default()
    };
    for point in points() {
        let matching = matching(rows, &point);
        truth.has_hole |= matching.is_empty();
        for (index, one) in matching.iter().enumerate() {
            for other in &matching[index + 1..] {
                let equal = rows[*one].output == rows[*other].output;
                let pairs = if equal {
                    &mut truth.duplicates
                } else {
                    &mut truth.conflicts
                };
                pairs.insert((one + 1, other + 1));
            }
        }
        if let Some(chosen) = scan(rows, &point) {
            truth.unreachable.remove(&(chosen + 1));
        }
    }
    truth
}

fn found(findings: &[TableFinding]) -> Truth {
    let mut found = Truth::default();
    for finding in findings {
        match finding {
            TableFinding::Conflict { rows, .. } => assert!(found.conflicts.insert(*rows)),
            TableFinding::Duplicate { rows, .. } => assert!(found.duplicates.insert(*rows)),
            TableFinding::Unreachable { row, .. } => assert!(found.unreachable.insert(*row)),
            TableFinding::Hole { .. } => found.has_hole = true,
            other => panic!("{other}"),
        }
    }
    found
}

/// Checks that each counter-example shows its finding.
fn confirm(table: &Table, findings: &[TableFinding]) {
    for finding in findings {
        let example = finding
            .counter_example()
            .expect("every finding here has one");
        let matching = table
            .matching_rows(&example.inputs)
            .expect("it lies in the domain");
        match finding {
            TableFinding::Hole { .. } => {
                assert_eq!(matching, [], "{finding}");
                assert!(matches!(
                    table.evaluate(&example.inputs),
                    Err(NoMatch::NoRow { .. })
                ));
            }
            TableFinding::Conflict { rows, .. } => {
                assert!(
                    matching.contains(&rows.0) && matching.contains(&rows.1),
                    "{finding}"
                );
                assert!(matches!(
                    table.evaluate(&example.inputs),
                    Err(NoMatch::Conflict { .. })
                ));
            }
            TableFinding::Duplicate { rows, .. } => {
                assert!(
                    matching.contains(&rows.0) && matching.contains(&rows.1),
                    "{finding}"
                );
            }
            TableFinding::Unreachable { row, taken_by, .. } => {
                assert!(matching.contains(row), "{finding}");
                assert!(
                    matching.iter().any(|other| taken_by.contains(other)),
                    "{finding}"
                );
                let chosen = table.evaluate(&example.inputs).map(|found| found.row);
                assert_ne!(chosen, Ok(*row), "{finding}");
            }
            other => panic!("{other}"),
        }
    }
}

/// Returns the table with one more row for the region of each hole that lint lists.
fn filled(rows: &[RandomRow], findings: &[TableFinding]) -> Table {
    let schema = crate::random::random_schema();
    let names: Vec<String> = schema
        .inputs()
        .iter()
        .chain(schema.outputs())
        .map(|column| column.name.clone())
        .collect();
    let mut text = vec![names];
    for row in rows {
        let cells = row.cells.iter().map(|cell| cell.text.clone());
        text.push(cells.chain([format!("{}%", row.output)]).collect());
    }
    for finding in findings {
        if let TableFinding::Hole { region, .. } = finding {
            text.push(
                region
                    .cells
                    .iter()
                    .cloned()
                    .chain(["30%".to_owned()])
                    .collect(),
            );
        }
    }
    Table::parse("filled", &schema, &text).expect("regions are cells")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn evaluation_is_a_scan_of_the_rows(rows in random_rows()) {
        let table = parse(&rows);
        for point in points() {
            let inputs = inputs(&point);
            let numbers: Vec<usize> = matching(&rows, &point).iter().map(|row| row + 1).collect();
            prop_assert_eq!(table.matching_rows(&inputs), Ok(numbers.clone()));
            match (table.evaluate(&inputs), scan(&rows, &point)) {
                (Ok(found), Some(row)) => {
                    prop_assert_eq!(found.row, row + 1);
                    let rate = RatePpm::new(i64::from(rows[row].output) * 10_000);
                    prop_assert_eq!(found.outputs, &[Value::Rate(rate.expect("a rate"))]);
                }
                (Err(NoMatch::NoRow { .. }), None) => prop_assert!(numbers.is_empty()),
                (Err(NoMatch::Conflict { rows, .. }), None) => prop_assert_eq!(rows, numbers),
                (got, expected) => prop_assert!(false, "{:?} instead of {:?}", got, expected),
            }
        }
    }

    #[test]
    fn lint_finds_what_a_scan_of_every_point_finds(rows in random_rows()) {
        let table = parse(&rows);
        let findings = lint(&table);
        prop_assert_eq!(found(&findings), truth(&rows));
        confirm(&table, &findings);
    }

    #[test]
    fn the_holes_listed_are_all_there_are(rows in random_rows()) {
        let findings = lint(&parse(&rows));
        let filled = filled(&rows, &findings);
        for finding in lint(&filled) {
            let is_hole = matches!(finding, TableFinding::Hole { .. });
            prop_assert!(!is_hole, "{}", finding);
            // A region that fills a hole meets no row, and no other region.
            prop_assert!(finding.rows().iter().all(|row| *row <= rows.len()), "{}", finding);
        }
    }

    #[test]
    fn monotone_is_decided_as_by_a_scan(rows in random_rows(), rising in prop::bool::ANY) {
        let table = parse(&rows);
        let direction = if rising { Direction::NotDecreasing } else { Direction::NotIncreasing };
        for (column, input) in [(0, "grade"), (1, "n"), (4, "returning")] {
            let rule = Monotone { input, output: "rate", direction };
            let findings = not_monotone(&table, &rule).expect("both have an order");
            let mut found = BTreeSet::new();
            for finding in &findings {
                let TableFinding::NotMonotone(descent) = finding else { panic!("{finding}") };
                found.insert(descent.rows);
                let (low, high) = (&descent.examples.0.inputs, &descent.examples.1.inputs);
                let differ: Vec<usize> = (0..5).filter(|at| low[*at] != high[*at]).collect();
                prop_assert_eq!(differ, vec![column]);
                let matches = |inputs, row| {
                    table.matching_rows(inputs).is_ok_and(|rows| rows.contains(&row))
                };
                prop_assert!(matches(low, descent.rows.0) && matches(high, descent.rows.1));
            }
            let mut expected = BTreeSet::new();
            for low in points() {
                for higher in low[column] + 1..crate::random::COLUMNS[column].1 {
                    let mut high = low.clone();
                    high[column] = higher;
                    for one in matching(&rows, &low) {
                        for other in matching(&rows, &high) {
                            let (before, after) = (rows[one].output, rows[other].output);
                            if if rising { before > after } else { before < after } {
                                expected.insert((one + 1, other + 1));
                            }
                        }
                    }
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
