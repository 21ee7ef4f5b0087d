//! Credit limits: the least of what law, income, product and strategy allow, rounded down.
//!
//! A limit never rises with the probability of default: multiples of income do not rise from grade
//! to grade (checked), the rate does not fall, and so neither does the monthly service of any
//! amount; the largest amount that can be served can only shrink.

use fairlead_domain::{Currency, Money, RatePpm};
use fairlead_proto::control::v1 as pb;
use fairlead_proto::pricing::v1::{ReasonCode, Refusal};

use crate::Features;
use crate::error::Checks;
use crate::refusal::{Cause, Refused, refuse, required_number};
use crate::risk::Grades;
use crate::rule_pack::Binding;
use crate::schedule::{MAX_AMOUNT_MINOR, Repayment, annuity_value, monthly};

/// Verified income, minor units a month.
pub(crate) const INCOME: &str = "income_monthly_minor";
/// Instalments already owed, minor units a month.
pub(crate) const DEBT_SERVICE: &str = "debt_service_monthly_minor";
/// Unsecured exposure at other lenders, minor units.
pub(crate) const EXPOSURE: &str = "exposure_elsewhere_minor";

/// A strategy's limit rules, checked.
#[derive(Debug, Clone)]
pub(crate) struct LimitRules {
    max_dti_ppm: i64,
    /// By grade, thousandths; empty for no multiple.
    multiples: Vec<i64>,
    cap: Option<i64>,
    pub(crate) step: i64,
}

impl LimitRules {
    pub(crate) fn compile(rules: &pb::LimitRules, grades: &Grades, checks: &mut Checks) -> Self {
        checks.between("limit.max_dti_ppm", rules.max_dti_ppm, 1, 1_000_000);
        checks.between("limit.cap_minor", rules.cap_minor, 0, MAX_AMOUNT_MINOR);
        checks.between("limit.step_minor", rules.step_minor, 1, MAX_AMOUNT_MINOR);
        let mut multiples = Vec::new();
        if !rules.income_multiple_milli.is_empty() {
            for name in grades.names() {
                match rules.income_multiple_milli.get(name) {
                    Some(multiple) => {
                        checks.between("limit.income_multiple_milli", *multiple, 0, 1_000_000);
                        multiples.push(*multiple);
                    }
                    None => checks.missing("limit.income_multiple_milli", name),
                }
            }
            checks.require(
                multiples.is_sorted_by(|better, worse| better >= worse),
                "limit.income_multiple_milli",
                format!("{multiples:?}"),
                "not rising from the best grade to the worst",
            );
            for name in rules.income_multiple_milli.keys() {
                let known = grades.named(name).is_some();
                checks.require(
                    known,
                    "limit.income_multiple_milli",
                    name,
                    "a grade of the strategy",
                );
            }
        }
        Self {
            max_dti_ppm: rules.max_dti_ppm,
            multiples,
            cap: (rules.cap_minor > 0).then_some(rules.cap_minor),
            step: rules.step_minor,
        }
    }
}

/// What bounds a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Product,
    Strategy,
    IncomeMultiple,
    Exposure,
    Affordability,
}

impl Bound {
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Product => "the product's largest amount",
            Self::Strategy => "the strategy's cap",
            Self::IncomeMultiple => "the multiple of income for the grade",
            Self::Exposure => "the regulatory cap less exposure elsewhere",
            Self::Affordability => "what income less debt service affords",
        }
    }

    /// The reason that a customer is given; the product's and the strategy's caps are nobody's fault.
    pub(crate) fn reason(self) -> Option<ReasonCode> {
        let (code, text, feature) = match self {
            Self::Product | Self::Strategy => return None,
            Self::IncomeMultiple => ("L01", "income is low for the amount", INCOME),
            Self::Affordability => ("L02", "debt service is high for the income", DEBT_SERVICE),
            Self::Exposure => ("L03", "credit held at other lenders is high", EXPOSURE),
        };
        Some(ReasonCode {
            code: code.to_owned(),
            text: text.to_owned(),
            feature: feature.to_owned(),
            contribution: 0.0,
        })
    }
}

/// What a customer's income, debts and grade allow, before any rate is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// The least of the bounds that no rate enters, minor units; not negative.
    pub(crate) ceiling: i64,
    /// Which bound that is.
    pub(crate) bound: Bound,
    /// What can be paid a month, minor units; not negative.
    pub(crate) monthly: i64,
    /// What can be paid a month before existing debt service.
    pub(crate) gross_monthly: i64,
}

