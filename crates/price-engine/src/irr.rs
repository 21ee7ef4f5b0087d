//! The internal rate of return of a loan's cash flows, which is the annual percentage rate shown.
//!
//! With `v` the monthly discount factor, the present value `sum of payment_m * v^m - net` is a
//! polynomial with no negative coefficient but the constant one: it rises and is convex for
//! `v > 0`. Newton's method therefore reaches the single root from any start; a bracket bounds it,
//! and is halved where Newton is slow (far right of the root a step is only the n-th part of `v`).

use fairlead_domain::Money;
use smallvec::SmallVec;

use crate::Error;

/// The payments in minor units. A loan seldom has more than these many; more go to the heap.
type Payments = SmallVec<[f64; 64]>;

/// More steps than Newton's method needs from the worst start that integer amounts allow.
const MOST_STEPS: usize = 200;

/// Returns the monthly internal rate of `payments` (one a month, from month 1) for `net` received
/// at month 0: a fraction, negative where less comes back than went out.
///
/// # Errors
/// [`Error::NoRate`] where `net` is not positive, a payment is negative or in another currency, or
/// none is positive.
pub fn monthly_rate(net: Money, payments: impl IntoIterator<Item = Money>) -> Result<f64, Error> {
    Ok(1.0 / discount_factor(net, payments, 1.0)? - 1.0)
}

/// Returns the effective annual rate `(1 + monthly)^12 - 1` of the same flows, a fraction.
///
/// `near` is a monthly rate to start from, for instance the nominal one; it changes the number of
/// steps, and the answer by less than a rounding error.
///
/// # Errors
/// As [`monthly_rate`].
pub fn effective_annual_rate(
    net: Money,
    payments: impl IntoIterator<Item = Money>,
    near: f64,
) -> Result<f64, Error> {
    let start = 1.0 / (1.0 + near.max(0.0));
    let discount = discount_factor(net, payments, start)?;
    Ok(annualised(1.0 / discount))
}

/// Returns `growth^12 - 1`, multiplied out, because `powi` may differ between machines.
pub(crate) fn annualised(growth: f64) -> f64 {
    let third = growth * growth * growth;
    let sixth = third * third;
    sixth * sixth - 1.0
}

/// Returns the monthly rate whose effective annual rate is `annual`, both fractions.
pub(crate) fn monthly_of_annual(annual: f64) -> f64 {
    libm::expm1(libm::log1p(annual) / 12.0)
}

fn discount_factor(
    net: Money,
    payments: impl IntoIterator<Item = Money>,
    start: f64,
) -> Result<f64, Error> {
    if net.minor() <= 0 {
        return Err(Error::NoRate("nothing is paid out"));
    }
    let mut flows = Payments::new();
    for payment in payments {
        if payment.currency() != net.currency() {
            return Err(Error::NoRate("a payment is in another currency"));
        }
        if payment.minor() < 0 {
            return Err(Error::NoRate("a payment is negative"));
        }
        flows.push(payment.minor() as f64);
    }
    if flows.iter().all(|payment| *payment <= 0.0) {
        return Err(Error::NoRate("nothing comes back"));
    }
    Ok(root(net.minor() as f64, &flows, start))
}

/// Finds the root by Newton's method inside a bracket: `low` has a value below zero, `high` one at
/// or above. A step that leaves the bracket, or that is not half of the one before, gives way to
/// halving the bracket.
fn root(net: f64, flows: &[f64], start: f64) -> f64 {
    let total: f64 = flows.iter().sum();
    // At a factor of one or more, the first power of each payment is the least.
    let (mut low, mut high) = (0.0_f64, (net / total).max(1.0));
    let mut at = start.min(high);
    let mut last = high;
    for _ in 0..MOST_STEPS {
        let (value, slope) = value_and_slope(net, flows, at);
        let newton = at - value / slope;
        let step = (newton - at).abs();
        // Within the last bits there is only the rounding noise of the polynomial.
        if value == 0.0 || step <= 2.0 * f64::EPSILON * at {
            return if value == 0.0 { at } else { newton };
        }
        if value > 0.0 {
            high = at;
        } else {
            low = at;
        }
        let quick = newton > low && newton < high && 2.0 * step <= last;
        let next = if quick {
            newton
        } else {
            f64::midpoint(low, high)
        };
        last = (next - at).abs();
        at = next;
    }
    at
}

/// Returns the present value and its derivative by Horner's rule.
fn value_and_slope(net: f64, flows: &[f64], discount: f64) -> (f64, f64) {
    let (mut value, mut slope) = (0.0, 0.0);
    for payment in flows.iter().rev() {
        slope = slope * discount + value;
        value = value * discount + payment;
    }
    (value * discount - net, slope * discount + value)
}

