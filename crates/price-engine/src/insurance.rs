//! The premium of a policy: expected claims and fixed cost, grossed up by loadings that are shares
//! of the premium itself, within the filed band.

use fairlead_domain::{Currency, Money, Share};
use fairlead_proto::control::v1 as control;
use fairlead_proto::pricing::v1 as pb;

use crate::error::Checks;
use crate::refusal::{Cause, Refused, refuse};
use crate::schedule::MAX_AMOUNT_MINOR;
use crate::terms::{InsuranceTerms, to_proto};
use crate::waterfall::{Ppm, Waterfall};

/// Loadings are less than all of the premium.
const MOST_LOADING_PPM: i64 = 999_999;

/// A strategy's loadings, checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loading {
    /// The fixed cost of a policy year.
    fixed: Money,
    /// The variable cost, a share of the premium.
    variable: Share,
    /// The profit, a share of the premium; with the variable cost less than all of it.
    profit: Share,
}

impl Loading {
    pub(crate) fn compile(
        loading: &control::InsuranceLoading,
        currency: Currency,
        checks: &mut Checks,
    ) -> Self {
        let most = MOST_LOADING_PPM;
        let fixed = loading.fixed_minor;
        checks.within("insurance.fixed_minor", fixed, 0..=MAX_AMOUNT_MINOR);
        let variable = checks.share("insurance.variable_ppm", loading.variable_ppm, 0..=most);
        let profit = checks.share("insurance.profit_ppm", loading.profit_ppm, 0..=most);
        let both = loading.variable_ppm.saturating_add(loading.profit_ppm);
        checks.within("insurance.variable_ppm + profit_ppm", both, 0..=most);
        Self {
            fixed: Money::new(fixed, currency),
            variable,
            profit,
        }
    }
}

/// The premiums that are filed with the regulator.
#[derive(Debug, Clone, Copy)]
struct FiledBand {
    lowest: Money,
    highest: Money,
}

/// Millionths of a minor unit: the exact product of an amount and a frequency in ppm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Millionths(i128);

impl Millionths {
    fn of(amount: Money) -> Self {
        Self(i128::from(amount.minor()) * 1_000_000)
    }

    /// Rounds to minor units, half to even.
    fn round(self) -> i64 {
        let (units, rest) = (self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000));
        let up = rest > 500_000 || (rest == 500_000 && units % 2 != 0);
        saturated(units + i128::from(up))
    }

    /// Grosses a cost up by a loading, rounded up: a premium that is short by part of a minor unit
    /// does not cover its cost.
    fn grossed_up(self, net: Share) -> i64 {
        let by = i128::from(net.ppm());
        saturated((self.0 + by - 1).div_euclid(by))
    }
}

/// Returns the amount in minor units; the largest number stands for more than 64 bits hold. Amounts
/// are at most [`MAX_AMOUNT_MINOR`], so that only a premium by the formula can be that large. It is
/// above every filed premium, and so is the largest number: either is refused or lowered.
fn saturated(minor: i128) -> i64 {
    i64::try_from(minor).unwrap_or(i64::MAX)
}

/// An insurance product with its premium worked out: no input of a customer enters it.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    loading: Loading,
    sum_insured: Money,
    /// The claims expected in a year.
    claims: Millionths,
    filed: FiledBand,
    /// The premium that covers claims, cost and variable loading with no profit.
    least: Money,
    /// The premium by the formula.
    technical: Money,
}

impl Policy {
    pub(crate) fn compile(terms: &InsuranceTerms, loading: Loading) -> Self {
        let currency = loading.fixed.currency();
        let filed = FiledBand {
            lowest: terms.filed_min_premium,
            highest: terms.filed_max_premium,
        };
        let (frequency, severity) = (terms.claim_frequency_ppm, terms.claim_severity);
        let claims = Millionths(i128::from(frequency) * i128::from(severity.minor()));
        let cost = Millionths(claims.0 + Millionths::of(loading.fixed).0);
        let after_variable = loading.variable.rest();
        let after_profit = Share::new(after_variable.ppm() - loading.profit.ppm());
        let grossed_up = |net: Share| Money::new(cost.grossed_up(net), currency);
        Self {
            loading,
            sum_insured: terms.sum_insured,
            claims,
            filed,
            least: grossed_up(after_variable),
            // Loadings of more than the premium were refused when the strategy was compiled.
            technical: grossed_up(after_profit.unwrap_or(after_variable)),
        }
    }

    /// Prices the policy for its sum insured.
    pub(crate) fn price(&self, asked: Option<Money>) -> Result<pb::Price, Refused> {
        if let Some(amount) = asked.filter(|amount| *amount != self.sum_insured) {
            let allowed = self.sum_insured;
            let detail = format!("amount `{amount}` is not allowed: the sum insured, {allowed}");
            return Err(refuse(Cause::Amount, detail));
        }
        let FiledBand { lowest, highest } = self.filed;
        if self.least > highest {
            let detail = format!(
                "premium that covers cost `{}` is not allowed: at most the filed {highest}",
                self.least
            );
            return Err(refuse(Cause::FloorAboveCap, detail));
        }
        let premium = match self.technical {
            technical if technical < lowest => lowest,
            technical if technical > highest => highest,
            technical => technical,
        };
        Ok(pb::Price {
            amount: Some(to_proto(self.sum_insured)),
            instalment: Some(to_proto(premium)),
            waterfall: self.waterfall(premium),
            floor_ppm: self.of_sum(self.least).get(),
            cap_ppm: self.of_sum(highest).get(),
            expected_margin_minor: self.margin(premium),
            expected_loss_minor: self.claims.round(),
            ..pb::Price::default()
        })
    }

