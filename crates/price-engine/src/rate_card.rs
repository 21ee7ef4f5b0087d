//! The rate card: a decision table over allow-listed inputs that gives a rate and a discount.
//!
//! Only product, grade, tenor, amount, channel, segment and campaign can be columns. An input that
//! is not in the list cannot reach a price: no habit, no device, no willingness to pay.

use fairlead_decision_table::{
    Column, ColumnKind, Direction, Monotone, NoMatch, ParseError, Row, Schema, Table, TableFinding,
    TableLocation, Value, not_monotone,
};
use fairlead_domain::{Currency, Money, RatePpm, Share};
use fairlead_proto::control::v1 as pb;
use smallvec::SmallVec;

use crate::Error;
use crate::card_columns::{CardInput, Outputs, input_columns, output_columns};
use crate::error::Checks;
use crate::inputs::CardInputs;
use crate::refusal::{Cause, Refused, refuse};
use crate::risk::Grades;

/// The outputs of one row of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CardOffer {
    /// The row, from 1.
    pub(crate) row: i32,
    pub(crate) rate: RatePpm,
    /// For credit the rate that is taken off, at most `rate`; for funds the share of the fee.
    discount: RatePpm,
}

impl CardOffer {
    /// Returns the rate after the discount. It never saturates: a discount above its rate is
    /// refused when the card is compiled.
    pub(crate) fn net_rate(&self) -> RatePpm {
        self.rate.saturating_sub(self.discount)
    }

    /// Returns the discount of a fund, the share of the full fee that is taken off.
    pub(crate) fn fee_discount(&self) -> Result<Share, Refused> {
        let ppm = self.discount.ppm();
        Share::new(ppm).map_err(|error| refuse(Cause::NoRow, error.to_string()))
    }
}

/// A range of amounts, both ends inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AmountRange {
    pub(crate) low: Money,
    pub(crate) high: Money,
}

/// A rate card, parsed.
#[derive(Debug)]
pub(crate) struct RateCard {
    table: Table,
    inputs: Vec<CardInput>,
    rate: Option<usize>,
    discount: Option<usize>,
    currency: Currency,
    breaks: Vec<Money>,
}

