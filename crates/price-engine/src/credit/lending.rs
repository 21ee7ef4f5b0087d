//! From a customer, a product and a wish to a rate, an amount and a tenor.

use fairlead_domain::{Currency, Money, RatePpm};
use fairlead_proto::pricing::v1 as pb;

use super::itemise;
use super::plan::{CreditPlan, Fee, TenorPlan};
use crate::credit::Graded;
use crate::inputs::CardInputs;
use crate::limit::{Bound, Capacity, Grid, Limit, largest_affordable, monthly_service, too_little};
use crate::points::{Bounds, Chosen, NoRate, choose};
use crate::rate_card::CardOffer;
use crate::reasons::MOST_REASONS;
use crate::refusal::{Cause, Refused, refuse};
use crate::rule_pack::{Binding, RuleBook};
use crate::strategy::CreditStrategy;

/// Everything about one request to lend.
#[derive(Debug)]
pub(crate) struct Lending<'a> {
    pub(crate) credit: &'a CreditStrategy,
    pub(crate) plan: &'a CreditPlan,
    pub(crate) currency: Currency,
    pub(crate) book: &'a RuleBook,
    pub(crate) binding: Binding,
    pub(crate) graded: Graded<'a>,
    pub(crate) capacity: Capacity,
    pub(crate) card: CardInputs<'a>,
    pub(crate) last_rate_ppm: Option<i64>,
}

/// A rate with the bounds it was chosen within.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rated {
    pub(crate) chosen: Chosen,
    pub(crate) offer: CardOffer,
    pub(crate) floor: RatePpm,
    pub(crate) ceiling: Option<RatePpm>,
    /// The rate that affordability is judged at. A card's ceiling rises with the limit, because
    /// its annual fee spreads; there it is the rate before the cap lowers it, so that the largest
    /// affordable limit never rises with risk.
    served_at: RatePpm,
}

/// What is lent: an amount over a tenor at a rate, and the limit that bounded it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loan<'a> {
    pub(crate) tenor: &'a TenorPlan,
    pub(crate) amount: i64,
    pub(crate) rated: Rated,
    pub(crate) limit: Limit,
}

impl<'a> Lending<'a> {
    /// Prices the amount and tenor asked for, or the best that can be offered.
    pub(crate) fn price(
        &self,
        amount: Option<i64>,
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

    fn check_amount(&self, amount: i64) -> Result<(), Refused> {
        let CreditPlan { min, max, step, .. } = *self.plan;
        if (min..=max).contains(&amount) && amount % step == 0 {
            return Ok(());
        }
        let show = |minor| Money::new(minor, self.currency);
        let detail = format!(
            "amount `{}` is not allowed: {} to {} in steps of {}",
            show(amount),
            show(min),
            show(max),
            show(step)
        );
        Err(refuse(Cause::Amount, detail))
    }

    fn is_lawful(&self, months: i32) -> bool {
        let bullet =
            self.plan.repayment == crate::schedule::Repayment::Bullet && !self.plan.is_card;
        !bullet || self.binding.bullet.is_none_or(|(_, most)| months <= most)
    }

    fn lawful_tenor(&self, months: i32) -> Result<&'a TenorPlan, Refused> {
        let Some(tenor) = self.plan.tenor(months) else {
            let offered = self.plan.tenors_in_words();
            let detail = format!("tenor `{months}` is not allowed: {offered} months");
            return Err(refuse(Cause::Tenor, detail));
        };
        if self.is_lawful(months) {
            return Ok(tenor);
        }
        Err(self.unlawful_bullet(months))
    }

    fn unlawful_bullet(&self, months: i32) -> Refused {
        let (pack, most) = self.binding.bullet.unwrap_or_default();
        let pack = &self.book.pack(pack).id;
        let detail =
            format!("bullet tenor `{months}` is not allowed: at most {most} months by {pack}");
        refuse(Cause::Tenor, detail)
    }

