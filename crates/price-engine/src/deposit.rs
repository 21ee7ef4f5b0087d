//! The price of a deposit: the yield of its terms, and the margin that the funding curve gives it.

use fairlead_domain::{Currency, Money};
use fairlead_proto::catalogue::v1::DepositTerms;
use fairlead_proto::pricing::v1 as pb;

use crate::cost::CostModel;
use crate::error::Checks;
use crate::refusal::{Cause, Refused, refuse};
use crate::schedule::{MAX_AMOUNT_MINOR, MAX_MONTHS};
use crate::terms::{minor, to_proto};
use crate::waterfall::Waterfall;

/// A deposit that can be priced.
#[derive(Debug, Clone)]
pub(crate) struct Deposit {
    yield_ppm: i64,
    /// 0: on demand.
    months: i32,
    min_amount: i64,
    /// What the money earns at its tenor, ppm; nothing where no cost model says so.
    earns_ppm: Option<i64>,
    /// Contribution of one deposit by the catalogue, where no cost model gives it.
    catalogue_margin: i64,
}

impl Deposit {
    pub(crate) fn compile(
        terms: &DepositTerms,
        catalogue_margin: i64,
        (cost, currency): (Option<&CostModel>, Currency),
        checks: &mut Checks,
    ) -> Self {
        checks.between("deposit.yield_ppm", terms.yield_ppm, 0, 1_000_000);
        let months = terms.tenor_months;
        checks.between(
            "deposit.tenor_months",
            i64::from(months),
            0,
            i64::from(MAX_MONTHS),
        );
        let earns = cost.map(|cost| cost.funding.at(months));
        checks.require(
            earns != Some(None),
            "deposit.tenor_months",
            months,
            "a tenor on the strategy's funding curve",
        );
        Self {
            yield_ppm: terms.yield_ppm,
            months,
            min_amount: minor(
                checks,
                "deposit.min_amount",
                terms.min_amount.as_ref(),
                currency,
                1,
            ),
            earns_ppm: earns.flatten().map(|rate| (rate * 1e6).round() as i64),
            catalogue_margin,
        }
    }

    /// Prices a deposit of `asked` minor units, or of the smallest amount.
    pub(crate) fn price(
        &self,
        asked: Option<i64>,
        tenor: Option<i32>,
        currency: Currency,
    ) -> Result<pb::Price, Refused> {
        let show = |minor| Money::new(minor, currency);
        if let Some(tenor) = tenor.filter(|tenor| *tenor != self.months) {
            let detail = format!("tenor `{tenor}` is not allowed: {} months", self.months);
            return Err(refuse(Cause::Tenor, detail));
        }
        let amount = asked.unwrap_or(self.min_amount);
        if !(self.min_amount..=MAX_AMOUNT_MINOR).contains(&amount) {
            let least = show(self.min_amount);
            let detail = format!("amount `{}` is not allowed: {least} or more", show(amount));
            return Err(refuse(Cause::Amount, detail));
        }
        let mut steps = Waterfall::with_capacity(3);
        let margin = if let Some(earns) = self.earns_ppm {
            steps.level(
                "funding",
                earns,
                format!("funding curve at {} months", self.months),
            );
            steps.add("margin", self.yield_ppm - earns, "kept by the bank");
            // Money on demand is reckoned for a year.
            let months = if self.months == 0 { 12 } else { self.months };
            let exact =
                i128::from(amount) * i128::from(earns - self.yield_ppm) * i128::from(months);
            i64::try_from(exact.div_euclid(12_000_000)).unwrap_or(i64::MAX)
        } else {
            self.catalogue_margin
        };
        steps.level("price", self.yield_ppm, "yield of the product");
        Ok(pb::Price {
            amount: Some(to_proto(amount, currency)),
            tenor_months: self.months,
            rate_ppm: self.yield_ppm,
            waterfall: steps.into_steps(),
            expected_margin_minor: margin,
            ..pb::Price::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use fairlead_proto::control::v1 as control;

    use super::*;

    fn deposit(months: i32, with_curve: bool) -> Result<Deposit, Vec<crate::Error>> {
        let terms = DepositTerms {
            yield_ppm: 15_000,
            tenor_months: months,
            min_amount: Some(to_proto(5_000, Currency::CNY)),
        };
        let points =
            [(0, 10_000), (12, 20_000)].map(|(tenor_months, rate_ppm)| control::FtpPoint {
                tenor_months,
                rate_ppm,
            });
        let model = control::CostModel {
            ftp: points.to_vec(),
            hurdle_ppm: 100_000,
            ..control::CostModel::default()
        };
        let mut checks = Checks::of("product D1");
        let model = with_curve.then(|| CostModel::compile(&model, &mut checks));
        let deposit = Deposit::compile(&terms, 77, (model.as_ref(), Currency::CNY), &mut checks);
        checks.finish(deposit)
    }

    #[test]
    fn the_yield_and_what_it_leaves() {
        let price = |months, curve, asked| {
            let price = deposit(months, curve)
                .expect("good")
                .price(asked, None, Currency::CNY);
            let price = price.expect("priced");
            (price.rate_ppm, price.expected_margin_minor)
        };
        // (2 % - 1.5 %) of 10,000.00 over a year, and (1.5 % - 1.5 %) at six months.
        assert_eq!(price(12, true, Some(1_000_000)), (15_000, 5_000));
        assert_eq!(price(6, true, Some(1_000_000)), (15_000, 0));
        assert_eq!(price(12, false, Some(1_000_000)), (15_000, 77));
    }

    #[test]
    fn bad_amounts_and_tenors() {
        let deposit_of_a_year = deposit(12, true).expect("good");
        let refusal = deposit_of_a_year
            .price(Some(-1), None, Currency::CNY)
            .expect_err("refused");
        assert_eq!(
            refusal.detail,
            "amount `-0.01 CNY` is not allowed: 50.00 CNY or more"
        );
        let refusal = deposit_of_a_year
            .price(None, Some(3), Currency::CNY)
            .expect_err("refused");
        assert_eq!(refusal.cause(), Cause::Tenor);
        let errors = deposit(13, true).expect_err("off the curve");
        assert!(
            errors[0].to_string().contains("deposit.tenor_months `13`"),
            "{errors:?}"
        );
    }
}