impl RateCard {
    pub(crate) fn compile(
        card: &pb::RateCard,
        outputs: Outputs,
        currency: Currency,
        checks: &mut Checks,
    ) -> Option<Self> {
        let inputs = input_columns(&card.inputs, currency, checks)?;
        let (kinds, columns): (Vec<CardInput>, Vec<Column>) = inputs.into_iter().unzip();
        let schema = Schema::new(columns, output_columns(&card.outputs, outputs, checks)?);
        let schema = schema
            .map_err(|error| table_error(checks, error.to_string()))
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
                    cell_error(checks, error);
                }
                return None;
            }
        };
        let breaks = breaks(&table, &kinds);
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

    /// Returns the offer of the row that matches. No row, a missing input or one out of range is a
    /// refusal, never a default.
    pub(crate) fn look_up(&self, inputs: &CardInputs<'_>) -> Result<CardOffer, Refused> {
        let values: SmallVec<[Value<'_>; 8]> = self
            .inputs
            .iter()
            .map(|input| input_value(*input, inputs))
            .collect();
        let found = self.table.evaluate(&values).map_err(|why| no_match(&why))?;
        Ok(self.offer(found.row, found.outputs))
    }

    /// Returns false if the card has a campaign column with labels that `campaign` is not among.
    pub(crate) fn names_campaign(&self, campaign: &str) -> bool {
        let columns = self.table.schema().inputs();
        let column = self
            .inputs
            .iter()
            .position(|one| *one == CardInput::Campaign);
        match column.map(|at| &columns[at].kind) {
            Some(
                ColumnKind::Category {
                    allowed: Some(labels),
                }
                | ColumnKind::Ordered { order: labels },
            ) => labels.iter().any(|label| label == campaign),
            _ => true,
        }
    }

    fn offer(&self, row: usize, outputs: &[Value<'static>]) -> CardOffer {
        let rate = |at: Option<usize>| match at.and_then(|at| outputs.get(at)) {
            Some(Value::Rate(rate)) => *rate,
            _ => RatePpm::ZERO,
        };
        CardOffer {
            row: row_number(row),
            rate: rate(self.rate),
            discount: rate(self.discount),
        }
    }

    /// Returns the amounts at which the offer may change, ascending.
    pub(crate) fn breaks(&self) -> &[Money] {
        &self.breaks
    }

    /// Returns the table, for its own lint.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Returns every row with its offer.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (Row<'_>, CardOffer)> {
        self.table
            .rows()
            .map(|row| (row, self.offer(row.number(), row.outputs())))
    }

    /// Returns whether a row takes an input's value; every row does where the card has no such
    /// column.
    pub(crate) fn takes(&self, row: Row<'_>, input: CardInput, value: &Value<'_>) -> bool {
        self.column(input)
            .is_none_or(|column| row.accepts(column, value))
    }

    /// Returns the amounts that a row takes: all of them where the card has no such column.
    pub(crate) fn amounts(&self, row: Row<'_>) -> Vec<AmountRange> {
        let all = || AmountRange {
            low: Money::new(i64::MIN, self.currency),
            high: Money::new(i64::MAX, self.currency),
        };
        self.column(CardInput::Amount).map_or_else(
            || vec![all()],
            |column| amount_ranges(row, column).collect(),
        )
    }

    pub(crate) fn column(&self, input: CardInput) -> Option<usize> {
        self.inputs.iter().position(|one| *one == input)
    }

    fn check_discounts(&self, outputs: Outputs, checks: &mut Checks) {
        for (row, offer) in self.rows() {
            let most = match outputs {
                Outputs::Rate => offer.rate,
                Outputs::Discount => Share::ALL.into(),
            };
            let fits =
                (RatePpm::ZERO..=most).contains(&offer.discount) && offer.rate >= RatePpm::ZERO;
            if !fits {
                checks.push(Error::RateCard {
                    subject: checks.subject().to_owned(),
                    row: Some(row.number()),
                    cause: format!(
                        "row {}: discount `{} ppm` is not allowed: 0 to {} ppm",
                        row.number(),
                        offer.discount.ppm(),
                        most.ppm()
                    ),
                });
            }
        }
    }

    /// Checks that the grade column holds the strategy's grades, best first, and that no worse
    /// grade pays less after its discount, all else equal.
    pub(crate) fn check_grades(&self, grades: &Grades, checks: &mut Checks) {
        let Some(column) = self.column(CardInput::Grade) else {
            return;
        };
        if let ColumnKind::Ordered { order } = &self.table.schema().inputs()[column].kind {
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
        // A discount above its rate is an error of its own.
        if self.rows().any(|(_, offer)| offer.discount > offer.rate) {
            return;
        }
        let net = match self.net_table() {
            Ok(net) => net,
            Err(cause) => return table_error(checks, cause),
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
            Err(error) => table_error(checks, error.to_string()),
        }
    }

    /// Returns the same rows with one output, the rate after the discount.
    fn net_table(&self) -> Result<Table, String> {
        let schema = self.table.schema();
        let net = ColumnKind::Rate {
            min: RatePpm::ZERO,
            max: RatePpm::MAX,
        };
        let names = schema.inputs().iter().map(|column| column.name.clone());
        let mut rows: Vec<Vec<String>> = vec![names.chain(["net".to_owned()]).collect()];
        rows.extend(self.rows().map(|(row, offer)| {
            let cells = (0..schema.inputs().len()).filter_map(|input| row.cell(input));
            cells
                .map(str::to_owned)
                .chain([format!("{}ppm", offer.net_rate().ppm())])
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

fn input_value<'a>(input: CardInput, inputs: &CardInputs<'a>) -> Value<'a> {
    match input {
        CardInput::Product => inputs.product.into(),
        CardInput::Grade => inputs.grade.into(),
        CardInput::Tenor => inputs.tenor.map(i64::from).into(),
        CardInput::Amount => inputs.amount.into(),
        CardInput::Channel => inputs.channel.into(),
        CardInput::Segment => inputs.segment.into(),
        CardInput::Campaign => inputs.campaign.into(),
    }
}

/// Notes an error of a card that is not in one of its rows.
pub(crate) fn table_error(checks: &mut Checks, cause: String) {
    checks.push(Error::RateCard {
        subject: checks.subject().to_owned(),
        row: None,
        cause,
    });
}

fn cell_error(checks: &mut Checks, error: &ParseError) {
    checks.push(Error::RateCard {
        subject: checks.subject().to_owned(),
        row: match error.location {
            TableLocation::Row(row) => Some(row),
            TableLocation::Table | TableLocation::Header => None,
        },
        cause: error.to_string(),
    });
}

fn worse_pays_less(subject: &str, finding: &TableFinding) -> Error {
    let rows = finding.rows();
    let example = match finding {
        TableFinding::NotMonotone(descent) => descent.examples.1.to_string(),
        _ => String::new(),
    };
    Error::NotMonotone {
        subject: subject.to_owned(),
        better_row: rows.first().copied().unwrap_or(0),
        worse_row: rows.get(1).copied().unwrap_or(0),
        example,
        cause: finding.to_string(),
    }
}

/// Returns the number of a row as prices and findings carry it. No table has more rows than fit.
pub(crate) fn row_number(row: usize) -> i32 {
    i32::try_from(row).unwrap_or(i32::MAX)
}

fn amount_ranges(row: Row<'_>, column: usize) -> impl Iterator<Item = AmountRange> {
    row.ranges(column)
        .into_iter()
        .filter_map(|range| match range {
            (Value::Money(low), Value::Money(high)) => Some(AmountRange { low, high }),
            _ => None,
        })
}

/// Returns the amounts at which a range of amounts begins, or ends and another could begin.
fn breaks(table: &Table, inputs: &[CardInput]) -> Vec<Money> {
    let Some(column) = inputs.iter().position(|input| *input == CardInput::Amount) else {
        return Vec::new();
    };
    let mut breaks: Vec<Money> = table
        .rows()
        .flat_map(|row| amount_ranges(row, column).collect::<Vec<_>>())
        .flat_map(|AmountRange { low, high }| {
            let next = Money::new(1, high.currency());
            [Some(low), high.checked_add(next)]
        })
        .flatten()
        .collect();
    breaks.sort_unstable_by_key(|amount| amount.minor());
    breaks.dedup();
    breaks
}

fn no_match(why: &NoMatch) -> Refused {
    let cause = match why {
        NoMatch::Missing { .. } => Cause::MissingInput,
        NoMatch::OtherKind { .. } | NoMatch::OutOfRange { .. } => Cause::InputOutOfRange,
        // Of rows that contradict each other none is the answer.
        NoMatch::NoRow { .. } | NoMatch::Conflict { .. } | NoMatch::Count { .. } => Cause::NoRow,
    };
    refuse(cause, why.to_string())
}

#[cfg(test)]
#[path = "rate_card_tests.rs"]
mod tests;
