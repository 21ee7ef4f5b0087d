//! The cost of lending: funding, operation, expected loss and capital, month by month over the
//! repayment schedule; and the price floor, the yearly rate that just covers them.
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
//! `A` is the discounted balance that is expected to be outstanding; interest is earned from the
//! borrowers who survive the month (`s*i`), costs are borne on all who began it. By telescoping, charging
//! funding on the balance is the same as discounting the loan's cash flows at the funding rate:
//! the test `the_floor_is_where_the_cash_flows_break_even` holds the one against the other.
//! Capital costs its hurdle less funding, because the balance is already funded in full.

use fairlead_domain::{Currency, Money, RatePpm, Share};
use fairlead_proto::control::v1 as pb;

use crate::Error;
use crate::by_strategy::ByStrategy;
use crate::error::Checks;
use crate::schedule::{MAX_AMOUNT_MINOR, Repayment, monthly};
use crate::take_up::TakeUp;
use crate::waterfall::Ppm;

/// The highest yearly hurdle return on capital, ppm.
const MOST_HURDLE_PPM: i64 = 10_000_000;

/// The funding transfer price by tenor, linear between its points.
#[derive(Debug, Clone)]
pub(crate) struct FundingCurve {
    points: Vec<FundingPoint>,
}

#[derive(Debug, Clone, Copy)]
struct FundingPoint {
    months: i32,
    rate: RatePpm,
}

impl FundingCurve {
    fn compile(points: &[pb::FtpPoint], checks: &mut Checks) -> Self {
        checks.require(
            points
                .windows(2)
                .all(|pair| pair[0].tenor_months < pair[1].tenor_months),
            "ftp",
            points.len(),
            "tenors ascending, each once",
        );
        let point = |point: &pb::FtpPoint| {
            let months = point.tenor_months;
            checks.within("ftp.tenor_months", i64::from(months), 0..=600);
            let rate = checks.rate("ftp.rate_ppm", point.rate_ppm, 0..=1_000_000);
            FundingPoint { months, rate }
        };
        Self {
            points: points.iter().map(point).collect(),
        }
    }

    /// Returns the yearly rate at a tenor, a fraction, or `None` outside the curve, which is not
    /// extended.
    pub(crate) fn at(&self, months: i32) -> Option<f64> {
        let after = self.points.partition_point(|point| point.months < months);
        let right = *self.points.get(after)?;
        if right.months == months {
            return Some(right.rate.fraction());
        }
        let left = *self.points.get(after.checked_sub(1)?)?;
        let part = f64::from(months - left.months) / f64::from(right.months - left.months);
        let (low, high) = (left.rate.ppm(), right.rate.ppm());
        Some((low as f64 + (high - low) as f64 * part) / 1e6)
    }

    fn highest(&self) -> RatePpm {
        let rates = self.points.iter().map(|point| point.rate);
        rates.max().unwrap_or(RatePpm::ZERO)
    }
}

/// The cost stack of some strategies, checked.
#[derive(Debug, Clone)]
pub(crate) struct CostModel {
    pub(crate) currency: Currency,
    /// The shift of take-up by price, or `None` where none is known.
    pub(crate) take_up: Option<TakeUp>,
    pub(crate) funding: FundingCurve,
    /// The cost of origination.
    pub(crate) origination: Money,
    /// The share of a card's limit that is expected to be used.
    pub(crate) utilisation: Share,
    operating: f64,
    capital: f64,
    hurdle: f64,
    loss_given_default: f64,
    exposure_at_default: f64,
}

/// Compiles all cost models of a release, adding errors to `errors`.
pub(crate) fn compile_cost_models(
    models: &[pb::CostModel],
    errors: &mut Vec<Error>,
) -> ByStrategy<CostModel> {
    let entries = models
        .iter()
        .map(|one| (&one.cost_model_id, &one.strategies, one));
    ByStrategy::compile("cost model", entries, CostModel::compile, errors)
}

/// Returns every error in the cost models of a draft.
pub fn check_cost_models(models: &[pb::CostModel]) -> Vec<Error> {
    let mut errors = Vec::new();
    compile_cost_models(models, &mut errors);
    errors
}

impl CostModel {
    /// Checks a cost model.
    ///
    /// # Errors
    /// Every error of it at once.
    pub(crate) fn compile(model: &pb::CostModel) -> Result<Self, Vec<Error>> {
        let mut checks = Checks::new(format!("cost model {:?}", model.cost_model_id));
        let currency = checks.currency("currency", &model.currency);
        // For the checks of a model that is refused without one.
        let model = Self::checked(model, currency.unwrap_or(Currency::NONE), &mut checks);
        checks.finish(model)
    }

    fn checked(model: &pb::CostModel, currency: Currency, checks: &mut Checks) -> Self {
        let funding = FundingCurve::compile(&model.ftp, checks);
        let operating = checks.share("operating_ppm", model.operating_ppm, 0..=1_000_000);
        let origination = model.origination_cost_minor;
        checks.within("origination_cost_minor", origination, 0..=MAX_AMOUNT_MINOR);
        let loss = checks.share("lgd_ppm", model.lgd_ppm, 0..=1_000_000);
        let exposure = checks.rate("ead_ppm", model.ead_ppm, 0..=2_000_000);
        let capital = checks.share("capital_ppm", model.capital_ppm, 0..=1_000_000);
        let utilisation = checks.share("utilisation_ppm", model.utilisation_ppm, 0..=1_000_000);
        // A hurdle below funding would make capital a gain.
        let hurdle = funding.highest().ppm()..=MOST_HURDLE_PPM;
        let hurdle = checks.rate("hurdle_ppm", model.hurdle_ppm, hurdle);
        Self {
            currency,
            take_up: TakeUp::compile(model, checks),
            funding,
            origination: Money::new(origination, currency),
            utilisation,
            operating: operating.fraction(),
            capital: capital.fraction(),
            hurdle: hurdle.fraction(),
            loss_given_default: loss.fraction(),
            exposure_at_default: exposure.fraction(),
        }
    }

