//! Prices: the price engine compiles the release, and its errors are findings.

use fairlead_price_engine::{Engine, Error, Source, ValueFault};
use fairlead_proto::control::v1::Release;

use crate::finding::{Finding, Rule, one_of};
use crate::old_form::current_form;

/// Compiles the strategies, what holds their prices, the law, the scorecards and the products of a
/// release. Adds a finding
/// for each error, and returns `None` where there is one.
pub(crate) fn compile(release: &Release, findings: &mut Vec<Finding>) -> Option<Engine> {
    let release = current_form(release);
    Engine::compile(&Source::of_release(&release))
        .map_err(|errors| findings.extend(errors.into_iter().map(Finding::from)))
        .ok()
}

impl From<Error> for Finding {
    fn from(error: Error) -> Self {
        match error {
            Error::Value {
                fault,
                subject,
                field,
                value,
                allowed,
            } => {
                let thing = format!("{subject}: {field}");
                Self::error(rule_of(fault), thing, value, allowed)
            }
            Error::Missing {
                subject,
                field,
                name,
                known,
            } => {
                let allowed = one_of(known.iter().map(String::as_str));
                Self::error(Rule::Unknown, format!("{subject}: {field}"), name, allowed)
            }
            Error::RateCard {
                subject,
                row,
                cause,
            } => {
                let thing = format!("{subject}: rate_card");
                let allowed = format!("a decision table that parses ({cause})");
                let value = row.map_or_else(|| "the table".to_owned(), |row| format!("row {row}"));
                Self {
                    rows: row
                        .and_then(|row| row.try_into().ok())
                        .into_iter()
                        .collect(),
                    ..Self::error(Rule::RateCard, thing, value, allowed)
                }
            }
            Error::NotMonotone {
                subject,
                better_row,
                worse_row,
                example,
                cause,
            } => {
                let thing = format!("{subject}: rate_card");
                let allowed = format!("rates by which no worse grade pays less ({cause})");
                let rows = [better_row, worse_row];
                Self {
                    rows: rows
                        .into_iter()
                        .filter_map(|row| row.try_into().ok())
                        .collect(),
                    ..Self::error(Rule::NotMonotone, thing, example, allowed)
                }
            }
            Error::NoRate(_) | Error::Default { .. } => {
                let allowed = "prices that can be computed";
                Self::error(Rule::Contradiction, "prices", error, allowed)
            }
        }
    }
}

fn rule_of(fault: ValueFault) -> Rule {
    match fault {
        ValueFault::Absent => Rule::Missing,
        ValueFault::Range => Rule::Range,
        ValueFault::Currency => Rule::Currency,
        ValueFault::Duplicate => Rule::Duplicate,
        ValueFault::Contradiction => Rule::Contradiction,
    }
}
