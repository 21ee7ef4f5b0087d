//! The rate, amount and tenor for a customer, a product and what is asked for.

use fairlead_domain::{Money, RatePpm};
use fairlead_proto::pricing::v1 as pb;

use super::itemise;
use super::plan::{CreditPlan, Fee, TenorPlan};
use crate::cap::Ceiling;
use crate::credit::Graded;
use crate::inputs::{Accepted, CardInputs};
use crate::limit::{
    AmountGrid, Bound, Capacity, Limit, largest_affordable, monthly_service, too_little,
};
use crate::points::{Bounds, ChangeWindow, Chosen, NoRate, choose};
use crate::rate_card::CardOffer;
use crate::reasons::MOST_REASONS;
use crate::refusal::{Cause, Refused, refuse};
use crate::rule_pack::{Binding, RuleBook};
use crate::strategy::CreditStrategy;

/// One request to lend, with the strategy, the law and the customer that it is priced by.
#[derive(Debug)]
pub(crate) struct Lending<'a> {
    pub(crate) credit: &'a CreditStrategy,
    pub(crate) plan: &'a CreditPlan,
    pub(crate) book: &'a RuleBook,
    pub(crate) binding: Binding,
    pub(crate) graded: Graded<'a>,
    pub(crate) capacity: Capacity,
    pub(crate) card: CardInputs<'a>,
    pub(crate) last_rate: Option<RatePpm>,
    pub(crate) accepted: Accepted,
}

/// A rate with the bounds that it was chosen within.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rated {
    pub(crate) chosen: Chosen,
    pub(crate) offer: CardOffer,
    pub(crate) floor: RatePpm,
    pub(crate) ceiling: Ceiling,
    /// The rate that affordability is judged at. A card's ceiling rises with the limit, because
    /// its annual fee spreads; there it is the rate before the cap lowers it, so that the largest
    /// affordable limit never rises with risk.
    served_at: RatePpm,
}

/// An amount over a tenor at a rate, and the limit that bounded it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loan<'a> {
    pub(crate) tenor: &'a TenorPlan,
    pub(crate) amount: Money,
    pub(crate) rated: Rated,
    pub(crate) limit: Limit,
}

impl<'a> Lending<'a> {
    /// Prices the amount and tenor asked for, or the best that can be offered.
    pub(crate) fn price(
        &self,
        amount: Option<Money>,
        tenor: Option<i32>,
    ) -> Result<pb::Price, Refused> {
        if let Some(amount) = amount {
            self.check_amount(amount)?;
        }
        let loan = match tenor.filter(|_| !self.plan.is_card) {
            Some(months) => self.lend(amount, self.lawful_tenor(months)?)?,
            None => self.choose_tenor(amount)?,
        };
        itemise::price(self, &loan)
    }

    fn check_amount(&self, amount: Money) -> Result<(), Refused> {
        let CreditPlan { min, max, step, .. } = *self.plan;
        if (min..=max).contains(&amount) && amount.floor_to(step) == Some(amount) {
            return Ok(());
        }
        let allowed = format!("{min} to {max} in steps of {step}");
        let detail = format!("amount `{amount}` is not allowed: {allowed}");
        Err(refuse(Cause::Amount, detail))
    }

