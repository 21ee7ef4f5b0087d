//! A credit product under one strategy, with everything worked out that no customer enters.

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_domain::{Money, RatePpm, Share};

use crate::cap::{Ceiling, highest_lawful_rate};
use crate::cost::{UnitCost, UnitLoan};
use crate::error::Checks;
use crate::limit::monthly_service;
use crate::rule_pack::{Binding, PackIndex, RuleBook};
use crate::schedule::{MAX_AMOUNT_MINOR, Repayment};
use crate::strategy::CreditStrategy;
use crate::terms::{CardTerms, LoanTerms};

/// The months over which a card's cost and all-in rate are reckoned.
const CARD_MONTHS: i32 = 12;

/// The unit costs of one strategy, which products share.
pub(crate) type CostCache = BTreeMap<CostKey, Arc<UnitCost>>;

/// The terms that a unit cost depends on, within a strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CostKey {
    repayment: Repayment,
    months: i32,
    /// The place of the grade.
    grade: usize,
    is_card: bool,
}

/// The fee that a customer pays at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fee {
    /// A share of the amount: a loan's origination fee.
    Share(Share),
    /// A fixed amount: a card's annual fee.
    Fixed(Money),
}

/// A credit product that can be priced.
#[derive(Debug)]
pub(crate) struct CreditPlan {
    pub(crate) is_card: bool,
    pub(crate) min: Money,
    pub(crate) max: Money,
    /// Amounts are multiples of this.
    pub(crate) step: Money,
    /// Limits are multiples of this: of the product's and of the strategy's step.
    pub(crate) limit_step: Money,
    pub(crate) repayment: Repayment,
    pub(crate) fee: Fee,
    /// The share of the amount that is expected to be owed: all of a loan.
    drawn: Share,
    /// Ascending in months.
    pub(crate) tenors: Vec<TenorPlan>,
    origination: Money,
}

/// One tenor of a product.
#[derive(Debug)]
pub(crate) struct TenorPlan {
    pub(crate) months: i32,
    /// By grade.
    pub(crate) costs: Vec<Arc<UnitCost>>,
    /// By rule pack, where the fee is a share of the amount.
    ceilings: Vec<PackCeiling>,
}

/// The ceiling under one rule pack.
#[derive(Debug, Clone, Copy)]
struct PackCeiling {
    pack: PackIndex,
    ceiling: Ceiling,
}

/// The terms that loans and cards have in common.
#[derive(Debug, Clone, Copy)]
struct CommonTerms {
    is_card: bool,
    min: Money,
    max: Money,
    step: Money,
    repayment: Repayment,
    fee: Fee,
}

impl CreditPlan {
    /// Works out a loan; notes errors, and returns `None` where it cannot be priced.
    pub(crate) fn loan(
        terms: &LoanTerms,
        credit: &CreditStrategy,
        cache: &mut CostCache,
        checks: &mut Checks,
    ) -> Option<Self> {
        let common = CommonTerms {
            is_card: false,
            min: terms.min,
            max: terms.max,
            step: terms.step,
            repayment: terms.repayment,
            fee: Fee::Share(terms.origination_fee),
        };
        let mut plan = Self::without_tenors(credit, common, checks)?;
        plan.add_tenors(credit, &terms.tenors, cache, checks);
        Some(plan)
    }

    /// Works out a card; notes errors, and returns `None` where it cannot be priced.
    pub(crate) fn card(
        terms: &CardTerms,
        credit: &CreditStrategy,
        cache: &mut CostCache,
        checks: &mut Checks,
    ) -> Option<Self> {
        let fee = terms.annual_fee;
        let common = CommonTerms {
            is_card: true,
            min: terms.min,
            max: terms.max,
            step: terms.step,
            repayment: Repayment::Bullet,
            fee: Fee::Fixed(fee),
        };
        let mut plan = Self::without_tenors(credit, common, checks)?;
        checks.require(
            fee < plan.drawn(plan.min),
            "card.annual_fee",
            fee.minor(),
            "less than the expected balance at the smallest limit",
        );
        plan.add_tenors(credit, &[CARD_MONTHS], cache, checks);
        Some(plan)
    }

