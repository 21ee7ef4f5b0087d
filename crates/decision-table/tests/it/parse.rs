//! Parsing: every error at once, each with table, row, column, text and what is allowed.

use fairlead_decision_table::{Column, ColumnKind, Schema, Table, TableLocation, Value};
use fairlead_domain::{Currency, Money, RatePpm};

use crate::{rate_schema, rows, schema, table};

#[test]
fn a_table_of_every_kind() {
    let schema = schema(
        &[
            "product: category(cash, plan)",
            "grade: ordered(A, B, C)",
            "tenor: integer(1..60 months)",
            "amount: money(CNY, 0..200000)",
            "margin: rate(-5%..5%)",
            "campaign: category",
            "returning: bool",
        ],
        &[
            "rate: rate(0%..36%)",
            "fee: money(CNY, 0..100)",
            "tier: ordered(low, high)",
        ],
    );
    // The header may name the columns in any order, and the cells follow it.
    let table = table(
        &schema,
        "rate  | product | grade | tenor   | amount          | margin | campaign      | returning | fee   | tier
         14.5% | cash    | A..B  | [6..12) | >= 1000         | -      | not spring    | -         | 9.90  | low
         1%    | not cash| C     | 12, 24  | (0..999.99]     | < 0%   | spring, fall  | true      | 0     | high",
    );
    assert_eq!(table.schema(), &schema);
    let first = table.row(1).expect("there is a row");
    let yuan = |minor| Value::Money(Money::new(minor, Currency::CNY));
    let rate = |ppm| Value::Rate(RatePpm::new(ppm).expect("a rate"));
    assert_eq!(first.outputs(), [rate(145_000), yuan(990), "low".into()]);
    assert_eq!(first.cell(1), Some("A..B"));
    assert_eq!(first.ranges(0), [("cash".into(), "cash".into())]);
    assert_eq!(first.ranges(1), [("A".into(), "B".into())]);
    assert_eq!(first.ranges(2), [(Value::Integer(6), Value::Integer(11))]);
    assert_eq!(first.ranges(3), [(yuan(100_000), yuan(20_000_000))]);
    assert_eq!(first.ranges(4), [(rate(-50_000), rate(50_000))]);
    assert_eq!(
        first.ranges(5),
        [
            ("fall".into(), "fall".into()),
            ("other".into(), "other".into())
        ]
    );
    assert!(first.accepts(5, &"never mentioned".into()));
    assert!(!first.accepts(5, &"spring".into()));
    assert!(!first.accepts(2, &"6".into()), "a label is no number");
    let second = table.row(2).expect("there is a row");
    assert_eq!(second.ranges(3), [(yuan(1), yuan(99_999))]);
    assert_eq!(second.ranges(4), [(rate(-50_000), rate(-1))]);
    assert_eq!(second.ranges(6), [(Value::Bool(true), Value::Bool(true))]);
    assert!(table.row(0).is_none() && table.row(3).is_none());
    assert_eq!(table.rows().len(), 2);
}

#[test]
fn every_error_is_reported_at_once_and_named() {
    let errors = Table::parse(
        "cash-loan",
        &rate_schema(),
        &rows(
            "grade | tenor  | rate
             A     | [1..60]| 9.9%
             E     | 6..12  | 14.50001%
             B     | -
             C..A  | -      | -",
        ),
    )
    .expect_err("five cells and a row are wrong");
    let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let expected = [
        r#"table "cash-loan", row 2, column "grade", cell "E": "E" is none of the labels; allowed: A, B, C; as -, one of them, a list, A..C from low to high, not ..."#,
        r#"table "cash-loan", row 2, column "tenor", cell "6..12": "6..12" does not say whether its ends belong to it; allowed: whole numbers from 1 to 60 months; as -"#,
        r#"table "cash-loan", row 2, column "rate", cell "14.50001%": "14.50001" has more than 4 decimal places (1% is 10000ppm); allowed: one of rates from 0% to 36%, such as 14.5% or 145000ppm"#,
        r#"table "cash-loan", row 3, column "", cell "B | -": it has 2 cells; allowed: 3 cells, one per column"#,
        r#"table "cash-loan", row 4, column "grade", cell "C..A": "C..A" goes from high to low"#,
        r#"table "cash-loan", row 4, column "rate", cell "-": there is no value"#,
    ];
    assert_eq!(messages.len(), expected.len(), "{messages:#?}");
    for (message, expected) in messages.iter().zip(expected) {
        assert!(message.starts_with(expected), "{message}\n{expected}");
    }
}

#[test]
fn headers_that_do_not_fit() {
    let cases: [(&str, &str, &str); 4] = [
        ("grade | rate", "tenor", "it stands there 0 times"),
        (
            "grade | grade | tenor | rate",
            "grade",
            "it stands there 2 times",
        ),
        (
            "grade | tenor | rate | colour",
            "colour",
            "there is no such column",
        ),
        ("Grade | tenor | rate", "grade", "it stands there 0 times"),
    ];
    for (header, column, problem) in cases {
        let errors = Table::parse("t", &rate_schema(), &rows(header)).expect_err(header);
        let error = &errors[0];
        assert_eq!(
            (error.location, error.column.as_str()),
            (TableLocation::Header, column),
            "{header}"
        );
        assert_eq!(error.problem, problem, "{header}");
        assert_eq!(error.allowed, "each of grade, tenor, rate once");
    }
    let errors = Table::parse("t", &rate_schema(), &[]).expect_err("no header");
    assert_eq!(errors[0].location, TableLocation::Header);
}

#[test]
fn schemas_that_are_refused() {
    let column = |name: &str| Column::new(name, ColumnKind::Bool);
    let message = |inputs, outputs| {
        Schema::new(inputs, outputs)
            .expect_err("refused")
            .to_string()
    };
    assert!(message(vec![column("a")], vec![]).contains("at least one output"));
    assert!(message(vec![column("a")], vec![column("a")]).contains("\"a\""));
    assert!(message(vec![column("")], vec![column("a")]).contains("a name of its own"));
    let empty = Column::new("grade", ColumnKind::ordered(Vec::<String>::new()));
    assert!(message(vec![empty], vec![column("a")]).contains("column \"grade\""));
    let reversed = Column::new(
        "n",
        ColumnKind::Integer {
            min: 2,
            max: 1,
            unit: String::new(),
        },
    );
    assert!(message(vec![reversed], vec![column("a")]).contains("bounds are 2 and 1"));
    let huge = Column::new(
        "n",
        ColumnKind::Integer {
            min: i64::MIN,
            max: i64::MAX,
            unit: String::new(),
        },
    );
    assert!(message(vec![huge], vec![column("a")]).contains("10^15"));
}

#[test]
fn a_table_too_large_to_index_is_refused() {
    let inputs: Vec<String> = (0..8)
        .map(|n| format!("n{n}: integer(0..1000000)"))
        .collect();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let schema = schema(&inputs, &["ok: bool"]);
    let header = schema
        .inputs()
        .iter()
        .chain(schema.outputs())
        .map(|c| c.name.clone())
        .collect();
    let cell = |row: usize| {
        [row.to_string()]
            .into_iter()
            .cycle()
            .take(8)
            .chain(["true".into()])
    };
    let rows: Vec<Vec<String>> = [header]
        .into_iter()
        .chain((0..10_000).map(|row| cell(row).collect()))
        .collect();
    let errors = Table::parse("big", &schema, &rows).expect_err("too large");
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].location, TableLocation::Table);
    assert!(
        errors[0].to_string().contains("10000 rows"),
        "{}",
        errors[0]
    );
}
