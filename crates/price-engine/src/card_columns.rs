//! The columns of a rate card: inputs from the allow-list alone, outputs that are rates.

use fairlead_decision_table::{Column, ColumnKind};
use fairlead_domain::Currency;
use fairlead_proto::control::v1 as pb;

use crate::error::Checks;
use crate::rate_card::table_error;

/// An input of the allow-list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CardInput {
    Product,
    Grade,
    Tenor,
    Amount,
    Channel,
    Segment,
    Campaign,
}

impl CardInput {
    const ALLOWED: [(&'static str, Self); 7] = [
        ("product", Self::Product),
        ("grade", Self::Grade),
        ("tenor", Self::Tenor),
        ("amount", Self::Amount),
        ("channel", Self::Channel),
        ("segment", Self::Segment),
        ("campaign", Self::Campaign),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALLOWED
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, input)| input)
    }

    /// Returns the kind that a column of this input must have, or `None` where `kind` is one.
    fn wanted(self, kind: &ColumnKind, currency: Currency) -> Option<String> {
        let (fits, wanted) = match self {
            Self::Product | Self::Channel | Self::Segment | Self::Campaign => (
                matches!(kind, ColumnKind::Category { .. }),
                "category(...)".to_owned(),
            ),
            Self::Grade => (
                matches!(kind, ColumnKind::Ordered { .. }),
                "ordered(...)".to_owned(),
            ),
            Self::Tenor => (
                matches!(kind, ColumnKind::Integer { .. }),
                "integer(1..60 months)".to_owned(),
            ),
            Self::Amount => (
                matches!(kind, ColumnKind::Money { currency: own, .. } if *own == currency),
                format!("money({currency}, ...)"),
            ),
        };
        (!fits).then_some(wanted)
    }
}

/// The outputs that a card must and may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outputs {
    /// For credit: a rate, and perhaps a discount off it.
    Rate,
    /// For funds: a discount, the share of the fee that is taken off.
    Discount,
}

/// Returns the input columns; notes errors and returns `None` where one is not allowed.
pub(crate) fn input_columns(
    columns: &[pb::Column],
    currency: Currency,
    checks: &mut Checks,
) -> Option<Vec<(CardInput, Column)>> {
    let mut found = Vec::with_capacity(columns.len());
    for column in columns {
        let Some(input) = CardInput::named(&column.name) else {
            let allowed: Vec<&str> = CardInput::ALLOWED.iter().map(|(name, _)| *name).collect();
            let allowed = format!("one of {}", allowed.join(", "));
            checks.require(false, "rate_card.inputs", &column.name, allowed);
            continue;
        };
        match ColumnKind::parse(&column.kind) {
            Ok(kind) => {
                if let Some(wanted) = input.wanted(&kind, currency) {
                    let field = format!("rate_card.inputs.{}", column.name);
                    checks.require(false, field, &column.kind, wanted);
                }
                found.push((input, Column::new(&column.name, kind)));
            }
            Err(error) => table_error(checks, format!("column {}: {error}", column.name)),
        }
    }
    (found.len() == columns.len()).then_some(found)
}

/// Returns the output columns; notes errors and returns `None` where one is not allowed or the
/// needed one is absent.
pub(crate) fn output_columns(
    columns: &[pb::Column],
    outputs: Outputs,
    checks: &mut Checks,
) -> Option<Vec<Column>> {
    let (needed, allowed): (&str, &[&str]) = match outputs {
        Outputs::Rate => ("rate", &["rate", "discount"]),
        Outputs::Discount => ("discount", &["discount"]),
    };
    let present = columns.iter().any(|column| column.name == needed);
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    checks.require(
        present,
        "rate_card.outputs",
        names.join(", "),
        format!("`{needed}` among them"),
    );
    let mut found = Vec::with_capacity(columns.len());
    for column in columns {
        let known = allowed.contains(&column.name.as_str());
        checks.require(
            known,
            "rate_card.outputs",
            &column.name,
            format!("one of {}", allowed.join(", ")),
        );
        match ColumnKind::parse(&column.kind) {
            Ok(kind @ ColumnKind::Rate { .. }) => found.push(Column::new(&column.name, kind)),
            Ok(_) => {
                let field = format!("rate_card.outputs.{}", column.name);
                checks.require(false, field, &column.kind, "rate(...)");
            }
            Err(error) => table_error(checks, format!("column {}: {error}", column.name)),
        }
    }
    (present && found.len() == columns.len()).then_some(found)
}
