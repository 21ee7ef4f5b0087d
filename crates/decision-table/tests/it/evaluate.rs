//! Evaluation fails closed: one outcome, or the reason why there is none.

use fairlead_decision_table::{NoMatch, Table, Value};
use fairlead_domain::{Currency, Money, RatePpm};

use crate::{rate_schema, schema, table};

fn rate(ppm: i64) -> Value<'static> {
    Value::Rate(RatePpm::new(ppm).expect("a rate"))
}

#[test]
fn the_row_that_matches_gives_its_outputs() {
    let table = table(
        &rate_schema(),
        "grade | tenor    | rate
         A..B  | <= 12    | 9.9%
         A..B  | [13..60] | 11.5%
         C     | -        | 18%",
    );
    for (grade, tenor, row, ppm) in [
        ("A", 12, 1, 99_000),
        ("B", 13, 2, 115_000),
        ("C", 1, 3, 180_000),
        ("C", 60, 3, 180_000),
    ] {
        let found = table
            .evaluate(&[grade.into(), Value::Integer(tenor)])
            .expect("a row");
        assert_eq!(
            (found.row, found.outputs),
            (row, &[rate(ppm)][..]),
            "{grade} {tenor}"
        );
        assert_eq!(found.output("rate"), Some(&rate(ppm)));
        assert_eq!(found.output("fee"), None);
    }
}

/// Makes a table from grade and amount to rate, with a gap and a contradiction in grade B and no
/// row for C.
fn flawed() -> Table {
    let schema = schema(
        &["grade: ordered(A, B, C)", "amount: money(CNY, 0..200000)"],
        &["rate: rate(0%..36%)"],
    );
    table(
        &schema,
        "grade | amount    | rate
         A     | < 5000    | 9.9%
         A     | >= 5000   | 8.9%
         B     | [1000..2000] | 12%
         B     | (1500..2500] | 13%",
    )
}

fn yuan(minor: i64) -> Value<'static> {
    Value::Money(Money::new(minor, Currency::CNY))
}

const AMOUNTS: &str = "CNY from 0 to 200000, with at most 2 decimal places";

#[test]
fn what_is_no_input_has_no_outcome_and_a_reason() {
    let dollar = Value::Money(Money::new(1, Currency::USD));
    let cases: [(Vec<Value<'_>>, String); 8] = [
        (
            vec!["A".into()],
            "was given 1 values; allowed: 2, one per input".into(),
        ),
        (
            vec![Value::Missing, yuan(1)],
            "input \"grade\" is missing; allowed: A, B, C".into(),
        ),
        (
            vec!["A".into(), None::<Money>.into()],
            format!("input \"amount\" is missing; allowed: {AMOUNTS}"),
        ),
        (
            vec!["E".into(), yuan(1)],
            "input \"grade\" is E; allowed: A, B, C".into(),
        ),
        (
            vec!["".into(), yuan(1)],
            "input \"grade\" is ; allowed: A, B, C".into(),
        ),
        (
            vec!["A".into(), yuan(20_000_001)],
            format!("input \"amount\" is 200,000.01 CNY; allowed: {AMOUNTS}"),
        ),
        (
            vec!["A".into(), dollar],
            format!("input \"amount\" is 0.01 USD, money; allowed: {AMOUNTS}"),
        ),
        (
            vec!["A".into(), Value::Integer(7)],
            format!("input \"amount\" is 7, a whole number; allowed: {AMOUNTS}"),
        ),
    ];
    for (inputs, expected) in cases {
        let error = flawed().evaluate(&inputs).expect_err(&expected).to_string();
        assert!(error.starts_with("table \"t\""), "{error}");
        assert!(error.ends_with(&expected), "{error} instead of {expected}");
    }
}

#[test]
fn no_row_and_rows_that_contradict_each_other_have_no_outcome() {
    let table = flawed();
    let reason = |grade: &'static str, minor| {
        let error = table
            .evaluate(&[grade.into(), yuan(minor)])
            .expect_err("no outcome");
        error.to_string()
    };
    assert_eq!(
        reason("B", 99_999),
        r#"table "t" has no row for grade = B, amount = 999.99: input "amount" rules out the last rows"#
    );
    assert_eq!(
        reason("C", 1),
        r#"table "t" has no row for grade = C, amount = 0.01: input "grade" rules out the last rows"#
    );
    assert_eq!(
        reason("B", 150_001),
        r#"table "t" contradicts itself for grade = B, amount = 1500.01: rows [3, 4] all match"#
    );
}

#[test]
fn ranges_end_at_the_cent() {
    let table = flawed();
    let row = |grade: &'static str, minor| {
        table
            .evaluate(&[grade.into(), yuan(minor)])
            .map(|found| found.row)
            .ok()
    };
    assert_eq!(row("A", 499_999), Some(1));
    assert_eq!(row("A", 500_000), Some(2));
    assert_eq!(row("A", 20_000_000), Some(2));
    assert_eq!((row("B", 99_999), row("B", 100_000)), (None, Some(3)));
    assert_eq!((row("B", 150_000), row("B", 200_001)), (Some(3), Some(4)));
}

#[test]
fn rows_with_the_same_outputs_do_not_contradict_each_other() {
    let table = table(
        &rate_schema(),
        "grade | tenor    | rate
         A..B  | [1..24]  | 9.9%
         B..C  | [12..60] | 9.9%
         A     | [25..60] | 12%",
    );
    let inputs = [Value::from("B"), Value::Integer(18)];
    assert_eq!(table.matching_rows(&inputs), Ok(vec![1, 2]));
    assert_eq!(table.evaluate(&inputs).map(|found| found.row), Ok(1));
}

#[test]
fn a_table_without_rows_or_inputs_is_total_in_its_way() {
    let empty = table(&rate_schema(), "grade | tenor | rate");
    let error = empty
        .evaluate(&["A".into(), Value::Integer(1)])
        .expect_err("no rows");
    assert!(matches!(error, NoMatch::NoRow { input, .. } if input.is_empty()));
    let constant = table(&schema(&[], &["rate: rate"]), "rate\n 5%");
    assert_eq!(
        constant.evaluate(&[]).map(|found| found.outputs),
        Ok(&[rate(50_000)][..])
    );
}
