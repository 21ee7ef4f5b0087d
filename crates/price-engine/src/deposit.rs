//! The price of a deposit: the yield of its terms, and the margin that the funding curve gives it.

use fairlead_domain::{Money, RatePpm};
use fairlead_proto::pricing::v1 as pb;

use crate::cost::CostModel;
use crate::error::Checks;
use crate::refusal::{Cause, Refused, refuse};
use crate::schedule::MAX_AMOUNT_MINOR;
use crate::terms::{DepositTerms, to_proto};
use crate::waterfall::{Ppm, Waterfall};

/// A deposit that can be priced.
#[derive(Debug, Clone)]
pub(crate) struct Deposit {
    yield_rate: RatePpm,
    /// 0: on demand.
    months: i32,
    min_amount: Money,
    /// The rate that the money earns at its tenor, or `None` without a cost model.
    earns: Option<RatePpm>,
    /// The contribution of one deposit by the catalogue, for want of a cost model.
    catalogue_margin: Money,
}

impl Deposit {
    pub(crate) fn compile(
        terms: &DepositTerms,
        catalogue_margin: Money,
        cost: Option<&CostModel>,
        checks: &mut Checks,
    ) -> Self {
        checks.at_least("deposit.min_amount", terms.min_amount.minor(), 1);
        let months = terms.months;
        let earns = cost.and_then(|cost| {
            let rate = cost.funding.at(months);
            checks.require(
                rate.is_some(),
                "deposit.tenor_months",
                months,
                "a tenor on the strategy's funding curve",
            );
            RatePpm::from_fraction(rate?).ok()
        });
        Self {
            yield_rate: terms.yield_rate,
            months,
            min_amount: terms.min_amount,
            earns,
            catalogue_margin,
        }
    }

    /// Prices a deposit of the amount asked for, or else of the smallest.
    pub(crate) fn price(
        &self,
        asked: Option<Money>,
        tenor: Option<i32>,
    ) -> Result<pb::Price, Refused> {
        if let Some(tenor) = tenor.filter(|tenor| *tenor != self.months) {
            let detail = format!("tenor `{tenor}` is not allowed: {} months", self.months);
            return Err(refuse(Cause::Tenor, detail));
        }
        let amount = asked.unwrap_or(self.min_amount);
        let fits = amount >= self.min_amount && amount.minor() <= MAX_AMOUNT_MINOR;
        if !fits {
            let least = self.min_amount;
            let detail = format!("amount `{amount}` is not allowed: {least} or more");
            return Err(refuse(Cause::Amount, detail));
        }
        let mut steps = Waterfall::with_capacity(3);
        let margin = if let Some(earns) = self.earns {
            let curve = format!("funding curve at {} months", self.months);
            steps.level("funding", earns, curve);
            let kept = Ppm::from(self.yield_rate) - Ppm::from(earns);
            steps.add("margin", kept, "kept by the bank");
            self.margin(amount, earns)?
        } else {
            self.catalogue_margin
        };
        steps.level("price", self.yield_rate, "yield of the product");
        Ok(pb::Price {
            amount: Some(to_proto(amount)),
            tenor_months: self.months,
            rate_ppm: self.yield_rate.ppm(),
            waterfall: steps.into_steps(),
            expected_margin_minor: margin.minor(),
            ..pb::Price::default()
        })
    }

    /// Returns the contribution over the tenor; money on demand is reckoned for a year.
    fn margin(&self, amount: Money, earns: RatePpm) -> Result<Money, Refused> {
        let months = if self.months == 0 { 12 } else { self.months };
        let spread = earns.ppm() - self.yield_rate.ppm();
        let margin = amount.checked_mul_div(spread * i64::from(months), 12_000_000);
        margin.ok_or_else(|| refuse(Cause::Amount, "the margin is no 64-bit amount"))
    }
}

#[cfg(test)]
mod tests {
    use fairlead_domain::Currency;
    use fairlead_proto::control::v1 as control;

    use super::*;

    fn cny(minor: i64) -> Money {
        Money::new(minor, Currency::CNY)
    }

    fn deposit(months: i32, with_curve: bool) -> Result<Deposit, Vec<crate::Error>> {
        let terms = DepositTerms {
            yield_rate: RatePpm::new(15_000).expect("a rate"),
            months,
            min_amount: cny(5_000),
        };
        let points =
            [(0, 10_000), (12, 20_000)].map(|(tenor_months, rate_ppm)| control::FtpPoint {
                tenor_months,
                rate_ppm,
            });
        let model = control::CostModel {
            ftp: points.to_vec(),
            hurdle_ppm: 100_000,
            currency: "CNY".to_owned(),
            ..control::CostModel::default()
        };
        let mut checks = Checks::new("product D1");
        let model = with_curve.then(|| CostModel::compile(&model).expect("a curve"));
        let deposit = Deposit::compile(&terms, cny(77), model.as_ref(), &mut checks);
        checks.finish(deposit)
    }

    #[test]
    fn the_yield_and_what_it_leaves() {
        let price = |months, curve, asked| {
            let deposit = deposit(months, curve).expect("good");
            let price = deposit.price(Some(cny(asked)), None).expect("priced");
            (price.rate_ppm, price.expected_margin_minor)
        };
        // (2 % - 1.5 %) of 10,000.00 over a year, and (1.5 % - 1.5 %) at six months.
        assert_eq!(price(12, true, 1_000_000), (15_000, 5_000));
        assert_eq!(price(6, true, 1_000_000), (15_000, 0));
        assert_eq!(price(12, false, 1_000_000), (15_000, 77));
    }

    #[test]
    fn bad_amounts_and_tenors() {
        let deposit_of_a_year = deposit(12, true).expect("good");
        let refusal = deposit_of_a_year
            .price(Some(cny(-1)), None)
            .expect_err("refused");
        assert_eq!(
            refusal.detail,
            "amount `-0.01 CNY` is not allowed: 50.00 CNY or more"
        );
        let refusal = deposit_of_a_year.price(None, Some(3)).expect_err("refused");
        assert_eq!(refusal.cause(), Cause::Tenor);
        let errors = deposit(13, true).expect_err("off the curve");
        assert!(
            errors[0].to_string().contains("deposit.tenor_months `13`"),
            "{errors:?}"
        );
    }
}
