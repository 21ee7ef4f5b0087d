//! What lending costs: funding, operation, expected loss and capital, month by month over the
//! repayment schedule, and the yearly rate at which they are just covered: the price floor.
//!
//! Per unit lent, with `b(m)` the balance before month `m`'s instalment at monthly rate `i`, `s`
//! the probability of surviving a month, `h = 1 - s`, and `v` the monthly discount factor at the
//! funding rate, the present value of the loan is
//!
//! ```text
//! margin(i) = A(i) * (s*i - C) - K          A(i) = sum over m of v^m * s^(m-1) * b(m)
//! C = (funding + operating + capital * (hurdle - funding)) / 12 + h * LGD * EAD
//! K = origination cost - origination fee
//! ```
//!
//! `A` is the discounted balance that is expected to be outstanding; interest is earned from those
//! who survive the month (`s*i`), costs are borne on all who began it. By telescoping, charging
//! funding on the balance is the same as discounting the loan's cash flows at the funding rate:
//! the test `the_floor_is_where_the_cash_flows_break_even` holds the one against the other.
//! Capital costs its hurdle less funding, because the balance is already funded in full.

use fairlead_domain::RatePpm;
use fairlead_proto::control::v1 as pb;

use crate::error::Checks;
use crate::schedule::{MAX_AMOUNT_MINOR, Repayment, monthly};

/// The funding transfer price by tenor, linear between its points.
#[derive(Debug, Clone)]
pub(crate) struct FundingCurve {
    points: Vec<(i32, i64)>,
}

impl FundingCurve {
    fn compile(points: &[pb::FtpPoint], checks: &mut Checks) -> Self {
        checks.require(
            points
                .windows(2)
                .all(|pair| pair[0].tenor_months < pair[1].tenor_months),
            "cost.ftp",
            points.len(),
            "tenors ascending, each once",
        );
        for point in points {
            checks.between(
                "cost.ftp.tenor_months",
                i64::from(point.tenor_months),
                0,
                600,
            );
            checks.between("cost.ftp.rate_ppm", point.rate_ppm, 0, 1_000_000);
        }
        Self {
            points: points
                .iter()
                .map(|point| (point.tenor_months, point.rate_ppm))
                .collect(),
        }
    }

    /// The yearly rate at a tenor, a fraction; nothing outside the curve: it is not extended.
    pub(crate) fn at(&self, months: i32) -> Option<f64> {
        let after = self.points.partition_point(|(tenor, _)| *tenor < months);
        let (right, high) = *self.points.get(after)?;
        if right == months {
            return Some(high as f64 / 1e6);
        }
        let (left, low) = *self.points.get(after.checked_sub(1)?)?;
        let way = f64::from(months - left) / f64::from(right - left);
        Some((low as f64 + (high - low) as f64 * way) / 1e6)
    }

    fn highest(&self) -> i64 {
        self.points.iter().map(|(_, rate)| *rate).max().unwrap_or(0)
    }
}

/// A strategy's cost stack, checked.
#[derive(Debug, Clone)]
pub(crate) struct CostModel {
    pub(crate) funding: FundingCurve,
    pub(crate) origination_minor: i64,
    /// Expected use of a card's limit, parts per million.
    pub(crate) utilisation_ppm: i64,
    operating: f64,
    capital: f64,
    hurdle: f64,
    loss_given_default: f64,
    exposure_at_default: f64,
}

impl CostModel {
    pub(crate) fn compile(model: &pb::CostModel, checks: &mut Checks) -> Self {
        let funding = FundingCurve::compile(&model.ftp, checks);
        let million = 1_000_000;
        checks.between("cost.operating_ppm", model.operating_ppm, 0, million);
        let origination = model.origination_cost_minor;
        checks.between(
            "cost.origination_cost_minor",
            origination,
            0,
            MAX_AMOUNT_MINOR,
        );
        checks.between("cost.lgd_ppm", model.lgd_ppm, 0, million);
        checks.between("cost.ead_ppm", model.ead_ppm, 0, 2 * million);
        checks.between("cost.capital_ppm", model.capital_ppm, 0, million);
        checks.between("cost.utilisation_ppm", model.utilisation_ppm, 0, million);
        // A hurdle below funding would make capital a gain.
        let least = funding.highest();
        checks.between("cost.hurdle_ppm", model.hurdle_ppm, least, 10 * million);
        checks.require(
            model.take_up_slope.is_finite() && model.take_up_slope <= 0.0,
            "cost.take_up_slope",
            model.take_up_slope,
            "a finite number, not positive",
        );
        Self {
            funding,
            origination_minor: origination,
            utilisation_ppm: model.utilisation_ppm,
            operating: model.operating_ppm as f64 / 1e6,
            capital: model.capital_ppm as f64 / 1e6,
            hurdle: model.hurdle_ppm as f64 / 1e6,
            loss_given_default: model.lgd_ppm as f64 / 1e6,
            exposure_at_default: model.ead_ppm as f64 / 1e6,
        }
    }

