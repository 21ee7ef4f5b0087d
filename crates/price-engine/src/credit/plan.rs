//! A credit product under one strategy, with everything worked out that no customer enters.

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_domain::{Currency, RatePpm};
use fairlead_proto::catalogue::v1::{CardTerms, LoanTerms};

use crate::cap::highest_lawful_rate;
use crate::cost::UnitCost;
use crate::error::Checks;
use crate::rule_pack::{Binding, RuleBook};
use crate::schedule::{MAX_AMOUNT_MINOR, MAX_MONTHS, Repayment};
use crate::strategy::CreditStrategy;
use crate::terms::minor;

/// The months over which a card's cost and all-in rate are reckoned.
const CARD_MONTHS: i32 = 12;

/// Unit costs by (repayment, months, grade, card or not) of one strategy: products share them.
pub(crate) type CostCache = BTreeMap<(Repayment, i32, usize, bool), Arc<UnitCost>>;

/// What a customer pays at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fee {
    /// A share of the amount, ppm: a loan's origination fee.
    Share(i64),
    /// A fixed amount, minor units: a card's annual fee.
    Fixed(i64),
}

/// A credit product that can be priced.
#[derive(Debug)]
pub(crate) struct CreditPlan {
    pub(crate) is_card: bool,
    pub(crate) min: i64,
    pub(crate) max: i64,
    /// Amounts are multiples of this.
    pub(crate) step: i64,
    /// Limits are multiples of this: of the product's and of the strategy's step.
    pub(crate) limit_step: i64,
    pub(crate) repayment: Repayment,
    pub(crate) fee: Fee,
    /// The share of the amount that is expected to be owed, ppm: all of a loan.
    drawn_ppm: i64,
    /// Ascending in months.
    pub(crate) tenors: Vec<TenorPlan>,
    origination_minor: i64,
}

/// One tenor of a product.
#[derive(Debug)]
pub(crate) struct TenorPlan {
    pub(crate) months: i32,
    /// By grade.
    pub(crate) costs: Vec<Arc<UnitCost>>,
    /// Highest lawful rate by rule pack, where the fee is a share of the amount; nothing inside
    /// where the fee alone breaks the cap.
    ceilings: Vec<(usize, Option<RatePpm>)>,
}

impl CreditPlan {
    pub(crate) fn loan(
        terms: &LoanTerms,
        (credit, currency): (&CreditStrategy, Currency),
        cache: &mut CostCache,
        checks: &mut Checks,
    ) -> Option<Self> {
        let repayment = Repayment::from_proto(terms.repayment());
        checks.require(
            repayment.is_some(),
            "loan.repayment",
            terms.repayment().as_str_name(),
            "annuity, equal principal or bullet",
        );
        checks.between(
            "loan.origination_fee_ppm",
            terms.origination_fee_ppm,
            0,
            999_999,
        );
        checks.require(
            !terms.tenors_months.is_empty() && terms.tenors_months.is_sorted_by(|a, b| a < b),
            "loan.tenors_months",
            format!("{:?}", terms.tenors_months),
            "one at least, ascending, each once",
        );
        for months in &terms.tenors_months {
            checks.between(
                "loan.tenors_months",
                i64::from(*months),
                1,
                i64::from(MAX_MONTHS),
            );
        }
        let amounts = Amounts {
            min: minor(
                checks,
                "loan.min_amount",
                terms.min_amount.as_ref(),
                currency,
                1,
            ),
            max: minor(
                checks,
                "loan.max_amount",
                terms.max_amount.as_ref(),
                currency,
                1,
            ),
            step: terms.amount_step_minor,
        };
        let fee = Fee::Share(terms.origination_fee_ppm);
        let mut plan = Self::without_tenors(credit, amounts, (repayment?, fee, false), checks)?;
        plan.add_tenors(credit, &terms.tenors_months, cache, checks);
        Some(plan)
    }

    pub(crate) fn card(
        terms: &CardTerms,
        (credit, currency): (&CreditStrategy, Currency),
        cache: &mut CostCache,
        checks: &mut Checks,
    ) -> Option<Self> {
        let amounts = Amounts {
            min: minor(
                checks,
                "card.min_limit",
                terms.min_limit.as_ref(),
                currency,
                1,
            ),
            max: minor(
                checks,
                "card.max_limit",
                terms.max_limit.as_ref(),
                currency,
                1,
            ),
            step: terms.limit_step_minor,
        };
        let fee = minor(
            checks,
            "card.annual_fee",
            terms.annual_fee.as_ref(),
            currency,
            0,
        );
        let shape = (Repayment::Bullet, Fee::Fixed(fee), true);
        let mut plan = Self::without_tenors(credit, amounts, shape, checks)?;
        checks.require(
            fee < plan.drawn(plan.min),
            "card.annual_fee",
            fee,
            "less than the expected balance at the smallest limit",
        );
        plan.add_tenors(credit, &[CARD_MONTHS], cache, checks);
        Some(plan)
    }