    fn without_tenors(
        credit: &CreditStrategy,
        terms: CommonTerms,
        checks: &mut Checks,
    ) -> Option<Self> {
        let CommonTerms { min, max, step, .. } = terms;
        let other = credit.held.limit.step.minor();
        let limit_step = least_common_multiple(step.minor(), other);
        checks.require(
            limit_step.is_some(),
            "amount step",
            step.minor(),
            format!("one that has a common multiple with the strategy's {other}"),
        );
        Some(Self {
            is_card: terms.is_card,
            min,
            max,
            step,
            limit_step: Money::new(limit_step?, step.currency()),
            repayment: terms.repayment,
            fee: terms.fee,
            drawn: if terms.is_card {
                credit.cost.utilisation
            } else {
                Share::ALL
            },
            tenors: Vec::new(),
            origination: credit.cost.origination,
        })
    }

    fn add_tenors(
        &mut self,
        credit: &CreditStrategy,
        tenors: &[i32],
        cache: &mut CostCache,
        checks: &mut Checks,
    ) {
        for months in tenors {
            let Some(costs) = self.costs(credit, *months, cache) else {
                let allowed = "a tenor on the strategy's funding curve";
                checks.require(false, "tenors_months", months, allowed);
                continue;
            };
            // The largest share that the fee can be; the cost of origination is not taken off it,
            // since that only helps.
            let fee = self.fee_share(self.min);
            let most = costs
                .iter()
                .map(|cost| cost.largest_fee())
                .fold(1.0, f64::min);
            checks.require(
                fee <= most,
                "fee",
                format!("{fee:.6} of the balance over {months} months"),
                format!("at most {most:.6}, or the floor would fall as risk rises"),
            );
            self.tenors.push(TenorPlan {
                months: *months,
                costs,
                ceilings: Vec::new(),
            });
        }
    }

    /// Returns the unit cost of each grade, or `None` where the funding curve does not reach.
    fn costs(
        &self,
        credit: &CreditStrategy,
        months: i32,
        cache: &mut CostCache,
    ) -> Option<Vec<Arc<UnitCost>>> {
        let model = &credit.cost;
        let loss = if self.is_card {
            model.card_loss()
        } else {
            model.loan_loss()
        };
        let grades = credit.held.grades.grades.iter().enumerate();
        grades
            .map(|(place, grade)| {
                let key = CostKey {
                    repayment: self.repayment,
                    months,
                    grade: place,
                    is_card: self.is_card,
                };
                if let Some(cost) = cache.get(&key) {
                    return Some(Arc::clone(cost));
                }
                let loan = UnitLoan {
                    repayment: self.repayment,
                    months,
                    pd: grade.pd,
                    loss,
                };
                let cost = Arc::new(UnitCost::new(model, &loan)?);
                cache.insert(key, Arc::clone(&cost));
                Some(cost)
            })
            .collect()
    }

    /// Works out the ceilings under the packs that may bind, where the fee is a share of the
    /// amount and they are the same for every amount.
    pub(crate) fn add_ceilings(&mut self, book: &RuleBook, matching: &[PackIndex]) {
        let Fee::Share(fee) = self.fee else {
            return;
        };
        for tenor in &mut self.tenors {
            let ceiling = |pack: &PackIndex| {
                let cap = book.pack(*pack).max_all_in?;
                Some(PackCeiling {
                    pack: *pack,
                    ceiling: ceiling(self.repayment, tenor.months, fee.fraction(), cap),
                })
            };
            tenor.ceilings = matching.iter().filter_map(ceiling).collect();
        }
    }

    /// Returns the principal that is expected to be owed.
    pub(crate) fn drawn(&self, amount: Money) -> Money {
        amount.share(self.drawn)
    }