    /// Loss per unit of a loan's balance when it defaults.
    pub(crate) fn loan_loss(&self) -> f64 {
        self.loss_given_default * self.exposure_at_default
    }

    /// Loss per unit of a card's expected balance: exposure at default is a share of the limit.
    pub(crate) fn card_loss(&self) -> f64 {
        self.loan_loss() / (self.utilisation_ppm as f64 / 1e6)
    }
}

/// The probability of default in one month whose twelvefold survival is that of the year.
pub(crate) fn monthly_hazard(pd_ppm: i64) -> f64 {
    -libm::expm1(libm::log1p(-(pd_ppm as f64) / 1e6) / 12.0)
}

/// The probability of default within `months`, from the one-year probability.
pub(crate) fn default_within(pd_ppm: i64, months: i32) -> f64 {
    -libm::expm1(libm::log1p(-(pd_ppm as f64) / 1e6) * f64::from(months) / 12.0)
}

/// What lending one unit for one tenor to one grade costs.
#[derive(Debug, Clone)]
pub(crate) struct UnitCost {
    repayment: Repayment,
    funding: f64,
    operating: f64,
    capital: f64,
    /// Probability of default in a month, and the loss per unit of balance when it happens.
    hazard: f64,
    loss: f64,
    discount: f64,
    /// `v * (v*s)^(n-k)` for `k` = 1..n instalments to come: weights of the balances.
    weights: Vec<f64>,
    /// `A` where the balance does not depend on the rate.
    fixed_exposure: Option<f64>,
}

/// The floor's parts, ppm per year; they sum to the floor exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FloorParts {
    pub(crate) funding: i64,
    pub(crate) operating: i64,
    pub(crate) expected_loss: i64,
    pub(crate) capital: i64,
    pub(crate) origination: i64,
}

impl UnitCost {
    /// `loss` is per unit of balance; nothing when the funding curve does not reach the tenor.
    pub(crate) fn new(
        model: &CostModel,
        loss: f64,
        pd_ppm: i64,
        (repayment, months): (Repayment, i32),
    ) -> Option<Self> {
        let funding = model.funding.at(months)?;
        let hazard = monthly_hazard(pd_ppm);
        let discount = 1.0 / (1.0 + funding / 12.0);
        let step = discount * (1.0 - hazard);
        let mut weights = Vec::with_capacity(months as usize);
        let mut weight = discount;
        for _ in 0..months {
            weights.push(weight);
            weight *= step;
        }
        weights.reverse();
        let total = f64::from(months);
        let fixed_exposure = match repayment {
            Repayment::Annuity => None,
            Repayment::EqualPrincipal => Some(
                (1..=months)
                    .zip(&weights)
                    .map(|(left, weight)| weight * f64::from(left) / total)
                    .sum(),
            ),
            Repayment::Bullet => Some(weights.iter().sum()),
        };
        Some(Self {
            repayment,
            funding,
            operating: model.operating,
            capital: model.capital * (model.hurdle - funding),
            hazard,
            loss,
            discount,
            weights,
            fixed_exposure,
        })
    }

    /// The discounted balance expected to be outstanding, in unit-months: `A` at a monthly rate.
    pub(crate) fn exposure(&self, rate: f64) -> f64 {
        if let Some(exposure) = self.fixed_exposure {
            return exposure;
        }
        debug_assert_eq!(self.repayment, Repayment::Annuity);
        // The balance before the k-th last instalment is H(k)/H(n), H(k) = sum of (1+i)^-t, t <= k.
        let discount = 1.0 / (1.0 + rate);
        let (mut power, mut value, mut sum) = (1.0, 0.0, 0.0);
        for weight in &self.weights {
            power *= discount;
            value += power;
            sum += weight * value;
        }
        sum / value
    }

