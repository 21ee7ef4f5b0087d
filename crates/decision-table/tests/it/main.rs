//! Decision tables as callers see them.

mod evaluate;
mod exact;
mod findings;
mod large;
mod monotone;
mod parse;
mod random;

use fairlead_decision_table::{Column, ColumnKind, Schema, Table};

fn column(text: &str) -> Column {
    let (name, kind) = text.split_once(": ").expect("name: kind");
    Column::new(name, ColumnKind::parse(kind).expect("a kind"))
}

/// Makes a schema of columns as `name: kind`.
fn schema(inputs: &[&str], outputs: &[&str]) -> Schema {
    let columns = |texts: &[&str]| texts.iter().map(|text| column(text)).collect();
    Schema::new(columns(inputs), columns(outputs)).expect("a schema")
}

/// Reads rows of cells that are separated by bars.
fn rows(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

fn table(schema: &Schema, text: &str) -> Table {
    Table::parse("t", schema, &rows(text)).expect("the table parses")
}

/// Makes a schema from grade and tenor to rate.
fn rate_schema() -> Schema {
    schema(
        &["grade: ordered(A, B, C)", "tenor: integer(1..60 months)"],
        &["rate: rate(0%..36%)"],
    )
}
