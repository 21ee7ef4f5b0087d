//! Typed decision tables that fail closed: parse, lint, evaluate.
//!
//! A [`Table`] maps typed inputs to typed outputs by rows that a product owner writes and a
//! lawyer reads. Its external form is text (`Vec<Vec<String>>`, header first), so that a CSV file,
//! a spreadsheet or a message can carry it.
//!
//! # Columns
//! A [`Schema`] declares each column's [`ColumnKind`]; [`ColumnKind::parse`] reads them from text:
//!
//! | kind | as text | literals in cells |
//! |---|---|---|
//! | a category | `category(app, web)`, `category` (any label) | `app`, `"a label, quoted"` |
//! | an ordered category | `ordered(A, B, C)`, lowest first | `A` |
//! | a whole number | `integer(1..60 months)` | `12` |
//! | money | `money(CNY, 0..200000)` | decimals in **major** units: `1000`, `999.99` |
//! | a rate | `rate(0%..36%)` | `14.5%`, `145000ppm` |
//! | a truth value | `bool` | `true`, `false` |
//!
//! # Input cells
//! | cell | accepts |
//! |---|---|
//! | `-`, or empty | every value |
//! | `A` | that value |
//! | `A, B`; `12, [24..36]` | any of these |
//! | `A..C` | ordered categories: from `A` to `C`, both inside |
//! | `[6..12]`, `(6..12]`, `[6..12)`, `(6..12)` | numbers: square brackets include the end |
//! | `>= 1000`, `> 1000`, `<= 500`, `< 500` | numbers on one side |
//! | `not A`, `not A, B` | every value but these |
//!
//! Output cells hold one literal. The values of a cell must lie within its column's domain:
//! `[6..100]` in `integer(1..60)` is refused. `1,000` is refused, as it could mean a thousand or a
//! list. More precision than one minor unit or one part per million is refused.
//!
//! # Invariants
//! - Exactly one outcome, or none: [`Table::evaluate`] returns the outputs of the row that matches;
//!   a missing, ill-typed or out-of-range input, no row, or rows that contradict each other is a
//!   [`NoMatch`] with the reason. There are no defaults.
//! - [`lint`] is exact: it decides completeness, overlap and reachability over the whole domain
//!   by cells, not by samples. Each finding has a counter-example that [`Table::evaluate`]
//!   confirms. A check that exceeds its budget of steps is a finding, too.
//! - All arithmetic is on integers; nothing is rounded.
//!
//! # Must not depend on
//! I/O, async runtimes, protobuf, clocks or random numbers.
//!
//! # Example
//! ```
//! use fairlead_decision_table::{Column, ColumnKind, Schema, Table, Value, lint};
//! use fairlead_domain::RatePpm;
//!
//! let schema = Schema::new(
//!     vec![
//!         Column::new("grade", ColumnKind::parse("ordered(A, B, C)")?),
//!         Column::new("tenor", ColumnKind::parse("integer(1..60 months)")?),
//!     ],
//!     vec![Column::new("rate", ColumnKind::parse("rate(0%..36%)")?)],
//! )?;
//! let rows = [
//!     ["grade", "tenor", "rate"],
//!     ["A..B", "<= 12", "9.9%"],
//!     ["A..B", "[13..60]", "11.5%"],
//!     ["C", "< 24", "18%"],
//! ];
//! let rows: Vec<Vec<String>> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
//! let table = Table::parse("cash-loan", &schema, &rows).expect("every cell parses");
//!
//! let found = table.evaluate(&["B".into(), Value::Integer(24)])?;
//! assert_eq!(found.row, 2);
//! assert_eq!(found.outputs, [Value::Rate(RatePpm::new(115_000)?)]);
//!
//! assert!(table.evaluate(&["C".into(), Value::Integer(36)]).is_err());
//! let findings = lint(&table);
//! assert_eq!(findings.len(), 1);
//! assert_eq!(
//!     findings[0].to_string(),
//!     "hole: no row for grade = C, tenor = 24; the hole is grade: C; tenor: [24..60]"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cell;
mod domain;
mod evaluate;
mod grid;
mod kind;
mod lint;
mod literal;
mod parser;
mod schema;
mod set;
mod table;
mod value;

pub use evaluate::{Match, NoMatch};
pub use kind::ColumnKind;
pub use lint::{
    Descent, Direction, Example, LintCheck, LintLimits, Monotone, Region, Severity, TableFinding,
    lint, lint_within, not_monotone,
};
pub use schema::{Column, Schema, SchemaError};
pub use table::{MAX_INDEX_WORDS, ParseError, Row, Table, TableLocation};
pub use value::Value;