    /// Returns the share of the amount that is expected to be owed, a fraction.
    pub(crate) fn drawn_fraction(&self) -> f64 {
        self.drawn.fraction()
    }

    /// Returns the debt service a month of an amount at a yearly rate, by which affordability is tested,
    /// minor units rounded up; `None` where the rate is none. A card is paid off in a year.
    pub(crate) fn service_of(&self, minor: i64, months: i32, rate_ppm: i64) -> Option<i64> {
        let rate = RatePpm::new(rate_ppm).ok()?;
        let months = if self.is_card { CARD_MONTHS } else { months };
        let unit = self.drawn_fraction() * monthly_service(self.repayment, months.max(1), rate);
        Some((minor as f64 * unit).ceil() as i64)
    }

    /// Returns the fee in money, rounded down.
    pub(crate) fn fee(&self, amount: Money) -> Money {
        match self.fee {
            Fee::Share(share) => amount.share(share),
            Fee::Fixed(fee) => fee,
        }
    }

    /// Returns the fee as a fraction of what is owed.
    fn fee_share(&self, amount: Money) -> f64 {
        match self.fee {
            Fee::Share(share) => share.fraction(),
            Fee::Fixed(fee) => fee.minor() as f64 / self.owed(amount),
        }
    }

    /// Returns `K` of the floor: the cost of origination less the fee, per unit owed.
    pub(crate) fn upfront(&self, amount: Money) -> f64 {
        self.origination.minor() as f64 / self.owed(amount) - self.fee_share(amount)
    }

    /// Returns the principal that is expected to be owed in minor units, at least one.
    fn owed(&self, amount: Money) -> f64 {
        self.drawn(amount).minor().max(1) as f64
    }

    /// Returns the ceiling of an amount over a tenor under the law that binds.
    pub(crate) fn ceiling(&self, tenor: &TenorPlan, binding: &Binding, amount: Money) -> Ceiling {
        let Some(cap) = binding.cap else {
            return Ceiling::Uncapped;
        };
        let known = tenor.ceilings.iter().find(|one| one.pack == cap.pack);
        known.map_or_else(
            || {
                let fee = self.fee_share(amount);
                ceiling(self.repayment, tenor.months, fee, cap.most)
            },
            |known| known.ceiling,
        )
    }

    /// Returns the tenor of a number of months, or `None` where it is not on offer.
    pub(crate) fn tenor(&self, months: i32) -> Option<&TenorPlan> {
        self.tenors.iter().find(|tenor| tenor.months == months)
    }

    /// Returns the tenors on offer, in words.
    pub(crate) fn tenors_in_words(&self) -> String {
        let months: Vec<String> = self
            .tenors
            .iter()
            .map(|tenor| tenor.months.to_string())
            .collect();
        months.join(", ")
    }
}

/// Returns the ceiling under a cap for a fee that is a fraction of the amount.
fn ceiling(repayment: Repayment, months: i32, fee: f64, cap: RatePpm) -> Ceiling {
    let highest = highest_lawful_rate(repayment, months, fee, cap);
    highest.map_or(Ceiling::Unlawful, Ceiling::At)
}

/// Returns the least common multiple, or `None` where it leaves the range of amounts or a number
/// is not positive.
fn least_common_multiple(a: i64, b: i64) -> Option<i64> {
    if a <= 0 || b <= 0 {
        return None;
    }
    let (mut divisor, mut rest) = (a, b);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (a / divisor)
        .checked_mul(b)
        .filter(|multiple| *multiple <= MAX_AMOUNT_MINOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_multiples() {
        assert_eq!(least_common_multiple(100, 1_000), Some(1_000));
        assert_eq!(least_common_multiple(600, 1_000), Some(3_000));
        assert_eq!(least_common_multiple(0, 5), None);
        assert_eq!(least_common_multiple(9_999_999_967, 9_999_999_943), None);
    }
}