#[cfg(test)]
mod tests {
    use fairlead_domain::{Currency, RatePpm};
    use proptest::prelude::*;

    use super::*;
    use crate::schedule::{Repayment, Schedule, ScheduleTerms};

    fn cny(minor: i64) -> Money {
        Money::new(minor, Currency::CNY)
    }

    /// The monthly rate of amounts in one currency.
    fn rate_of(net: i64, payments: &[i64]) -> Result<f64, Error> {
        monthly_rate(cny(net), payments.iter().copied().map(cny))
    }

    /// An independent answer: bisection on the monthly rate, powers by division, no derivative.
    fn bisect(net: i64, payments: &[i64]) -> f64 {
        let present = |rate: f64| {
            let mut growth = 1.0;
            payments.iter().fold(-(net as f64), |sum, payment| {
                growth *= 1.0 + rate;
                sum + *payment as f64 / growth
            })
        };
        let (mut low, mut high) = (-0.99, 1e6);
        for _ in 0..400 {
            let middle = f64::midpoint(low, high);
            if present(middle) > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        f64::midpoint(low, high)
    }

    #[test]
    fn known_rates() {
        // 1 % a month exactly: 101.00 for 100.00 after a month.
        let rate = rate_of(10_000, &[10_100]).expect("a rate");
        assert!((rate - 0.01).abs() < 1e-15);
        // (1.01)^12 - 1 = 0.126825030131969720661201...
        let annual = effective_annual_rate(cny(10_000), [cny(10_100)], 0.0).expect("a rate");
        assert!((annual - 0.126_825_030_131_969_72).abs() < 1e-14);
        // No interest earned; and half of it lost in a month: v = 2 for a single payment of half.
        assert!(rate_of(300, &[100, 100, 100]).expect("a rate").abs() < 1e-15);
        let lost = rate_of(100, &[50]).expect("a rate");
        assert!((lost + 0.5).abs() < 1e-15);
        // A pawnbroker: a thousandfold in one month.
        assert!((rate_of(1, &[1_000]).expect("a rate") - 999.0).abs() < 1e-9);
    }

    #[test]
    fn refuses_flows_without_a_rate() {
        assert!(rate_of(0, &[1]).is_err());
        assert!(rate_of(-5, &[1]).is_err());
        assert!(rate_of(5, &[2, -1]).is_err());
        assert!(rate_of(5, &[0, 0]).is_err());
        assert!(rate_of(5, &[]).is_err());
        assert_eq!(
            monthly_rate(cny(5), [Money::new(6, Currency::USD)]),
            Err(Error::NoRate("a payment is in another currency"))
        );
    }

    proptest! {
        #[test]
        fn agrees_with_bisection_to_a_billionth(
            net in 1_000_i64..1_000_000_000,
            shares in prop::collection::vec(0_i64..3_000, 1..120),
        ) {
            let mut payments: Vec<i64> = shares.iter().map(|share| net / 1_000 * share).collect();
            payments[0] += 1;
            let rate = rate_of(net, &payments).expect("a rate");
            prop_assert!((rate - bisect(net, &payments)).abs() <= 1e-9 * (1.0 + rate.abs()));
        }

        #[test]
        fn the_residual_is_a_rounding_error(
            principal in 10_000_i64..10_000_000_000, ppm in 0_i64..=360_000,
            months in 1_i32..=360, fee_ppm in 0_i64..=100_000,
        ) {
            let terms = ScheduleTerms {
                principal: cny(principal),
                rate: RatePpm::new(ppm).expect("in range"),
                months,
                repayment: Repayment::Annuity,
            };
            let schedule = Schedule::new(terms).expect("in range");
            let net = cny(principal - principal * fee_ppm / 1_000_000);
            let rate = monthly_rate(net, schedule.payments()).expect("a rate");
            let lent = net.minor() as f64;
            let (residual, _) = value_and_slope(
                lent,
                &schedule.payments().map(|payment| payment.minor() as f64).collect::<Vec<_>>(),
                1.0 / (1.0 + rate),
            );
            prop_assert!((residual / lent).abs() <= 1e-12);
            let near = effective_annual_rate(net, schedule.payments(), ppm as f64 / 12e6).expect("a rate");
            let far = effective_annual_rate(net, schedule.payments(), 0.5).expect("a rate");
            prop_assert!((near - far).abs() <= 1e-12, "the start does not matter");
            prop_assert!((near - annualised(1.0 + rate)).abs() <= 1e-12);
        }
    }
}
