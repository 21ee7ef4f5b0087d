//! A rate card: what it gives, what is wrong with a draft of it, and what it refuses.
//!
//! `cargo run --release -p fairlead-decision-table --example rate_card`

use std::error::Error;

use fairlead_decision_table::{
    Column, ColumnKind, Direction, Monotone, Schema, Table, Value, lint, not_monotone,
};
use fairlead_domain::{Currency, Money};

const DRAFT: &str = "
    grade | tenor    | amount     | channel   | rate
    A     | <= 12    | -          | -         | 7.9%
    A     | > 12     | < 50000    | -         | 9.9%
    A     | > 12     | >= 50000   | -         | 8.9%
    B     | -        | <= 30000   | app, web  | 12.5%
    B     | -        | <= 30000   | branch    | 13.5%
    B     | > 24     | > 30000    | -         | 14%
    C     | <= 24    | <= 30000   | -         | 13%
    C     | [24..36] | <= 30000   | -         | 18%
";

fn schema() -> Result<Schema, Box<dyn Error>> {
    let column =
        |name: &str, kind: &str| ColumnKind::parse(kind).map(|kind| Column::new(name, kind));
    Ok(Schema::new(
        vec![
            column("grade", "ordered(A, B, C)")?,
            column("tenor", "integer(3..36 months)")?,
            column("amount", "money(CNY, 1000..200000)")?,
            column("channel", "category(app, web, branch)")?,
        ],
        vec![column("rate", "rate(0%..24%)")?],
    )?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let lines = DRAFT.lines().map(str::trim).filter(|line| !line.is_empty());
    let rows: Vec<Vec<String>> = lines
        .map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect();
    let table = Table::parse("cash-loan", &schema()?, &rows).map_err(|errors| {
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    })?;

    println!("lint:");
    let rule = Monotone {
        input: "grade",
        output: "rate",
        direction: Direction::NotDecreasing,
    };
    for finding in lint(&table).into_iter().chain(not_monotone(&table, &rule)?) {
        println!("  {:?}: {finding}", finding.severity());
    }

    println!("evaluate:");
    for (grade, tenor, yuan) in [
        ("A", 12, 20_000),
        ("B", 12, 20_000),
        ("C", 24, 20_000),
        ("C", 36, 80_000),
        ("D", 12, 1),
    ] {
        let amount = Money::new(yuan * 100, Currency::CNY);
        let inputs = [
            grade.into(),
            Value::Integer(tenor),
            amount.into(),
            "app".into(),
        ];
        match table.evaluate(&inputs) {
            Ok(found) => println!("  row {} gives {}", found.row, found.outputs[0]),
            Err(reason) => println!("  {reason}"),
        }
    }
    Ok(())
}