    /// Returns the loss per unit of a loan's balance when it defaults.
    pub(crate) fn loan_loss(&self) -> f64 {
        self.loss_given_default * self.exposure_at_default
    }

    /// Returns the loss per unit of a card's expected balance when it defaults: the exposure at
    /// default is a share of the limit.
    pub(crate) fn card_loss(&self) -> f64 {
        self.loan_loss() / self.utilisation.fraction()
    }
}

/// Returns the probability of default in one month whose twelvefold survival is that of the year,
/// from the one-year probability.
pub(crate) fn monthly_hazard(pd: Share) -> f64 {
    -libm::expm1(libm::log1p(-pd.fraction()) / 12.0)
}

/// Returns the probability of default within `months`, from the one-year probability.
pub(crate) fn default_within(pd: Share, months: i32) -> f64 {
    -libm::expm1(libm::log1p(-pd.fraction()) * f64::from(months) / 12.0)
}

/// One unit lent to one grade.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnitLoan {
    pub(crate) repayment: Repayment,
    pub(crate) months: i32,
    /// The one-year probability of default.
    pub(crate) pd: Share,
    /// The loss per unit of balance when it defaults.
    pub(crate) loss: f64,
}

/// The cost of lending one unit for one tenor to one grade.
#[derive(Debug, Clone)]
pub(crate) struct UnitCost {
    repayment: Repayment,
    funding: f64,
    operating: f64,
    capital: f64,
    /// The probability of default in a month.
    hazard: f64,
    /// The loss per unit of balance when it defaults.
    loss: f64,
    discount: f64,
    /// `v * (v*s)^(n-k)` for `k` = 1..n instalments to come: weights of the balances.
    weights: Vec<f64>,
    /// `A` where the balance does not depend on the rate.
    fixed_exposure: Option<f64>,
}

/// The parts of the floor, per year, which add up to it exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FloorParts {
    pub(crate) funding: Ppm,
    pub(crate) operating: Ppm,
    pub(crate) expected_loss: Ppm,
    pub(crate) capital: Ppm,
    pub(crate) origination: Ppm,
}

impl UnitCost {
    /// Returns the cost of a loan, or `None` where the funding curve does not reach its tenor.
    pub(crate) fn new(model: &CostModel, loan: &UnitLoan) -> Option<Self> {
        let UnitLoan {
            repayment,
            months,
            pd,
            loss,
        } = *loan;
        let funding = model.funding.at(months)?;
        let hazard = monthly_hazard(pd);
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

    /// Returns `A` at a monthly rate: the discounted balance expected to be outstanding, in
    /// unit-months.
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

    /// Returns `C`, the costs of a month per unit of balance.
    fn running(&self) -> f64 {
        (self.funding + self.operating + self.capital) / 12.0 + self.hazard * self.loss
    }

    /// Returns the present value of lending one unit, after every cost; `upfront` is `K` per unit.
    pub(crate) fn margin(&self, rate: RatePpm, upfront: f64) -> f64 {
        let rate = monthly(rate);
        self.exposure(rate) * ((1.0 - self.hazard) * rate - self.running()) - upfront
    }

    /// Returns the present value of the losses expected per unit lent.
    pub(crate) fn expected_loss(&self, rate: RatePpm) -> f64 {
        self.exposure(monthly(rate)) * self.hazard * self.loss
    }

    /// Returns the lowest whole-ppm yearly rate that covers cost, or `None` where no rate up to
    /// [`RatePpm::MAX`] does.
    pub(crate) fn floor(&self, upfront: f64) -> Option<RatePpm> {
        let covers =
            |ppm: i64| RatePpm::new(ppm).is_ok_and(|rate| self.margin(rate, upfront) >= 0.0);
        let guess = self.floor_guess(upfront);
        let near = guess.filter(|ppm| covers(*ppm) && (*ppm == 0 || !covers(*ppm - 1)));
        let ppm = near.or_else(|| lowest(covers))?;
        RatePpm::new(ppm).ok()
    }

    /// Solves `s*i = C + K/A(i)` by iteration, since `A` hardly moves with the rate. Returns ppm,
    /// or `None` where it does not settle.
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

    /// Returns the parts of the floor. Interest forgone in the month of default belongs to the
    /// expected loss, which also takes the rounding.
    pub(crate) fn parts(&self, floor: RatePpm, upfront: f64) -> FloorParts {
        let parts = FloorParts {
            funding: Ppm::from_fraction(self.funding),
            operating: Ppm::from_fraction(self.operating),
            capital: Ppm::from_fraction(self.capital),
            origination: Ppm::from_fraction(12.0 * upfront / self.exposure(monthly(floor))),
            expected_loss: Ppm::ZERO,
        };
        let others = parts.funding + parts.operating + parts.capital + parts.origination;
        FloorParts {
            expected_loss: Ppm::from(floor) - others,
            ..parts
        }
    }

    /// Returns the largest net fee per unit lent for which the floor surely rises with the probability of
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

/// Returns the lowest ppm from which a condition holds, found by bisection, or `None` where it
/// does not hold at [`RatePpm::MAX`].
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
