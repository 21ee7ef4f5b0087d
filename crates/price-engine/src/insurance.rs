//! The premium of a policy: expected claims and fixed cost, grossed up by loadings that are shares
//! of the premium itself, within the filed band.

use fairlead_domain::{Currency, Money};
use fairlead_proto::catalogue::v1::InsuranceTerms;
use fairlead_proto::control::v1 as control;
use fairlead_proto::pricing::v1 as pb;

use crate::error::Checks;
use crate::refusal::{Cause, Refused, refuse};
use crate::schedule::MAX_AMOUNT_MINOR;
use crate::terms::{minor, to_proto};
use crate::waterfall::Waterfall;

/// A strategy's loadings, checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loading {
    fixed: i64,
    variable_ppm: i64,
    profit_ppm: i64,
}

impl Loading {
    pub(crate) fn compile(loading: &control::InsuranceLoading, checks: &mut Checks) -> Self {
        checks.between(
            "insurance.fixed_minor",
            loading.fixed_minor,
            0,
            MAX_AMOUNT_MINOR,
        );
        checks.between("insurance.variable_ppm", loading.variable_ppm, 0, 999_999);
        checks.between("insurance.profit_ppm", loading.profit_ppm, 0, 999_999);
        checks.between(
            "insurance.variable_ppm + profit_ppm",
            loading.variable_ppm.saturating_add(loading.profit_ppm),
            0,
            999_999,
        );
        Self {
            fixed: loading.fixed_minor,
            variable_ppm: loading.variable_ppm,
            profit_ppm: loading.profit_ppm,
        }
    }
}

/// An insurance product with its premium worked out: no input of a customer enters it.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    loading: Loading,
    sum_insured: i64,
    /// Expected claims a year, millionths of a minor unit.
    claims: i128,
    filed: (i64, i64),
    /// Premium that covers claims, cost and variable loading with no profit.
    least: i64,
    /// Premium by the formula.
    technical: i64,
}

impl Policy {
    pub(crate) fn compile(
        terms: &InsuranceTerms,
        loading: Loading,
        currency: Currency,
        checks: &mut Checks,
    ) -> Self {
        let frequency = terms.claim_frequency_ppm;
        checks.between("insurance.claim_frequency_ppm", frequency, 0, 100_000_000);
        let mut amount =
            |field, money: &Option<_>, low| minor(checks, field, money.as_ref(), currency, low);
        let severity = amount("insurance.claim_severity", &terms.claim_severity, 0);
        let low = amount("insurance.filed_min_premium", &terms.filed_min_premium, 0);
        let high = amount("insurance.filed_max_premium", &terms.filed_max_premium, 1);
        let sum_insured = amount("insurance.sum_insured", &terms.sum_insured, 1);
        checks.require(
            low <= high,
            "insurance.filed_min_premium",
            low,
            format!("at most filed_max_premium, {high}"),
        );
        let claims = i128::from(frequency) * i128::from(severity);
        let cost = claims + i128::from(loading.fixed) * 1_000_000;
        let grossed = |share_ppm: i64| divide_up(cost, 1_000_000 - i128::from(share_ppm));
        Self {
            loading,
            sum_insured,
            claims,
            filed: (low, high),
            least: grossed(loading.variable_ppm),
            technical: grossed(loading.variable_ppm + loading.profit_ppm),
        }
    }

