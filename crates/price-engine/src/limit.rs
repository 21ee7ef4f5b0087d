//! Credit limits: the least of the bounds of law, income, product and strategy, rounded down.
//!
//! A limit never rises with the probability of default: multiples of income do not rise from grade
//! to grade (checked), the rate does not fall, and so neither does the monthly service of any
//! amount; the largest amount that can be served can only shrink.

use fairlead_domain::{Currency, Money, RatePpm, Share};
use fairlead_proto::control::v1 as pb;
use fairlead_proto::pricing::v1::ReasonCode;

use crate::Features;
use crate::error::Checks;
use crate::inputs::Accepted;
use crate::refusal::{Cause, Refused, refuse, required_number};
use crate::risk::Grades;
use crate::rule_pack::PackBound;
use crate::schedule::{MAX_AMOUNT_MINOR, Repayment, annuity_value, monthly};

/// Verified income, minor units a month.
pub(crate) const INCOME: &str = "income_monthly_minor";
/// Instalments already owed, minor units a month.
pub(crate) const DEBT_SERVICE: &str = "debt_service_monthly_minor";
/// Unsecured exposure at other lenders, minor units.
pub(crate) const EXPOSURE: &str = "exposure_elsewhere_minor";
/// Exposure at this lender as the bank states it, minor units; none where it never did.
pub(crate) const EXPOSURE_OWN: &str = "exposure_own_minor";

/// A strategy's limit rules, checked.
#[derive(Debug, Clone)]
pub(crate) struct LimitRules {
    /// The largest share of income that may go into debt service.
    max_dti: Share,
    /// By grade; empty where no multiple of income bounds the limit.
    multiples: Vec<IncomeMultiple>,
    cap: Option<Money>,
    pub(crate) step: Money,
}

/// A multiple of monthly income, in thousandths: 2,500 is two and a half times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct IncomeMultiple {
    milli: i64,
}

impl LimitRules {
    pub(crate) fn compile(
        rules: &pb::LimitRules,
        grades: &Grades,
        currency: Currency,
        checks: &mut Checks,
    ) -> Self {
        let max_dti = checks.share("limit.max_dti_ppm", rules.max_dti_ppm, 1..=1_000_000);
        checks.within("limit.cap_minor", rules.cap_minor, 0..=MAX_AMOUNT_MINOR);
        checks.within("limit.step_minor", rules.step_minor, 1..=MAX_AMOUNT_MINOR);
        Self {
            max_dti,
            multiples: multiples(rules, grades, checks),
            cap: (rules.cap_minor > 0).then_some(Money::new(rules.cap_minor, currency)),
            step: Money::new(rules.step_minor, currency),
        }
    }
}

/// Returns the multiple of income of each grade, or none where the rules hold none.
fn multiples(rules: &pb::LimitRules, grades: &Grades, checks: &mut Checks) -> Vec<IncomeMultiple> {
    const FIELD: &str = "limit.income_multiple_milli";
    let by_grade = &rules.income_multiple_milli;
    if by_grade.is_empty() {
        return Vec::new();
    }
    let mut multiples = Vec::new();
    for name in grades.names() {
        if let Some(multiple) = by_grade.get(name) {
            checks.within(FIELD, *multiple, 0..=1_000_000);
            multiples.push(*multiple);
        } else {
            checks.missing(FIELD, name, by_grade.keys().map(String::as_str));
        }
    }
    checks.require(
        multiples.is_sorted_by(|better, worse| better >= worse),
        FIELD,
        format!("{multiples:?}"),
        "not rising from the best grade to the worst",
    );
    for name in by_grade.keys() {
        let known = grades.named(name).is_some();
        checks.require(known, FIELD, name, "a grade of the strategy");
    }
    multiples
        .into_iter()
        .map(|milli| IncomeMultiple { milli })
        .collect()
}

/// The bound that a limit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Product,
    Strategy,
    IncomeMultiple,
    Exposure,
    /// The same, where a part of the cap is taken here.
    ExposureHere,
    Affordability,
}

impl Bound {
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Product => "the product's largest amount",
            Self::Strategy => "the strategy's cap",
            Self::IncomeMultiple => "the multiple of income for the grade",
            Self::Exposure => "the regulatory cap less exposure elsewhere",
            Self::ExposureHere => "the regulatory cap less exposure elsewhere and here",
            Self::Affordability => "what income less debt service affords",
        }
    }

    /// Returns the reason that a customer is given, or `None` for the product's and the strategy's
    /// caps, which say nothing about the customer.
    pub(crate) fn reason(self) -> Option<ReasonCode> {
        let (code, text, feature) = match self {
            Self::Product | Self::Strategy => return None,
            Self::IncomeMultiple => ("L01", "income is low for the amount", INCOME),
            Self::Affordability => ("L02", "debt service is high for the income", DEBT_SERVICE),
            Self::Exposure => ("L03", "credit held at other lenders is high", EXPOSURE),
            Self::ExposureHere => ("L04", "credit held or accepted here is high", EXPOSURE_OWN),
        };
        Some(ReasonCode {
            code: code.to_owned(),
            text: text.to_owned(),
            feature: feature.to_owned(),
            contribution: 0.0,
        })
    }
}

