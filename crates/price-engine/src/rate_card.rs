//! The rate card: a decision table over allow-listed inputs that gives a rate and a discount.
//!
//! Only product, grade, tenor, amount, channel, segment and campaign can be columns. What is not in
//! the list cannot reach a price: not habit, not device, not willingness to pay.

use std::collections::BTreeSet;

use fairlead_decision_table::{
    Column, Direction, Finding, Kind, Monotone, NoMatch, ParseError, Place, Row, Schema, Table,
    Value, not_monotone,
};
use fairlead_domain::{Currency, Money, RatePpm};
use fairlead_proto::control::v1 as pb;
use smallvec::SmallVec;

use crate::Error;
use crate::card_columns::{Input, Outputs, input_columns, output_columns};
use crate::error::Checks;
use crate::inputs::CardInputs;
use crate::refusal::{Cause, Refused, refuse};
use crate::risk::Grades;

/// What a card offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CardOffer {
    /// 1-based row.
    pub(crate) row: i32,
    pub(crate) rate_ppm: i64,
    /// Taken off; never negative, so that a discount only lowers.
    pub(crate) discount_ppm: i64,
}

impl CardOffer {
    /// The rate after the discount.
    pub(crate) fn net_ppm(&self) -> i64 {
        self.rate_ppm - self.discount_ppm
    }
}

/// A rate card, parsed.
#[derive(Debug)]
pub(crate) struct RateCard {
    table: Table,
    inputs: Vec<Input>,
    rate: Option<usize>,
    discount: Option<usize>,
    currency: Currency,
    breaks: Vec<i64>,
}

impl RateCard {
    pub(crate) fn compile(
        card: &pb::RateCard,
        (outputs, currency): (Outputs, Currency),
        checks: &mut Checks,
    ) -> Option<Self> {
        let inputs = input_columns(&card.inputs, currency, checks)?;
        let (kinds, columns): (Vec<Input>, Vec<Column>) = inputs.into_iter().unzip();
        let schema = Schema::new(columns, output_columns(&card.outputs, outputs, checks)?);
        let schema = schema
            .map_err(|error| whole(checks, error.to_string()))
            .ok()?;
        let (rate, discount) = (schema.output("rate"), schema.output("discount"));
        let header = card
            .inputs
            .iter()
            .chain(&card.outputs)
            .map(|column| column.name.clone());
        let mut rows: Vec<Vec<String>> = vec![header.collect()];
        rows.extend(card.rows.iter().map(|row| row.cells.clone()));
        let name = format!("rate card of {}", checks.subject());
        let table = match Table::parse(&name, &schema, &rows) {
            Ok(table) => table,
            Err(errors) => {
                for error in &errors {
                    refused_cell(checks, error);
                }
                return None;
            }
        };
        let breaks = breaks_of(&table, &kinds);
        let card = Self {
            table,
            inputs: kinds,
            rate,
            discount,
            currency,
            breaks,
        };
        card.check_discounts(outputs, checks);
        Some(card)
    }