    /// The steps from claims to premium, in parts per million of the sum insured.
    fn waterfall(&self, premium: Money) -> Vec<pb::WaterfallStep> {
        let currency = self.sum_insured.currency();
        let show = |millionths: Millionths| Money::new(millionths.round(), currency).to_string();
        let mut steps = Waterfall::with_capacity(7);
        let fixed = Millionths::of(self.loading.fixed);
        let (least, technical) = (Millionths::of(self.least), Millionths::of(self.technical));
        let variable = Millionths(least.0 - self.claims.0 - fixed.0);
        let profit = Millionths(technical.0 - least.0);

        let claims = self.of_sum_exact(self.claims);
        steps.add("expected claims", claims, show(self.claims));
        let fixed_cost = self.of_sum_exact(fixed);
        steps.add("fixed cost", fixed_cost, show(fixed));
        let floor = self.of_sum(self.least);
        let loaded = floor - (claims + fixed_cost);
        steps.add("variable loading", loaded, show(variable));
        steps.level("floor", floor, self.least.to_string());
        let by_formula = self.of_sum(self.technical);
        steps.add("profit", by_formula - floor, show(profit));
        let price = self.of_sum(premium);
        let FiledBand { lowest, highest } = self.filed;
        let band = format!("filed {lowest} to {highest}");
        steps.add("guardrail filed band", price - by_formula, band);
        steps.level("price", price, premium.to_string());
        steps.into_steps()
    }

    /// Returns an amount in parts per million of the sum insured.
    fn of_sum(&self, amount: Money) -> Ppm {
        self.of_sum_exact(Millionths::of(amount))
    }

    fn of_sum_exact(&self, amount: Millionths) -> Ppm {
        Ppm::saturated(amount.0 / i128::from(self.sum_insured.minor()))
    }

    /// Returns the contribution of a policy year in minor units: the premium less its variable
    /// loading, fixed cost and claims.
    fn margin(&self, premium: Money) -> i64 {
        let kept = i128::from(premium.minor()) * i128::from(self.loading.variable.rest().ppm());
        Millionths(kept - Millionths::of(self.loading.fixed).0 - self.claims.0).round()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cny(minor: i64) -> Money {
        Money::new(minor, Currency::CNY)
    }

    /// The terms of a policy with a sum insured of 100,000.00.
    fn terms(
        frequency: i64,
        severity: i64,
        filed: std::ops::RangeInclusive<i64>,
    ) -> InsuranceTerms {
        InsuranceTerms {
            claim_frequency_ppm: frequency,
            claim_severity: cny(severity),
            filed_min_premium: cny(*filed.start()),
            filed_max_premium: cny(*filed.end()),
            sum_insured: cny(10_000_000),
        }
    }

    fn policy(terms: &InsuranceTerms, loading: &control::InsuranceLoading) -> Policy {
        let mut checks = Checks::new("test");
        let loading = Loading::compile(loading, Currency::CNY, &mut checks);
        assert!(checks.clean(), "{checks:?}");
        Policy::compile(terms, loading)
    }

    const LOADING: control::InsuranceLoading = control::InsuranceLoading {
        fixed_minor: 2_000,
        variable_ppm: 150_000,
        profit_ppm: 50_000,
    };

    /// 2 % x 5,000.00 = 100.00; (100 + 20) / (1 - .15 - .05) = 150.00; least 120 / .85 = 141.18.
    #[test]
    fn the_premium_of_the_formula() {
        let policy = policy(&terms(20_000, 500_000, 5_000..=50_000), &LOADING);
        let price = policy.price(None).expect("priced");
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
            let policy = policy(&terms(20_000, 500_000, filed), &LOADING);
            policy
                .price(None)
                .map(|price| price.instalment.expect("a premium").minor)
        };
        assert_eq!(premium(20_000..=50_000).expect("priced"), 20_000);
        assert_eq!(premium(5_000..=14_500).expect("priced"), 14_500);
        let refusal = premium(5_000..=14_117).expect_err("refused");
        assert_eq!(refusal.cause(), Cause::FloorAboveCap);
        assert_eq!(
            refusal.detail,
            "premium that covers cost `141.18 CNY` is not allowed: at most the filed 141.17 CNY"
        );
    }

    #[test]
    fn only_the_sum_insured_is_on_offer() {
        let policy = policy(&terms(20_000, 500_000, 5_000..=50_000), &LOADING);
        assert!(policy.price(Some(cny(10_000_000))).is_ok());
        let refusal = policy.price(Some(cny(-1))).expect_err("refused");
        assert_eq!(refusal.cause(), Cause::Amount);
    }

    /// Claims of 10^21 millionths over a share of one millionth of the premium: 10^21 minor units,
    /// beyond 64 bits.
    #[test]
    fn a_premium_that_leaves_64_bits_is_refused() {
        let loading = control::InsuranceLoading {
            variable_ppm: MOST_LOADING_PPM,
            ..control::InsuranceLoading::default()
        };
        let largest = terms(100_000_000, MAX_AMOUNT_MINOR, 0..=MAX_AMOUNT_MINOR);
        let refusal = policy(&largest, &loading).price(None).expect_err("refused");
        assert_eq!(refusal.cause(), Cause::FloorAboveCap);
    }

    proptest! {
        #[test]
        fn premiums_cover_cost_within_the_band(
            frequency in 0_i64..2_000_000, severity in 0_i64..100_000_000, fixed in 0_i64..1_000_000,
            variable in 0_i64..600_000, profit in 0_i64..399_999, low in 0_i64..1_000_000, width in 1_i64..100_000_000,
        ) {
            let loading = control::InsuranceLoading { fixed_minor: fixed, variable_ppm: variable, profit_ppm: profit };
            let policy = policy(&terms(frequency, severity, low..=low + width), &loading);
            if let Ok(price) = policy.price(None) {
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
