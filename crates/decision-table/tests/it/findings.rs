//! The text of findings: the rows, and a counter-example that evaluation confirms.

use fairlead_decision_table::{
    LintCheck, LintLimits, NoMatch, Severity, Table, TableFinding, lint, lint_within,
};

use crate::{rate_schema, schema, table};

fn messages(table: &Table) -> Vec<String> {
    lint(table).iter().map(ToString::to_string).collect()
}

#[test]
fn a_complete_table_has_no_findings() {
    let table = table(
        &rate_schema(),
        "grade | tenor    | rate
         A..B  | <= 12    | 9.9%
         A..B  | [13..60] | 11.5%
         C     | -        | 18%",
    );
    assert_eq!(lint(&table), []);
}

#[test]
fn holes_are_named_with_the_row_that_would_fill_them() {
    let holey = table(
        &rate_schema(),
        "grade | tenor            | rate
         A     | [1..12], [25..60]| 9.9%
         B     | not 24           | 11.5%
         C     | -                | 18%",
    );
    assert_eq!(
        messages(&holey),
        [
            "hole: no row for grade = A, tenor = 13; the hole is grade: A; tenor: [13..24]",
            "hole: no row for grade = B, tenor = 24; the hole is grade: B; tenor: 24",
        ]
    );
    for finding in lint(&holey) {
        let example = finding.counter_example().expect("a hole has one");
        assert!(matches!(
            holey.evaluate(&example.inputs),
            Err(NoMatch::NoRow { .. })
        ));
        assert_eq!(finding.severity(), Severity::Error);
        assert!(finding.rows().is_empty());
    }
    assert_eq!(
        messages(&table(&rate_schema(), "grade | tenor | rate")),
        ["hole: no row for grade = A, tenor = 1; the hole is the whole domain"]
    );
}

#[test]
fn a_hole_of_labels_that_no_cell_mentions() {
    let schema = schema(&["campaign: category"], &["ok: bool"]);
    let table = table(
        &schema,
        "campaign | ok\n spring, other | true\n fall | false",
    );
    assert_eq!(
        messages(&table),
        ["hole: no row for campaign = other_; the hole is campaign: not spring, other, fall"]
    );
}

#[test]
fn overlaps_are_conflicts_or_needless() {
    let table = table(
        &rate_schema(),
        "grade | tenor    | rate
         A..B  | -        | 9.9%
         B..C  | [12..60] | 11.5%
         C     | -        | 11.5%",
    );
    let findings = lint(&table);
    assert_eq!(
        messages(&table),
        [
            "conflict: rows 1 and 2 both match grade = B, tenor = 12, with different outputs",
            "needless overlap: rows 2 and 3 both match grade = C, tenor = 12, with the same outputs",
        ]
    );
    assert_eq!(findings[0].severity(), Severity::Error);
    assert_eq!(findings[1].severity(), Severity::Warning);
    assert_eq!(findings[1].rows(), [2, 3]);
}

#[test]
fn rows_that_can_never_be_chosen() {
    let table = table(
        &rate_schema(),
        "grade | tenor    | rate
         A     | -        | 9.9%
         B     | -        | 11.5%
         C     | -        | 18%
         A..B  | [6..12]  | 10%
         C     | 24       | 18%",
    );
    let unreachable: Vec<String> = messages(&table)
        .into_iter()
        .filter(|message| message.starts_with("unreachable"))
        .collect();
    assert_eq!(
        unreachable,
        [
            "unreachable: row 4 can never be chosen, rows [1, 2] take all of it, such as grade = A, tenor = 6",
            "unreachable: row 5 can never be chosen, rows [3] take all of it, such as grade = C, tenor = 24",
        ]
    );
}

/// Makes a table of boxes over many columns that overlap each other: a hard coverage query.
fn tangle() -> Table {
    let inputs: Vec<String> = (0..12).map(|n| format!("n{n}: integer(0..3)")).collect();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let schema = schema(&inputs, &["ok: bool"]);
    let header: Vec<String> = schema
        .inputs()
        .iter()
        .chain(schema.outputs())
        .map(|c| c.name.clone())
        .collect();
    let mut state = 1_u64;
    let mut below = |bound: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut rows = vec![header];
    for _ in 0..200 {
        let mut row: Vec<String> = (0..12).map(|_| "-".to_owned()).collect();
        for _ in 0..4 {
            row[below(12) as usize] = format!("not {}", below(4));
        }
        row.push("true".to_owned());
        rows.push(row);
    }
    Table::parse("tangle", &schema, &rows).expect("the table parses")
}

#[test]
fn what_is_too_complex_is_said_so() {
    let table = tangle();
    let limits = LintLimits {
        steps: 1_000,
        findings: 3,
    };
    let findings = lint_within(&table, &limits);
    let unknown: Vec<&TableFinding> = findings
        .iter()
        .filter(|f| matches!(f, TableFinding::TooComplex { .. }))
        .collect();
    assert!(!unknown.is_empty());
    assert!(
        unknown
            .iter()
            .all(|finding| finding.severity() == Severity::Error)
    );
    let message = unknown.last().map(ToString::to_string).unwrap_or_default();
    assert_eq!(
        message,
        "too complex: holes could not be decided in 1000 steps; remove overlaps first, then split \
         the table"
    );
}

#[test]
fn more_findings_than_wanted_are_counted() {
    let schema = schema(&["n: integer(1..100)", "m: integer(1..100)"], &["ok: bool"]);
    let crossing: Vec<String> = (1..=20)
        .map(|n| format!("{n} | - | true\n- | {n} | false"))
        .collect();
    let table = table(&schema, &format!("n | m | ok\n{}", crossing.join("\n")));
    let findings = lint_within(
        &table,
        &LintLimits {
            findings: 5,
            ..LintLimits::default()
        },
    );
    let conflicts: Vec<&TableFinding> = findings
        .iter()
        .filter(|finding| finding.check() == LintCheck::Conflict)
        .collect();
    assert_eq!(conflicts.len(), 6);
    assert_eq!(conflicts[5].to_string(), "395 more conflicts");
}