    /// Prices the policy for its sum insured.
    pub(crate) fn price(
        &self,
        asked: Option<i64>,
        currency: Currency,
    ) -> Result<pb::Price, Refused> {
        let show = |minor| Money::new(minor, currency);
        if let Some(amount) = asked.filter(|amount| *amount != self.sum_insured) {
            let allowed = show(self.sum_insured);
            let detail = format!(
                "amount `{}` is not allowed: the sum insured, {allowed}",
                show(amount)
            );
            return Err(refuse(Cause::Amount, detail));
        }
        let (low, high) = self.filed;
        if self.least > high {
            let detail = format!(
                "premium that covers cost `{}` is not allowed: at most the filed {}",
                show(self.least),
                show(high)
            );
            return Err(refuse(Cause::FloorAboveCap, detail));
        }
        let premium = self.technical.clamp(low, high);
        let money = |minor| Some(to_proto(minor, currency));
        Ok(pb::Price {
            amount: money(self.sum_insured),
            instalment: money(premium),
            waterfall: self.waterfall(premium, currency),
            floor_ppm: self.of_sum(i128::from(self.least) * 1_000_000),
            cap_ppm: self.of_sum(i128::from(high) * 1_000_000),
            expected_margin_minor: self.margin(premium),
            expected_loss_minor: round_half_even(self.claims),
            ..pb::Price::default()
        })
    }

    /// Steps in ppm of the sum insured.
    fn waterfall(&self, premium: i64, currency: Currency) -> Vec<pb::WaterfallStep> {
        let show = |minor: i128| Money::new(round_half_even(minor), currency);
        let mut steps = Waterfall::with_capacity(7);
        let million = 1_000_000_i128;
        let fixed = i128::from(self.loading.fixed) * million;
        let variable = i128::from(self.least) * million - self.claims - fixed;
        let profit = i128::from(self.technical - self.least) * million;
        steps.add(
            "expected claims",
            self.of_sum(self.claims),
            show(self.claims).to_string(),
        );
        steps.add("fixed cost", self.of_sum(fixed), show(fixed).to_string());
        let floor = self.of_sum(i128::from(self.least) * million);
        let before = self.of_sum(self.claims) + self.of_sum(fixed);
        steps.add(
            "variable loading",
            floor - before,
            show(variable).to_string(),
        );
        steps.level(
            "floor",
            floor,
            show(i128::from(self.least) * million).to_string(),
        );
        let technical = self.of_sum(i128::from(self.technical) * million);
        steps.add("profit", technical - floor, show(profit).to_string());
        let price = self.of_sum(i128::from(premium) * million);
        let (low, high) = self.filed;
        let band = format!(
            "filed {} to {}",
            Money::new(low, currency),
            Money::new(high, currency)
        );
        steps.add("guardrail filed band", price - technical, band);
        steps.level("price", price, Money::new(premium, currency).to_string());
        steps.into_steps()
    }

    /// Parts per million of the sum insured, of millionths of a minor unit.
    fn of_sum(&self, millionths: i128) -> i64 {
        i64::try_from(millionths / i128::from(self.sum_insured.max(1))).unwrap_or(i64::MAX)
    }

    /// What a policy year leaves: premium less its variable loading, fixed cost and claims.
    fn margin(&self, premium: i64) -> i64 {
        let kept = i128::from(premium) * i128::from(1_000_000 - self.loading.variable_ppm);
        round_half_even(kept - i128::from(self.loading.fixed) * 1_000_000 - self.claims)
    }
}

/// `value / by`, rounded up: a premium that is short by part of a cent does not cover its cost.
fn divide_up(value: i128, by: i128) -> i64 {
    i64::try_from((value + by - 1).div_euclid(by)).unwrap_or(i64::MAX)
}