impl Capacity {
    pub(crate) fn of(
        rules: &LimitRules,
        grade: usize,
        (binding, product_max): (&Binding, i64),
        features: &dyn Features,
    ) -> Result<Self, Refused> {
        let amount = |name, used_for| {
            required_number(features, name, used_for, (0.0, MAX_AMOUNT_MINOR as f64))
                .map(|value| value.floor() as i64)
        };
        let income = amount(INCOME, "the limit")?;
        let debts = amount(DEBT_SERVICE, "the limit")?;
        let mut bounds = vec![(product_max, Bound::Product)];
        bounds.extend(rules.cap.map(|cap| (cap, Bound::Strategy)));
        if let Some(multiple) = rules.multiples.get(grade) {
            bounds.push((share(income, *multiple, 1_000), Bound::IncomeMultiple));
        }
        if let Some((_, cap)) = binding.exposure {
            let elsewhere = amount(EXPOSURE, "the regulatory cap on exposure")?;
            bounds.push(((cap - elsewhere).max(0), Bound::Exposure));
        }
        let least = bounds.into_iter().min_by_key(|(amount, _)| *amount);
        let (ceiling, bound) = least.unwrap_or((0, Bound::Product));
        let gross_monthly = share(income, rules.max_dti_ppm, 1_000_000);
        Ok(Self {
            ceiling,
            bound,
            monthly: (gross_monthly - debts).max(0),
            gross_monthly,
        })
    }
}

/// `amount * part / whole`, rounded down; amounts are bounded, so that it fits.
fn share(amount: i64, part: i64, whole: i64) -> i64 {
    i64::try_from(i128::from(amount) * i128::from(part) / i128::from(whole)).unwrap_or(i64::MAX)
}

/// What one unit of principal costs a month: the affordability test's annuity factor. A bullet loan
/// is tested as if it were paid off evenly, equal principal by its first and largest instalment.
pub(crate) fn monthly_service(repayment: Repayment, months: i32, rate: RatePpm) -> f64 {
    match repayment {
        Repayment::Annuity | Repayment::Bullet => 1.0 / annuity_value(monthly(rate), months),
        Repayment::EqualPrincipal => 1.0 / f64::from(months) + monthly(rate),
    }
}

/// A limit in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) amount: i64,
    pub(crate) bound: Bound,
}

/// The amounts among which a limit is sought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid<'a> {
    /// Limits are multiples of this.
    pub(crate) step: i64,
    /// Below this a limit is of no use, 1 or more.
    pub(crate) least: i64,
    /// Amounts at which the rate card may change, ascending.
    pub(crate) breaks: &'a [i64],
}

/// The largest amount of the grid that is within `capacity` and can be served at the rate of that
/// very amount; one below the grid's least where none is. `rate_at` gives the rate of an amount, or
/// why there is none; `service` the monthly service of one unit at a rate.
///
/// Between two breaks the rate does not rise with the amount (the floor falls, because the cost of
/// origination spreads), so that replacing an amount by what its own rate affords ends at the
/// largest affordable amount there; then the next lower stretch is tried.
pub(crate) fn largest_affordable(
    capacity: &Capacity,
    grid: Grid<'_>,
    rate_at: impl Fn(i64) -> Result<RatePpm, Refused>,
    service: impl Fn(RatePpm) -> f64,
) -> Result<Limit, Refused> {
    let Grid {
        step,
        least,
        breaks,
    } = grid;
    let round = |amount: i64| amount - amount.rem_euclid(step);
    let mut amount = round(capacity.ceiling);
    let mut bound = capacity.bound;
    let mut first_refusal = None;
    while amount >= least {
        let start = breaks[..breaks.partition_point(|at| *at <= amount)]
            .last()
            .copied()
            .unwrap_or(0);
        let next_stretch = round(start - 1);
        match rate_at(amount) {
            Ok(rate) => {
                let served = (capacity.monthly as f64 / service(rate)).floor();
                let affordable = round(served.min(amount as f64) as i64);
                if affordable >= amount {
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
    let amount = amount.max(0);
    first_refusal.map_or(Ok(Limit { amount, bound }), Err)
}

/// The refusal of a limit below what is needed, with its reason.
pub(crate) fn too_little(limit: Limit, needed: i64, currency: Currency, what: &str) -> Refused {
    let show = |minor| Money::new(minor, currency);
    let mut refusal: Box<Refusal> = refuse(
        Cause::Limit,
        format!(
            "the limit is {}, by {}; {what} is {}",
            show(limit.amount),
            limit.bound.in_words(),
            show(needed)
        ),
    );
    refusal.reasons.extend(limit.bound.reason());
    refusal
}

#[cfg(test)]
#[path = "limit_tests.rs"]
mod tests;