    fn without_tenors(
        credit: &CreditStrategy,
        amounts: Amounts,
        (repayment, fee, is_card): (Repayment, Fee, bool),
        checks: &mut Checks,
    ) -> Option<Self> {
        let Amounts { min, max, step } = amounts;
        checks.require(
            min <= max,
            "smallest amount",
            min,
            format!("at most the largest, {max}"),
        );
        let steps_fit = checks.between("amount step", step, 1, MAX_AMOUNT_MINOR);
        let limit_step = steps_fit
            .then(|| least_common_multiple(step, credit.limit.step))
            .flatten();
        checks.require(
            limit_step.is_some(),
            "amount step",
            step,
            format!(
                "one that has a common multiple with the strategy's {}",
                credit.limit.step
            ),
        );
        Some(Self {
            is_card,
            min,
            max,
            step,
            limit_step: limit_step?,
            repayment,
            fee,
            drawn_ppm: if is_card {
                credit.cost.utilisation_ppm
            } else {
                1_000_000
            },
            tenors: Vec::new(),
            origination_minor: credit.cost.origination_minor,
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
            // The dearest fee, net of nothing: the cost of origination only helps.
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
        let grades = credit.grades.grades.iter().enumerate();
        grades
            .map(|(place, grade)| {
                let key = (self.repayment, months, place, self.is_card);
                if let Some(cost) = cache.get(&key) {
                    return Some(Arc::clone(cost));
                }
                let shape = (self.repayment, months);
                let cost = Arc::new(UnitCost::new(model, loss, grade.pd_ppm, shape)?);
                cache.insert(key, Arc::clone(&cost));
                Some(cost)
            })
            .collect()
    }

    /// Works out the highest lawful rates under the packs that may bind.
    pub(crate) fn add_ceilings(&mut self, book: &RuleBook, matching: &[usize]) {
        let Fee::Share(fee_ppm) = self.fee else {
            return;
        };
        for tenor in &mut self.tenors {
            tenor.ceilings = matching
                .iter()
                .filter_map(|index| Some((*index, book.pack(*index).max_all_in?)))
                .map(|(index, cap)| {
                    let share = fee_ppm as f64 / 1e6;
                    (
                        index,
                        highest_lawful_rate(self.repayment, tenor.months, share, cap),
                    )
                })
                .collect();
        }
    }

    /// The principal that is expected to be owed, minor units.
    pub(crate) fn drawn(&self, amount: i64) -> i64 {
        share(amount, self.drawn_ppm)
    }

    /// The fee in money, rounded down.
    pub(crate) fn fee_minor(&self, amount: i64) -> i64 {
        match self.fee {
            Fee::Share(ppm) => share(amount, ppm),
            Fee::Fixed(fee) => fee,
        }
    }

    /// The fee as a fraction of what is owed.
    fn fee_share(&self, amount: i64) -> f64 {
        match self.fee {
            Fee::Share(ppm) => ppm as f64 / 1e6,
            Fee::Fixed(fee) => fee as f64 / self.drawn(amount).max(1) as f64,
        }
    }

    /// Cost of origination less the fee, per unit owed: `K` of the floor.
    pub(crate) fn upfront(&self, amount: i64) -> f64 {
        self.origination(amount) - self.fee_share(amount)
    }

    /// Cost of origination per unit owed.
    pub(crate) fn origination(&self, amount: i64) -> f64 {
        self.origination_minor as f64 / self.drawn(amount).max(1) as f64
    }

    /// The highest lawful rate: the cap's, where one binds; nothing inside where the fee alone
    /// breaks it.
    #[expect(
        clippy::option_option,
        reason = "no cap, and a cap without a lawful rate, differ"
    )]
    pub(crate) fn ceiling(
        &self,
        tenor: &TenorPlan,
        binding: &Binding,
        amount: i64,
    ) -> Option<Option<RatePpm>> {
        let (pack, cap) = binding.cap?;
        let known = tenor.ceilings.iter().find(|(index, _)| *index == pack);
        Some(known.map_or_else(
            || highest_lawful_rate(self.repayment, tenor.months, self.fee_share(amount), cap),
            |(_, ceiling)| *ceiling,
        ))
    }

    pub(crate) fn tenor(&self, months: i32) -> Option<&TenorPlan> {
        self.tenors.iter().find(|tenor| tenor.months == months)
    }

    /// Tenors on offer, in words.
    pub(crate) fn tenors_in_words(&self) -> String {
        let months: Vec<String> = self
            .tenors
            .iter()
            .map(|tenor| tenor.months.to_string())
            .collect();
        months.join(", ")
    }
}

#[derive(Debug, Clone, Copy)]
struct Amounts {
    min: i64,
    max: i64,
    step: i64,
}

/// `ppm` of an amount, rounded down; amounts are bounded, so that it fits.
fn share(amount: i64, ppm: i64) -> i64 {
    i64::try_from(i128::from(amount) * i128::from(ppm) / 1_000_000).unwrap_or(i64::MAX)
}

/// Nothing when it leaves the range of amounts, or a step is not positive.
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