/// Millionths to whole units, half to even.
fn round_half_even(millionths: i128) -> i64 {
    let (whole, rest) = (
        millionths.div_euclid(1_000_000),
        millionths.rem_euclid(1_000_000),
    );
    let up = rest > 500_000 || (rest == 500_000 && whole % 2 != 0);
    i64::try_from(whole + i128::from(up)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(frequency: i64, severity: i64, filed: (i64, i64), loading: Loading) -> Policy {
        let money = |minor| Some(to_proto(minor, Currency::CNY));
        let terms = InsuranceTerms {
            claim_frequency_ppm: frequency,
            claim_severity: money(severity),
            filed_min_premium: money(filed.0),
            filed_max_premium: money(filed.1),
            sum_insured: money(10_000_000),
        };
        let mut checks = Checks::of("test");
        let policy = Policy::compile(&terms, loading, Currency::CNY, &mut checks);
        assert!(checks.clean(), "{checks:?}");
        policy
    }

    const LOADING: Loading = Loading {
        fixed: 2_000,
        variable_ppm: 150_000,
        profit_ppm: 50_000,
    };

    /// 2 % x 5,000.00 = 100.00; (100 + 20) / (1 - .15 - .05) = 150.00; least 120 / .85 = 141.18.
    #[test]
    fn the_premium_of_the_formula() {
        let policy = policy(20_000, 500_000, (5_000, 50_000), LOADING);
        let price = policy.price(None, Currency::CNY).expect("priced");
        assert_eq!(price.instalment.expect("a premium").minor, 15_000);
        assert_eq!(price.amount.expect("a sum").minor, 10_000_000);
        // 150 - 15 % - 20 - 100 = 7.50, 5 % of the premium.
        assert_eq!(
            (price.expected_margin_minor, price.expected_loss_minor),
            (750, 10_000)
        );
        assert_eq!((price.floor_ppm, price.cap_ppm), (1_411, 5_000));
        let steps: Vec<_> = price
            .waterfall
            .iter()
            .map(|step| (step.name.as_str(), step.ppm))
            .collect();
        let expected = [
            ("expected claims", 1_000),
            ("fixed cost", 200),
            ("variable loading", 211),
            ("floor", 1_411),
            ("profit", 89),
            ("guardrail filed band", 0),
            ("price", 1_500),
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn the_filed_band_binds_and_never_below_cost() {
        let premium = |filed| {
            let policy = policy(20_000, 500_000, filed, LOADING);
            policy
                .price(None, Currency::CNY)
                .map(|price| price.instalment.expect("a premium").minor)
        };
        assert_eq!(premium((20_000, 50_000)).expect("priced"), 20_000);
        assert_eq!(premium((5_000, 14_500)).expect("priced"), 14_500);
        let refusal = premium((5_000, 14_117)).expect_err("refused");
        assert_eq!(refusal.cause(), Cause::FloorAboveCap);
        assert_eq!(
            refusal.detail,
            "premium that covers cost `141.18 CNY` is not allowed: at most the filed 141.17 CNY"
        );
    }

    #[test]
    fn only_the_sum_insured_is_on_offer() {
        let policy = policy(20_000, 500_000, (5_000, 50_000), LOADING);
        assert!(policy.price(Some(10_000_000), Currency::CNY).is_ok());
        let refusal = policy.price(Some(-1), Currency::CNY).expect_err("refused");
        assert_eq!(refusal.cause(), Cause::Amount);
    }

    proptest! {
        #[test]
        fn premiums_cover_cost_within_the_band(
            frequency in 0_i64..2_000_000, severity in 0_i64..100_000_000, fixed in 0_i64..1_000_000,
            variable in 0_i64..600_000, profit in 0_i64..399_999, low in 0_i64..1_000_000, width in 1_i64..100_000_000,
        ) {
            let loading = Loading { fixed, variable_ppm: variable, profit_ppm: profit };
            let policy = policy(frequency, severity, (low, low + width), loading);
            if let Ok(price) = policy.price(None, Currency::CNY) {
                let premium = price.instalment.expect("a premium").minor;
                prop_assert!((low..=low + width).contains(&premium));
                prop_assert!(price.expected_margin_minor >= 0);
                let cost = frequency as f64 / 1e6 * severity as f64 + fixed as f64;
                let formula = cost / (1.0 - (variable + profit) as f64 / 1e6);
                let expected = formula.clamp(low as f64, (low + width) as f64);
                prop_assert!((premium as f64 - expected).abs() <= 1.0 + expected * 1e-9);
            }
        }
    }
}