/// The bounds of a customer's limit beside income and debts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LimitTerms {
    /// The place of the customer's grade, best first.
    pub(crate) grade: usize,
    /// The product's largest amount.
    pub(crate) product_max: Money,
    /// The cap of the law on unsecured exposure.
    pub(crate) exposure: Option<PackBound<Money>>,
    /// The accepted lending that no feature holds yet.
    pub(crate) accepted: Accepted,
}

/// The headroom for lending to a customer, over all products: by income, debts and the law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Headroom {
    income: Money,
    debts: Money,
    /// The debt service that income affords a month, before any.
    gross_monthly: Money,
    exposure: Option<ExposureHeadroom>,
}

/// The cap on exposure, and what is taken of it by the bank's statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ExposureHeadroom {
    cap: Money,
    elsewhere: Money,
    own: Money,
}

impl Headroom {
    pub(crate) fn find(
        rules: &LimitRules,
        exposure: Option<PackBound<Money>>,
        features: &dyn Features,
        currency: Currency,
    ) -> Result<Self, Refused> {
        let read = |name, used_for| required_amount(features, name, used_for, currency);
        let income = read(INCOME, "the limit")?;
        let debts = read(DEBT_SERVICE, "the limit")?;
        let exposure = exposure.map(|cap| {
            let used_for = "the regulatory cap on exposure";
            let own = match features.number(EXPOSURE_OWN) {
                None => Money::new(0, currency),
                Some(_) => read(EXPOSURE_OWN, used_for)?,
            };
            Ok::<_, Refused>(ExposureHeadroom {
                cap: cap.most,
                elsewhere: read(EXPOSURE, used_for)?,
                own,
            })
        });
        Ok(Self {
            income,
            debts,
            gross_monthly: income.share(rules.max_dti),
            exposure: exposure.transpose()?,
        })
    }

    /// Returns the exposure that may be accepted in all, minor units, or `None` where no cap binds.
    pub(crate) fn exposure_minor(&self) -> Option<i64> {
        let headroom = self.exposure?;
        let taken = headroom
            .elsewhere
            .minor()
            .saturating_add(headroom.own.minor());
        Some(headroom.cap.minor().saturating_sub(taken))
    }

    /// Returns the debt service a month that may be accepted in all, minor units.
    pub(crate) fn monthly_minor(&self) -> i64 {
        self.gross_monthly
            .minor()
            .saturating_sub(self.debts.minor())
    }
}

/// The capacity to borrow by a customer's income, debts and grade, before any rate is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// The least of the bounds that do not depend on a rate; not negative.
    pub(crate) ceiling: Money,
    /// The bound that it is.
    pub(crate) bound: Bound,
    /// The debt service that can be paid a month; not negative.
    pub(crate) monthly: Money,
    /// The same before the debt service that the bank states.
    pub(crate) gross_monthly: Money,
    /// The exposure here, stated or accepted.
    pub(crate) own_exposure: Money,
}

impl Capacity {
    pub(crate) fn find(
        rules: &LimitRules,
        terms: LimitTerms,
        features: &dyn Features,
    ) -> Result<Self, Refused> {
        let currency = terms.product_max.currency();
        let money = |minor: i64| Money::new(minor, currency);
        let headroom = Headroom::find(rules, terms.exposure, features, currency)?;
        let mut least = (terms.product_max, Bound::Product);
        let mut lower = |amount: Money, bound| {
            if amount < least.0 {
                least = (amount, bound);
            }
        };
        if let Some(cap) = rules.cap {
            lower(cap, Bound::Strategy);
        }
        if let Some(multiple) = rules.multiples.get(terms.grade) {
            lower(
                income_bound(headroom.income, *multiple)?,
                Bound::IncomeMultiple,
            );
        }
        let accepted = terms.accepted;
        let own = headroom.exposure.map_or(0, |exposure| exposure.own.minor());
        let own = own.saturating_add(accepted.exposure_minor);
        if let Some(left) = headroom.exposure_minor() {
            let left = left.saturating_sub(accepted.exposure_minor).max(0);
            let bound = if own > 0 {
                Bound::ExposureHere
            } else {
                Bound::Exposure
            };
            lower(money(left), bound);
        }
        let (ceiling, bound) = least;
        let less_accepted = |minor: i64| minor.saturating_sub(accepted.monthly_minor).max(0);
        Ok(Self {
            ceiling,
            bound,
            monthly: money(less_accepted(headroom.monthly_minor())),
            gross_monthly: money(less_accepted(headroom.gross_monthly.minor())),
            own_exposure: money(own),
        })
    }
}

