//! The highest nominal rate whose all-in yearly cost stays within a cap.
//!
//! The all-in cost is the effective annual rate of the internal rate of return of every cash flow,
//! fees included: the stricter reading of a yearly cap, since compounding only adds.
//!
//! # Why the cap of the formula holds for the cents
//! Let `i` be the nominal and `j >= i` the all-in monthly rate of the unrounded schedule, `v =
//! 1/(1+j)`, and `b` its balances. In whole cents, interest is `i*B - e` with `0 <= e < 1`, the
//! instalment is not above the formula's, and so `B(m) - b(m) >= -sum over k <= m of
//! e(k)*(1+i)^(m-k)`. Discounting the instalments at `j` gives `P - (j-i) * sum v^m B(m-1) - sum
//! v^m e(m)`; against the formula the first sum is larger by at most `(j-i) * sum over k of e(k)
//! v^k * sum over t >= 1 of v^t (1+i)^(t-1) = sum v^k e(k)`, which the last term takes back. The
//! instalments are therefore worth no more than `P - fee`, and their rate is not above `j`.

use fairlead_domain::RatePpm;

use crate::irr::monthly_of_annual;
use crate::schedule::{Repayment, annuity_value, monthly};

/// Kept from the cap for floating-point error, a fraction per year: a thousandth of a ppm.
const MARGIN: f64 = 1e-9;

/// The highest nominal rate that the law allows for an amount over a tenor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ceiling {
    /// The law sets no cap.
    Uncapped,
    /// No rate is lawful: the fee alone breaks the cap.
    Unlawful,
    /// The highest rate whose all-in cost is within the cap.
    At(RatePpm),
}

impl Ceiling {
    /// Returns whether a rate is lawful under it.
    pub(crate) fn allows(self, rate: RatePpm) -> bool {
        match self {
            Self::Uncapped => true,
            Self::Unlawful => false,
            Self::At(highest) => rate <= highest,
        }
    }
}

/// Returns the highest whole-ppm nominal rate whose effective annual cost is within `cap`, for a
/// fee of `fee_share` (a fraction of the amount) kept at disbursement, or `None` where the fee
/// breaks the cap even without interest.
pub fn highest_lawful_rate(
    repayment: Repayment,
    months: i32,
    fee_share: f64,
    cap: RatePpm,
) -> Option<RatePpm> {
    let ceiling = monthly_of_annual((cap.fraction() - MARGIN).max(-0.999));
    let received = 1.0 - fee_share;
    let lawful = |ppm: i64| {
        RatePpm::new(ppm)
            .is_ok_and(|rate| present_value(repayment, months, monthly(rate), ceiling) <= received)
    };
    if !lawful(0) {
        return None;
    }
    let (mut low, mut high) = (0, RatePpm::MAX.ppm());
    while low < high {
        let middle = low + (high - low + 1) / 2;
        if lawful(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    RatePpm::new(low).ok()
}

/// Returns the value at monthly rate `discounted` of one unit lent at monthly rate `rate`.
fn present_value(repayment: Repayment, months: i32, rate: f64, discounted: f64) -> f64 {
    let annuity = annuity_value(discounted, months);
    if repayment == Repayment::Annuity {
        return annuity / annuity_value(rate, months);
    }
    let discount = 1.0 / (1.0 + discounted);
    let (mut power, mut last, mut weighted) = (1.0, 0.0, 0.0);
    for left in (1..=months).rev() {
        power *= discount;
        weighted += power * f64::from(left) / f64::from(months);
        last = power;
    }
    if repayment == Repayment::Bullet {
        last + rate * annuity
    } else {
        annuity / f64::from(months) + rate * weighted
    }
}

#[cfg(test)]
mod tests {
    use fairlead_domain::{Currency, Money};
    use proptest::prelude::*;

    use super::*;
    use crate::irr::effective_annual_rate;
    use crate::schedule::{Schedule, ScheduleTerms};

    #[test]
    fn without_fees_the_cap_is_the_nominal_rate_compounded() {
        let cap = RatePpm::new(240_000).expect("in range");
        // 12e6 * (1.24^(1/12) - 1) = 217,050.98...
        for repayment in [
            Repayment::Annuity,
            Repayment::EqualPrincipal,
            Repayment::Bullet,
        ] {
            let rate = highest_lawful_rate(repayment, 12, 0.0, cap).expect("lawful");
            assert_eq!(rate.ppm(), 217_050);
        }
        assert_eq!(highest_lawful_rate(Repayment::Annuity, 1, 0.2, cap), None);
    }

    proptest! {
        #[test]
        fn the_cents_never_cost_more_than_the_cap(
            principal in 1_000_i64..50_000_000, months in 1_i32..=60, fee_ppm in 0_i64..60_000,
            cap in 100_000_i64..400_000, below in 0_i64..50_000,
            repayment in prop_oneof![Just(Repayment::Annuity), Just(Repayment::EqualPrincipal), Just(Repayment::Bullet)],
        ) {
            let cap = RatePpm::new(cap).expect("in range");
            let share = fee_ppm as f64 / 1e6;
            let Some(highest) = highest_lawful_rate(repayment, months, share, cap) else {
                return Ok(());
            };
            let cny = |minor| Money::new(minor, Currency::CNY);
            let all_in = |ppm: i64| {
                let rate = RatePpm::new(ppm).expect("in range");
                let terms = ScheduleTerms { principal: cny(principal), rate, months, repayment };
                let schedule = Schedule::new(terms).expect("in range");
                let fee = principal * fee_ppm / 1_000_000;
                effective_annual_rate(cny(principal - fee), schedule.payments(), monthly(rate)).expect("a rate")
            };
            prop_assert!(all_in((highest.ppm() - below).max(0)) <= cap.fraction());
            // And it is the highest: with amounts so large that cents vanish, one ppm more breaks it.
            let rate = RatePpm::new(highest.ppm() + 1).expect("in range");
            let principal = 10_000_000_000_000;
            let terms = ScheduleTerms { principal: cny(principal), rate, months, repayment };
            let schedule = Schedule::new(terms).expect("in range");
            let net = cny(principal - principal / 1_000_000 * fee_ppm);
            let over = effective_annual_rate(net, schedule.payments(), monthly(rate)).expect("a rate");
            prop_assert!(over > cap.fraction() - 2.0 * MARGIN);
        }
    }
}