    /// Returns the tenor of a number of months, or a refusal where it is not on offer or not lawful.
    fn lawful_tenor(&self, months: i32) -> Result<&'a TenorPlan, Refused> {
        let Some(tenor) = self.plan.tenor(months) else {
            let offered = self.plan.tenors_in_words();
            let detail = format!("tenor `{months}` is not allowed: {offered} months");
            return Err(refuse(Cause::Tenor, detail));
        };
        self.check_lawful(months)?;
        Ok(tenor)
    }

    /// Refuses the tenor of a bullet loan that is longer than the law allows.
    fn check_lawful(&self, months: i32) -> Result<(), Refused> {
        let bullet =
            self.plan.repayment == crate::schedule::Repayment::Bullet && !self.plan.is_card;
        match self
            .binding
            .bullet
            .filter(|cap| bullet && months > cap.most)
        {
            None => Ok(()),
            Some(cap) => {
                let (most, pack) = (cap.most, &self.book.pack(cap.pack).id);
                let detail = format!(
                    "bullet tenor `{months}` is not allowed: at most {most} months by {pack}"
                );
                Err(refuse(Cause::Tenor, detail))
            }
        }
    }

    /// Lends over the shortest tenor that serves the amount asked for; without an amount, over the
    /// shortest that serves the largest amount of any tenor.
    fn choose_tenor(&self, amount: Option<Money>) -> Result<Loan<'a>, Refused> {
        let mut best: Option<Loan<'a>> = None;
        let mut refusal = None;
        for tenor in &self.plan.tenors {
            if let Err(unlawful) = self.check_lawful(tenor.months) {
                refusal.get_or_insert(unlawful);
                continue;
            }
            match self.lend(amount, tenor) {
                Ok(loan) if amount.is_some() => return Ok(loan),
                Ok(loan) => {
                    if best.is_none_or(|other| loan.amount > other.amount) {
                        best = Some(loan);
                    }
                }
                // The longest tenor's refusal is the one that matters most to the limit.
                Err(reason) => refusal = Some(reason),
            }
        }
        let no_tenor = || refuse(Cause::Tenor, "the product has no tenor");
        best.ok_or_else(|| refusal.unwrap_or_else(no_tenor))
    }

    /// Lends the amount asked for over a tenor, or else the largest that can be served.
    fn lend(&self, asked: Option<Money>, tenor: &'a TenorPlan) -> Result<Loan<'a>, Refused> {
        let Some(amount) = asked else {
            let limit = self.limit(tenor)?;
            if limit.amount < self.plan.min {
                return Err(self.below(limit, tenor, self.plan.min, "the smallest amount"));
            }
            let rated = self.rate_at(tenor, limit.amount)?;
            return Ok(Loan {
                tenor,
                amount: limit.amount,
                rated,
                limit,
            });
        };
        let rated = self.rate_at(tenor, amount)?;
        let limit = self.limit(tenor)?;
        let service = amount.minor() as f64 * self.service(tenor, rated.served_at);
        if amount > self.capacity.ceiling || service > self.capacity.monthly.minor() as f64 {
            return Err(self.below(limit, tenor, amount, "the amount asked for"));
        }
        // Rounding the limit to its step never takes back an amount that is served.
        let limit = if limit.amount < amount {
            Limit { amount, ..limit }
        } else {
            limit
        };
        Ok(Loan {
            tenor,
            amount,
            rated,
            limit,
        })
    }

    /// Returns the largest amount that can be served over a tenor.
    fn limit(&self, tenor: &TenorPlan) -> Result<Limit, Refused> {
        largest_affordable(
            &self.capacity,
            AmountGrid {
                step: self.plan.limit_step,
                least: self.plan.min,
                breaks: self.credit.card.breaks(),
            },
            |amount| Ok(self.rate_at(tenor, amount)?.served_at),
            |rate| self.service(tenor, rate),
        )
    }

    /// Returns the monthly service of one unit of the amount: a card's expected balance is paid off
    /// in a year.
    fn service(&self, tenor: &TenorPlan, rate: RatePpm) -> f64 {
        let drawn = self.plan.drawn_fraction();
        drawn * monthly_service(self.plan.repayment, tenor.months, rate)
    }

    /// Returns the rate of an amount over a tenor: the rate card's, within every guardrail.
    pub(crate) fn rate_at(&self, tenor: &TenorPlan, amount: Money) -> Result<Rated, Refused> {
        let offer = self.credit.card.look_up(&self.card_inputs(tenor, amount))?;
        let cost = &tenor.costs[self.graded.place];
        let Some(floor) = cost.floor(self.plan.upfront(amount)) else {
            let detail = format!("no rate covers the cost of {amount}");
            return Err(refuse(Cause::FloorAboveCap, detail));
        };
        let ceiling = self.plan.ceiling(tenor, &self.binding, amount);
        let change = self.credit.held.max_change.zip(self.last_rate);
        let bounds = Bounds {
            floor,
            ceiling,
            change: change.map(|(most, last)| ChangeWindow::new(last, most)),
        };
        let points = &self.credit.held.points;
        let target = offer.net_rate();
        let chosen =
            choose(points, target, bounds).map_err(|why| self.no_rate(why, floor, ceiling))?;
        let served_at = match self.plan.fee {
            Fee::Share(_) => chosen.rate,
            Fee::Fixed(_) => {
                let uncapped = Bounds {
                    ceiling: Ceiling::Uncapped,
                    ..bounds
                };
                choose(points, target, uncapped).map_or(chosen.rate, |other| other.rate)
            }
        };
        Ok(Rated {
            chosen,
            offer,
            floor,
            ceiling,
            served_at,
        })
    }

    /// Returns the rate card's inputs; a card product has no tenor.
    pub(crate) fn card_inputs(&self, tenor: &TenorPlan, amount: Money) -> CardInputs<'a> {
        CardInputs {
            grade: Some(self.graded.name()),
            tenor: (!self.plan.is_card).then_some(tenor.months),
            amount,
            ..self.card
        }
    }

    fn no_rate(&self, why: NoRate, floor: RatePpm, ceiling: Ceiling) -> Refused {
        let law = self.law_in_words(ceiling);
        match why {
            NoRate::FloorAboveCap => {
                let detail = format!("floor `{floor}` is not allowed: {law}");
                refuse(Cause::FloorAboveCap, detail)
            }
            NoRate::NoPoint => {
                let change = self.credit.held.max_change.zip(self.last_rate);
                let change = change.map_or(String::new(), |(most, last)| {
                    let (most, last) = (most.ppm(), last.ppm());
                    format!(", and within {most} ppm of the last quote's {last} ppm")
                });
                let detail = format!(
                    "no approved price point is at or above the floor {floor} and within the law ({law}){change}"
                );
                refuse(Cause::NoPricePoint, detail)
            }
        }
    }

    fn law_in_words(&self, ceiling: Ceiling) -> String {
        let Some(bound) = self.binding.cap else {
            return "no cap binds".to_owned();
        };
        let (cap, pack) = (bound.most, &self.book.pack(bound.pack).id);
        match ceiling {
            Ceiling::At(highest) => {
                format!("at most {highest} a year, where the all-in cost is the {cap} of {pack}")
            }
            Ceiling::Unlawful | Ceiling::Uncapped => {
                format!("the fee alone is above the {cap} of {pack}")
            }
        }
    }

    /// Returns the refusal of a limit that is below the amount needed, with what would change it.
    fn below(&self, limit: Limit, tenor: &TenorPlan, needed: Money, what: &str) -> Refused {
        let mut refusal = too_little(limit, needed, what);
        if limit.bound == Bound::IncomeMultiple {
            refusal.reasons.extend(self.graded.reasons());
            refusal.reasons.truncate(MOST_REASONS);
        }
        refusal.counterfactual = self.way_out(limit, tenor).unwrap_or_default();
        refusal
    }

    /// Returns, in words, a change within the customer's reach that would allow an amount, or `None`
    /// where none would.
    fn way_out(&self, limit: Limit, tenor: &TenorPlan) -> Option<String> {
        let smallest = self.plan.min;
        if limit.amount >= smallest {
            let most = limit.amount;
            return Some(format!("an amount of at most {most} would be offered"));
        }
        match limit.bound {
            Bound::Exposure | Bound::ExposureHere => {
                let cap = self.binding.exposure?.most;
                let most = cap.checked_sub(smallest)?;
                let most = most.checked_sub(self.capacity.own_exposure)?;
                let most = Some(most).filter(|most| most.minor() >= 0)?;
                Some(format!(
                    "credit elsewhere of at most {most} would allow the smallest amount"
                ))
            }
            Bound::Affordability => {
                let rate = self.rate_at(tenor, smallest).ok()?.served_at;
                let needed = (smallest.minor() as f64 * self.service(tenor, rate)).ceil() as i64;
                let needed = Money::new(needed, smallest.currency());
                let most = self.capacity.gross_monthly.checked_sub(needed)?;
                let allowed = most.minor() >= 0 && self.capacity.ceiling >= smallest;
                allowed.then(|| {
                    format!(
                        "debt service of at most {most} a month would allow the smallest amount"
                    )
                })
            }
            Bound::Product | Bound::Strategy | Bound::IncomeMultiple => None,
        }
    }
}