/// Returns an amount feature in minor units, rounded down, or a refusal where it is unknown or
/// out of range.
fn required_amount(
    features: &dyn Features,
    name: &str,
    used_for: &str,
    currency: Currency,
) -> Result<Money, Refused> {
    let allowed = 0.0..=MAX_AMOUNT_MINOR as f64;
    let value = required_number(features, name, used_for, &allowed)?;
    Ok(Money::new(value.floor() as i64, currency))
}

/// Returns the multiple of an income, rounded down.
fn income_bound(income: Money, multiple: IncomeMultiple) -> Result<Money, Refused> {
    let bound = income.checked_mul_div(multiple.milli, 1_000);
    bound.ok_or_else(|| {
        let detail =
            format!("{INCOME} `{income}` is not allowed: its multiple is no 64-bit amount");
        refuse(Cause::InputOutOfRange, detail)
    })
}

/// Returns the monthly service of one unit of principal, by which affordability is tested. A bullet
/// loan is tested as if it were paid off evenly, equal principal by its first and largest
/// instalment.
pub(crate) fn monthly_service(repayment: Repayment, months: i32, rate: RatePpm) -> f64 {
    match repayment {
        Repayment::Annuity | Repayment::Bullet => 1.0 / annuity_value(monthly(rate), months),
        Repayment::EqualPrincipal => 1.0 / f64::from(months) + monthly(rate),
    }
}

/// A limit, and the bound that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) amount: Money,
    pub(crate) bound: Bound,
}

/// The amounts among which a limit is sought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AmountGrid<'a> {
    /// Limits are multiples of this.
    pub(crate) step: Money,
    /// The smallest limit that is of use, at least one minor unit.
    pub(crate) least: Money,
    /// The amounts at which the rate card may change, ascending.
    pub(crate) breaks: &'a [Money],
}

impl AmountGrid<'_> {
    /// Rounds minor units down to a multiple of the step.
    fn round(&self, minor: i64) -> i64 {
        minor - minor.rem_euclid(self.step.minor())
    }

    /// Returns the minor units at which the stretch of an amount begins: the last break at or
    /// below it.
    fn stretch_start(&self, minor: i64) -> i64 {
        let after = self.breaks.partition_point(|at| at.minor() <= minor);
        let last = self.breaks[..after].last();
        last.map_or(0, |amount| amount.minor())
    }
}

/// Returns the largest amount of the grid that is within `capacity` and can be served at the rate
/// of that very amount; one below the grid's least where none is. `rate_at` gives the rate of an
/// amount, or the refusal where it has none; `service` the monthly service of one unit at a rate.
///
/// Between two breaks the rate does not rise with the amount (the floor falls, because the cost of
/// origination spreads), so that replacing an amount by what its own rate affords ends at the
/// largest affordable amount there; then the next lower stretch is tried.
pub(crate) fn largest_affordable(
    capacity: &Capacity,
    grid: AmountGrid<'_>,
    rate_at: impl Fn(Money) -> Result<RatePpm, Refused>,
    service: impl Fn(RatePpm) -> f64,
) -> Result<Limit, Refused> {
    let money = |minor| Money::new(minor, grid.step.currency());
    let mut amount = grid.round(capacity.ceiling.minor());
    let mut bound = capacity.bound;
    let mut first_refusal = None;
    while amount >= grid.least.minor() {
        let start = grid.stretch_start(amount);
        let next_stretch = grid.round(start - 1);
        match rate_at(money(amount)) {
            Ok(rate) => {
                let served = (capacity.monthly.minor() as f64 / service(rate)).floor();
                let affordable = grid.round(served.min(amount as f64) as i64);
                if affordable >= amount {
                    let amount = money(amount);
                    return Ok(Limit { amount, bound });
                }
                bound = Bound::Affordability;
                amount = if affordable >= start {
                    affordable
                } else {
                    next_stretch
                };
            }
            // A hole in the card may end with the stretch; too high a floor only gets higher.
            Err(refusal) => {
                let hole = matches!(refusal.cause(), Cause::NoRow | Cause::InputOutOfRange);
                first_refusal.get_or_insert(refusal);
                if !hole {
                    break;
                }
                amount = next_stretch;
            }
        }
    }
    let amount = money(amount.max(0));
    first_refusal.map_or(Ok(Limit { amount, bound }), Err)
}

/// Returns the refusal of a limit that is below the amount needed, with its reason.
pub(crate) fn too_little(limit: Limit, needed: Money, what: &str) -> Refused {
    let bound = limit.bound.in_words();
    let limited = limit.amount;
    let detail = format!("the limit is {limited}, by {bound}; {what} is {needed}");
    let mut refusal = refuse(Cause::Limit, detail);
    refusal.reasons.extend(limit.bound.reason());
    refusal
}

#[cfg(test)]
#[path = "limit_tests.rs"]
mod tests;