    /// What the card offers for some inputs; no row, a missing input or one out of range is a
    /// refusal, never a default.
    pub(crate) fn look_up(&self, inputs: &CardInputs<'_>) -> Result<CardOffer, Refused> {
        let values: SmallVec<[Value<'_>; 8]> = self
            .inputs
            .iter()
            .map(|input| self.value(*input, inputs))
            .collect();
        let found = self.table.evaluate(&values).map_err(|why| no_match(&why))?;
        Ok(self.offer(found.row, found.outputs))
    }

    fn value<'a>(&self, input: Input, inputs: &CardInputs<'a>) -> Value<'a> {
        match input {
            Input::Product => inputs.product.into(),
            Input::Grade => inputs.grade.into(),
            Input::Tenor => inputs.tenor.map(i64::from).into(),
            Input::Amount => Money::new(inputs.amount, self.currency).into(),
            Input::Channel => inputs.channel.into(),
            Input::Segment => inputs.segment.into(),
            Input::Campaign => inputs.campaign.into(),
        }
    }

    fn offer(&self, row: usize, outputs: &[Value<'static>]) -> CardOffer {
        let rate = |at: Option<usize>| match at.and_then(|at| outputs.get(at)) {
            Some(Value::Rate(rate)) => rate.ppm(),
            _ => 0,
        };
        CardOffer {
            row: i32::try_from(row).unwrap_or(i32::MAX),
            rate_ppm: rate(self.rate),
            discount_ppm: rate(self.discount),
        }
    }

    /// Amounts at which what the card offers may change, minor units, ascending.
    pub(crate) fn breaks(&self) -> &[i64] {
        &self.breaks
    }

    /// The table, for its own lint.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Every row with what it offers.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (Row<'_>, CardOffer)> {
        self.table
            .rows()
            .map(|row| (row, self.offer(row.number(), row.outputs())))
    }

    /// Whether a row takes an input's value; yes where the card has no such column.
    pub(crate) fn takes(&self, row: Row<'_>, input: Input, value: &Value<'_>) -> bool {
        self.column(input)
            .is_none_or(|column| row.accepts(column, value))
    }

    /// The amounts that a row takes, both ends inside, minor units; all of them where the card has
    /// no such column.
    pub(crate) fn amounts(&self, row: Row<'_>) -> Vec<(i64, i64)> {
        self.column(Input::Amount).map_or_else(
            || vec![(i64::MIN, i64::MAX)],
            |column| money_ranges(row, column).collect(),
        )
    }

    pub(crate) fn column(&self, input: Input) -> Option<usize> {
        self.inputs.iter().position(|one| *one == input)
    }

    fn check_discounts(&self, outputs: Outputs, checks: &mut Checks) {
        for (row, offer) in self.rows() {
            let most = match outputs {
                Outputs::Rate => offer.rate_ppm,
                Outputs::Discount => 1_000_000,
            };
            let fits = (0..=most).contains(&offer.discount_ppm) && offer.rate_ppm >= 0;
            if !fits {
                checks.push(Error::RateCard {
                    subject: checks.subject().to_owned(),
                    row: Some(row.number()),
                    cause: format!(
                        "row {}: discount `{} ppm` is not allowed: 0 to {most} ppm",
                        row.number(),
                        offer.discount_ppm
                    ),
                });
            }
        }
    }

    /// Checks that the grade column holds the strategy's grades, best first, and that no worse
    /// grade pays less after its discount, all else equal.
    pub(crate) fn check_grades(&self, grades: &Grades, checks: &mut Checks) {
        let Some(column) = self.column(Input::Grade) else {
            return;
        };
        if let Kind::Ordered { order } = &self.table.schema().inputs()[column].kind {
            checks.require(
                order.iter().map(String::as_str).eq(grades.names()),
                "rate_card.inputs.grade",
                order.join(", "),
                format!(
                    "the strategy's grades, best first: {}",
                    grades.names().collect::<Vec<_>>().join(", ")
                ),
            );
        }
        // A discount above its rate was named before.
        if self.rows().any(|(_, offer)| offer.net_ppm() < 0) {
            return;
        }
        let net = match self.net_table() {
            Ok(net) => net,
            Err(cause) => return whole(checks, cause),
        };
        let rule = Monotone {
            input: "grade",
            output: "net",
            direction: Direction::NotDecreasing,
        };
        match not_monotone(&net, &rule) {
            Ok(findings) => {
                for finding in findings {
                    checks.push(worse_pays_less(checks.subject(), &finding));
                }
            }
            Err(error) => whole(checks, error.to_string()),
        }
    }

    /// The same rows with one output: the rate after the discount.
    fn net_table(&self) -> Result<Table, String> {
        let schema = self.table.schema();
        let net = Kind::Rate {
            min: RatePpm::ZERO,
            max: RatePpm::MAX,
        };
        let names = schema.inputs().iter().map(|column| column.name.clone());
        let mut rows: Vec<Vec<String>> = vec![names.chain(["net".to_owned()]).collect()];
        rows.extend(self.rows().map(|(row, offer)| {
            let cells = (0..schema.inputs().len()).filter_map(|input| row.cell(input));
            cells
                .map(str::to_owned)
                .chain([format!("{}ppm", offer.net_ppm())])
                .collect()
        }));
        let schema = Schema::new(schema.inputs().to_vec(), vec![Column::new("net", net)]);
        let schema = schema.map_err(|error| error.to_string())?;
        Table::parse(self.table.name(), &schema, &rows).map_err(|errors| {
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        })
    }
}

pub(crate) fn whole(checks: &mut Checks, cause: String) {
    checks.push(Error::RateCard {
        subject: checks.subject().to_owned(),
        row: None,
        cause,
    });
}

fn refused_cell(checks: &mut Checks, error: &ParseError) {
    checks.push(Error::RateCard {
        subject: checks.subject().to_owned(),
        row: match error.place {
            Place::Row(row) => Some(row),
            Place::Table | Place::Header => None,
        },
        cause: error.to_string(),
    });
}

fn worse_pays_less(subject: &str, finding: &Finding) -> Error {
    let rows = finding.rows();
    let example = match finding {
        Finding::NotMonotone(descent) => descent.examples.1.to_string(),
        _ => String::new(),
    };
    Error::NotMonotone {
        subject: subject.to_owned(),
        rows: (
            rows.first().copied().unwrap_or(0),
            rows.get(1).copied().unwrap_or(0),
        ),
        example,
        cause: finding.to_string(),
    }
}

fn money_ranges(row: Row<'_>, column: usize) -> impl Iterator<Item = (i64, i64)> {
    row.ranges(column)
        .into_iter()
        .filter_map(|range| match range {
            (Value::Money(low), Value::Money(high)) => Some((low.minor(), high.minor())),
            _ => None,
        })
}

/// Where a stretch of amounts begins or the next one would.
fn breaks_of(table: &Table, inputs: &[Input]) -> Vec<i64> {
    let Some(column) = inputs.iter().position(|input| *input == Input::Amount) else {
        return Vec::new();
    };
    let ranges = table
        .rows()
        .flat_map(|row| money_ranges(row, column).collect::<Vec<_>>());
    let breaks: BTreeSet<i64> = ranges.flat_map(|(low, high)| [low, high + 1]).collect();
    breaks.into_iter().collect()
}

fn no_match(why: &NoMatch) -> Refused {
    let cause = match why {
        NoMatch::Missing { .. } => Cause::MissingInput,
        NoMatch::OtherKind { .. } | NoMatch::OutOfRange { .. } => Cause::InputOutOfRange,
        // Rows that contradict each other say nothing either.
        NoMatch::NoRow { .. } | NoMatch::Conflict { .. } | NoMatch::Count { .. } => Cause::NoRow,
    };
    refuse(cause, why.to_string())
}

#[cfg(test)]
#[path = "rate_card_tests.rs"]
mod tests;