    /// Costs of a month per unit of balance: `C`.
    fn running(&self) -> f64 {
        (self.funding + self.operating + self.capital) / 12.0 + self.hazard * self.loss
    }

    /// Present value of lending one unit, after every cost; `upfront` is `K` per unit.
    pub(crate) fn margin(&self, rate: RatePpm, upfront: f64) -> f64 {
        let rate = monthly(rate);
        self.exposure(rate) * ((1.0 - self.hazard) * rate - self.running()) - upfront
    }

    /// Present value of the losses expected per unit lent.
    pub(crate) fn expected_loss(&self, rate: RatePpm) -> f64 {
        self.exposure(monthly(rate)) * self.hazard * self.loss
    }

    /// The lowest whole-ppm yearly rate that covers cost; nothing when no rate up to the highest
    /// that can be written does.
    pub(crate) fn floor(&self, upfront: f64) -> Option<RatePpm> {
        let covers =
            |ppm: i64| RatePpm::new(ppm).is_ok_and(|rate| self.margin(rate, upfront) >= 0.0);
        let guess = self.floor_guess(upfront);
        let near = guess.filter(|ppm| covers(*ppm) && (*ppm == 0 || !covers(*ppm - 1)));
        let ppm = near.or_else(|| lowest(covers))?;
        RatePpm::new(ppm).ok()
    }

    /// Solves `s*i = C + K/A(i)` by repeating it: `A` hardly moves with the rate.
    fn floor_guess(&self, upfront: f64) -> Option<i64> {
        let solve = |exposure: f64| (self.running() + upfront / exposure) / (1.0 - self.hazard);
        let mut rate = (self.running() / (1.0 - self.hazard)).max(0.0);
        for _ in 0..12 {
            let next = solve(self.exposure(rate)).max(0.0);
            if (next - rate).abs() < 1e-13 {
                let ppm = (next * 12e6).ceil();
                return (ppm <= RatePpm::MAX.ppm() as f64).then_some(ppm as i64);
            }
            rate = next;
        }
        None
    }

    /// What the floor is made of. Interest forgone in the month of default belongs to the expected
    /// loss, which also takes the rounding.
    pub(crate) fn parts(&self, floor: RatePpm, upfront: f64) -> FloorParts {
        let ppm = |fraction: f64| (fraction * 1e6).round() as i64;
        let parts = FloorParts {
            funding: ppm(self.funding),
            operating: ppm(self.operating),
            capital: ppm(self.capital),
            origination: ppm(12.0 * upfront / self.exposure(monthly(floor))),
            expected_loss: 0,
        };
        let others = parts.funding + parts.operating + parts.capital + parts.origination;
        FloorParts {
            expected_loss: floor.ppm() - others,
            ..parts
        }
    }

    /// The largest net fee per unit lent for which the floor surely rises with the probability of
    /// default (an upfront gain is the larger part of a loan, the sooner the loan ends).
    ///
    /// With `x(j) = (v*s)^j * b(j+1)`, log-concave and falling from 1, the mean of `j` under `x` is
    /// at most that of the geometric sequence of the same sum, `A/v - 1`. So where `margin = 0`
    /// and `K < 0`, `d margin / dh <= |K| * A / (v*s) - A * (i + LGD*EAD)` is negative if
    /// `|K| <= v * s * LGD*EAD`; and `margin` rises in `i` there if `|K| <= v * s`.
    pub(crate) fn largest_fee(&self) -> f64 {
        self.discount * (1.0 - self.hazard) * self.loss.min(1.0)
    }
}

/// The lowest ppm from which a condition holds, by bisection.
fn lowest(holds: impl Fn(i64) -> bool) -> Option<i64> {
    let (mut low, mut high) = (0, RatePpm::MAX.ppm());
    if !holds(high) {
        return None;
    }
    while low < high {
        let middle = i64::midpoint(low, high);
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

#[cfg(test)]
#[path = "cost_tests.rs"]
mod tests;
