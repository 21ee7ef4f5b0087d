//! Outputs that must go one way along an ordered input.

use fairlead_decision_table::{Direction, Monotone, TableFinding, Value, not_monotone};
use fairlead_domain::{Currency, Money};

use crate::{rate_schema, schema, table};

const RATE_RISES_WITH_GRADE: Monotone<'_> = Monotone {
    input: "grade",
    output: "rate",
    direction: Direction::NotDecreasing,
};

#[test]
fn a_worse_grade_never_has_a_lower_rate() {
    let right = table(
        &rate_schema(),
        "grade | tenor    | rate
         A     | -        | 9.9%
         B     | <= 12    | 9.9%
         B     | > 12     | 12%
         C     | -        | 12%",
    );
    assert_eq!(not_monotone(&right, &RATE_RISES_WITH_GRADE), Ok(vec![]));
    let wrong = table(
        &rate_schema(),
        "grade | tenor    | rate
         A     | [1..24]  | 9.9%
         A     | [25..60] | 13%
         B..C  | [1..36]  | 12%
         B..C  | [37..60] | 15%",
    );
    let findings = not_monotone(&wrong, &RATE_RISES_WITH_GRADE).expect("both have an order");
    let messages: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            "not monotone: along grade the output rate must not decrease, but it is 13.00 % at \
             grade = A, tenor = 25 (row 2) and 12.00 % at grade = B, tenor = 25 (row 3)"
        ]
    );
    let [TableFinding::NotMonotone(descent)] = findings.as_slice() else {
        panic!("{findings:?}")
    };
    assert_eq!(descent.rows, (2, 3));
    let found = wrong
        .evaluate(&descent.examples.0.inputs)
        .expect("it matches");
    assert_eq!((found.row, &found.outputs[0]), (2, &descent.outputs.0));
    let found = wrong
        .evaluate(&descent.examples.1.inputs)
        .expect("it matches");
    assert_eq!((found.row, &found.outputs[0]), (3, &descent.outputs.1));
}

#[test]
fn a_worse_grade_never_has_a_higher_limit() {
    let schema = schema(
        &["grade: ordered(A, B, C)", "income: money(CNY, 0..100000)"],
        &["limit: money(CNY, 0..200000)", "tier: ordered(low, high)"],
    );
    let table = table(
        &schema,
        "grade | income   | limit  | tier
         A     | -        | 50000  | high
         B     | < 5000   | 20000  | low
         B     | >= 5000  | 50000.01 | high
         C     | -        | 10000  | low",
    );
    let along = |input, output, direction| {
        not_monotone(
            &table,
            &Monotone {
                input,
                output,
                direction,
            },
        )
        .expect("both have an order")
    };
    let findings = along("grade", "limit", Direction::NotIncreasing);
    assert_eq!(findings.len(), 1);
    let example = findings[0].counter_example().expect("it has one");
    let yuan = |minor| Value::Money(Money::new(minor, Currency::CNY));
    assert_eq!(example.inputs, ["A".into(), yuan(500_000)]);
    assert_eq!(along("income", "limit", Direction::NotDecreasing), []);
    assert_eq!(along("grade", "tier", Direction::NotIncreasing), []);
    // From A to the poor B, and from A and from the rich B to C.
    let falls = along("grade", "tier", Direction::NotDecreasing);
    let mut rows: Vec<Vec<usize>> = falls.iter().map(TableFinding::rows).collect();
    rows.sort();
    assert_eq!(rows, [[1, 2], [1, 4], [3, 4]]);
}

#[test]
fn a_rule_about_what_has_no_order_is_refused() {
    let schema = schema(
        &["channel: category(app, web)", "n: integer(1..9)"],
        &["rate: rate"],
    );
    let table = table(&schema, "channel | n | rate\n - | - | 1%");
    let along = |input, output| {
        let rule = Monotone {
            input,
            output,
            direction: Direction::NotDecreasing,
        };
        not_monotone(&table, &rule)
            .expect_err("refused")
            .to_string()
    };
    assert_eq!(
        along("channel", "rate"),
        r#"input "channel": it has no order; allowed: n"#
    );
    assert_eq!(
        along("grade", "rate"),
        r#"input "grade": there is no such column; allowed: n"#
    );
    assert_eq!(
        along("n", "fee"),
        r#"output "fee": there is no such column; allowed: rate"#
    );
}