    /// The shortest tenor that serves the amount asked for; with no amount, the shortest that
    /// serves the largest amount any tenor does.
    fn choose_tenor(&self, amount: Option<i64>) -> Result<Loan<'a>, Refused> {
        let mut best: Option<Loan<'a>> = None;
        let mut refusal = None;
        for tenor in &self.plan.tenors {
            if !self.is_lawful(tenor.months) {
                refusal.get_or_insert_with(|| self.unlawful_bullet(tenor.months));
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
        let nothing = || refuse(Cause::Tenor, "the product has no tenor");
        best.ok_or_else(|| refusal.unwrap_or_else(nothing))
    }

    fn lend(&self, asked: Option<i64>, tenor: &'a TenorPlan) -> Result<Loan<'a>, Refused> {
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
        let service = amount as f64 * self.service(tenor, rated.served_at);
        if amount > self.capacity.ceiling || service > self.capacity.monthly as f64 {
            return Err(self.below(limit, tenor, amount, "the amount asked for"));
        }
        // Rounding the limit to its step never takes back an amount that is served.
        let limit = Limit {
            amount: limit.amount.max(amount),
            ..limit
        };
        Ok(Loan {
            tenor,
            amount,
            rated,
            limit,
        })
    }

    fn limit(&self, tenor: &TenorPlan) -> Result<Limit, Refused> {
        largest_affordable(
            &self.capacity,
            Grid {
                step: self.plan.limit_step,
                least: self.plan.min,
                breaks: self.credit.card.breaks(),
            },
            |amount| Ok(self.rate_at(tenor, amount)?.served_at),
            |rate| self.service(tenor, rate),
        )
    }

    /// Monthly service of one unit of the amount: a card's expected balance is paid off in a year.
    fn service(&self, tenor: &TenorPlan, rate: RatePpm) -> f64 {
        let drawn = self.plan.drawn(1_000_000) as f64 / 1e6;
        drawn * monthly_service(self.plan.repayment, tenor.months, rate)
    }

    /// The rate of an amount over a tenor: rate card, then every guardrail.
    pub(crate) fn rate_at(&self, tenor: &TenorPlan, amount: i64) -> Result<Rated, Refused> {
        let offer = self.credit.card.look_up(&self.card_inputs(tenor, amount))?;
        let cost = &tenor.costs[self.graded.place];
        let Some(floor) = cost.floor(self.plan.upfront(amount)) else {
            let detail = format!(
                "no rate covers the cost of {}",
                Money::new(amount, self.currency)
            );
            return Err(refuse(Cause::FloorAboveCap, detail));
        };
        let ceiling = match self.plan.ceiling(tenor, &self.binding, amount) {
            Some(None) => return Err(self.no_rate(NoRate::FloorAboveCap, floor, None)),
            Some(ceiling) => ceiling,
            None => None,
        };
        let most = self.credit.max_change_ppm;
        let bounds = Bounds {
            floor: floor.ppm(),
            ceiling: ceiling.map(RatePpm::ppm),
            change: most
                .zip(self.last_rate_ppm)
                .map(|(most, last)| (last - most, last + most)),
        };
        let points = &self.credit.points;
        let target = offer.net_ppm();
        let chosen =
            choose(points, target, bounds).map_err(|why| self.no_rate(why, floor, ceiling))?;
        let served_at = match self.plan.fee {
            Fee::Share(_) => chosen.rate,
            Fee::Fixed(_) => {
                let uncapped = Bounds {
                    ceiling: None,
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

    /// The rate card's inputs; a card product has no tenor.
    pub(crate) fn card_inputs(&self, tenor: &TenorPlan, amount: i64) -> CardInputs<'a> {
        CardInputs {
            grade: Some(self.graded.name()),
            tenor: (!self.plan.is_card).then_some(tenor.months),
            amount,
            ..self.card
        }
    }

    fn no_rate(&self, why: NoRate, floor: RatePpm, ceiling: Option<RatePpm>) -> Refused {
        let cap = self
            .binding
            .cap
            .map(|(pack, cap)| (self.book.pack(pack).id.as_str(), cap));
        let law = match (cap, ceiling) {
            (Some((pack, cap)), Some(ceiling)) => {
                format!("at most {ceiling} a year, where the all-in cost is the {cap} of {pack}")
            }
            (Some((pack, cap)), None) => format!("the fee alone is above the {cap} of {pack}"),
            (None, _) => "no cap binds".to_owned(),
        };
        match why {
            NoRate::FloorAboveCap => {
                let detail = format!("floor `{floor}` is not allowed: {law}");
                refuse(Cause::FloorAboveCap, detail)
            }
            NoRate::NoPoint => {
                let change =
                    self.credit
                        .max_change_ppm
                        .zip(self.last_rate_ppm)
                        .map(|(most, last)| {
                            format!(", and within {most} ppm of the last quote's {last} ppm")
                        });
                let change = change.unwrap_or_default();
                let detail = format!(
                    "no approved price point is at or above the floor {floor} and within the law ({law}){change}"
                );
                refuse(Cause::NoPricePoint, detail)
            }
        }
    }

    /// The refusal of a limit that is below what is needed, with what would change it.
    fn below(&self, limit: Limit, tenor: &TenorPlan, needed: i64, what: &str) -> Refused {
        let mut refusal = too_little(limit, needed, self.currency, what);
        if limit.bound == Bound::IncomeMultiple {
            refusal.reasons.extend(self.graded.reasons());
            refusal.reasons.truncate(MOST_REASONS);
        }
        refusal.counterfactual = self.way_out(limit, tenor).unwrap_or_default();
        refusal
    }

    fn way_out(&self, limit: Limit, tenor: &TenorPlan) -> Option<String> {
        let show = |minor| Money::new(minor, self.currency);
        if limit.amount >= self.plan.min {
            return Some(format!(
                "an amount of at most {} would be offered",
                show(limit.amount)
            ));
        }
        let smallest = self.plan.min;
        match limit.bound {
            Bound::Exposure => {
                let (_, cap) = self.binding.exposure?;
                let most = (cap - smallest).max(0);
                (cap >= smallest).then(|| {
                    format!(
                        "credit elsewhere of at most {} would allow the smallest amount",
                        show(most)
                    )
                })
            }
            Bound::Affordability => {
                let rate = self.rate_at(tenor, smallest).ok()?.served_at;
                let needed = (smallest as f64 * self.service(tenor, rate)).ceil() as i64;
                let most = self.capacity.gross_monthly.checked_sub(needed)?;
                (most >= 0 && self.capacity.ceiling >= smallest).then(|| {
                    format!(
                        "debt service of at most {} a month would allow the smallest amount",
                        show(most)
                    )
                })
            }
            Bound::Product | Bound::Strategy | Bound::IncomeMultiple => None,
        }
    }
}
