//! The message of a credit price: rate, instalments, limit and the waterfall that led to it.

use fairlead_domain::{Money, RatePpm};
use fairlead_proto::pricing::v1 as pb;

use super::lending::{Lending, Loan};
use super::plan::Fee;
use crate::cap::Ceiling;
use crate::cost::default_within;
use crate::irr::effective_annual_rate;
use crate::refusal::{Cause, Refused, refuse};
use crate::schedule::{Schedule, ScheduleTerms, monthly};
use crate::terms::to_proto;
use crate::waterfall::{Ppm, Waterfall};

pub(super) fn price(lending: &Lending<'_>, loan: &Loan<'_>) -> Result<pb::Price, Refused> {
    let plan = lending.plan;
    let rate = loan.rated.chosen.rate;
    let schedule = Schedule::new(ScheduleTerms {
        principal: plan.drawn(loan.amount),
        rate,
        months: loan.tenor.months,
        repayment: plan.repayment,
    })
    .map_err(|error| refuse(Cause::Amount, error.to_string()))?;
    let fee = plan.fee(loan.amount);
    let all_in = all_in(lending, &schedule, fee)?;
    let cost = &loan.tenor.costs[lending.graded.place];
    let drawn = plan.drawn(loan.amount).minor() as f64;
    let money = |money| Some(to_proto(money));
    let (fee_ppm, fee_money) = match plan.fee {
        Fee::Share(share) => (share.ppm(), money(fee)),
        Fee::Fixed(_) => (0, None),
    };
    let inputs = lending.card_inputs(loan.tenor, loan.amount);
    let mut inputs = inputs.as_text(lending.last_rate);
    let accepted = lending.accepted.as_text();
    inputs.extend(accepted.map(|(name, text)| (name.to_owned(), text)));
    Ok(pb::Price {
        amount: money(loan.amount),
        tenor_months: if plan.is_card { 0 } else { loan.tenor.months },
        rate_ppm: rate.ppm(),
        all_in_ppm: RatePpm::from_fraction(all_in).unwrap_or(RatePpm::MAX).ppm(),
        all_in_irr: all_in,
        instalment: money(if plan.is_card {
            fee
        } else {
            schedule.first_payment()
        }),
        fee_ppm,
        fee: fee_money,
        limit: money(loan.limit.amount),
        grade: lending.graded.name().to_owned(),
        pd: default_within(lending.graded.pd(), loan.tenor.months),
        waterfall: waterfall(lending, loan, all_in),
        reasons: lending.graded.reasons(),
        rate_card_row: loan.rated.offer.row,
        floor_ppm: loan.rated.floor.ppm(),
        cap_ppm: lending.binding.cap.map_or(0, |cap| cap.most.ppm()),
        expected_margin_minor: (drawn * cost.margin(rate, plan.upfront(loan.amount))).round()
            as i64,
        expected_loss_minor: (drawn * cost.expected_loss(rate)).round() as i64,
        schedule: if plan.is_card {
            Vec::new()
        } else {
            schedule.to_proto()
        },
        counterfactual: lending.graded.counterfactual().unwrap_or_default(),
        inputs,
        ..pb::Price::default()
    })
}

/// Returns the effective annual cost of the very instalments, a fraction, or a refusal where it is
/// above the cap: the rate was chosen within it, and this holds the result against it once more.
fn all_in(lending: &Lending<'_>, schedule: &Schedule, fee: Money) -> Result<f64, Refused> {
    let terms = schedule.terms();
    let net = terms.principal.minor() - fee.minor();
    let net = Money::new(net, terms.principal.currency());
    let all_in = effective_annual_rate(net, schedule.payments(), monthly(terms.rate))
        .map_err(|error| refuse(Cause::Amount, error.to_string()))?;
    if let Some(cap) = lending.binding.cap
        && all_in > cap.most.fraction()
    {
        let pack = &lending.book.pack(cap.pack).id;
        let most = cap.most;
        let detail = format!("all-in cost `{all_in}` is not allowed: at most {most} by {pack}");
        return Err(refuse(Cause::FloorAboveCap, detail));
    }
    Ok(all_in)
}

fn waterfall(lending: &Lending<'_>, loan: &Loan<'_>, all_in: f64) -> Vec<pb::WaterfallStep> {
    let mut steps = Waterfall::with_capacity(15);
    cost_steps(lending, loan, &mut steps);
    let rated = &loan.rated;
    let chosen = &rated.chosen;
    let row = format!("row {}", rated.offer.row);
    let card_rate = rated.offer.rate;
    steps.level("rate card", card_rate, row.clone());
    let discount = Ppm::from(rated.offer.net_rate()) - Ppm::from(card_rate);
    steps.add("discount", discount, row);
    let change = match (lending.credit.held.max_change, lending.last_rate) {
        (Some(most), Some(last)) => format!("within {} ppm of the last quote, {last}", most.ppm()),
        (None, _) => "unbounded".to_owned(),
        (_, None) => "no earlier quote".to_owned(),
    };
    steps.add("guardrail change", chosen.by_change, change);
    let floor = format!("at least {}", rated.floor);
    steps.add("guardrail floor", chosen.by_floor, floor);
    let cap = cap_in_words(lending, rated.ceiling);
    steps.add("guardrail cap", chosen.by_cap, cap);
    steps.add(
        "guardrail price points",
        chosen.by_points,
        "nearest approved point, down where it covers cost",
    );
    let (limit, bound) = (loan.limit.amount, loan.limit.bound.in_words());
    let exposure = format!("limit {limit}, by {bound}");
    steps.add("guardrail exposure", Ppm::ZERO, exposure);
    let shown = RatePpm::from_fraction(all_in).unwrap_or(RatePpm::MAX);
    let all_in = format!("all-in {shown} a year");
    steps.level("price", chosen.rate, all_in);
    steps.into_steps()
}

/// Adds funding, operation, origination, loss and capital up to the floor.
fn cost_steps(lending: &Lending<'_>, loan: &Loan<'_>, steps: &mut Waterfall) {
    let cost = &loan.tenor.costs[lending.graded.place];
    let plan = lending.plan;
    let parts = cost.parts(loan.rated.floor, plan.upfront(loan.amount));
    let months = loan.tenor.months;
    let pd = lending.graded.pd();
    steps.add(
        "funding",
        parts.funding,
        format!("funding curve at {months} months"),
    );
    steps.add("operating cost", parts.operating, "of the balance");
    steps.add(
        "origination",
        parts.origination,
        "cost of origination less the fee, spread over the balance",
    );
    let grade = lending.graded.name();
    steps.add(
        "expected loss",
        parts.expected_loss,
        format!("one-year PD {pd} of grade {grade}"),
    );
    steps.add(
        "capital",
        parts.capital,
        "capital held x (hurdle - funding)",
    );
    steps.level("floor", loan.rated.floor, "lowest rate that covers cost");
}

fn cap_in_words(lending: &Lending<'_>, ceiling: Ceiling) -> String {
    match (lending.binding.cap, ceiling) {
        (Some(cap), Ceiling::At(highest)) => {
            let pack = lending.book.pack(cap.pack);
            format!(
                "at most {highest}, all-in {} by {}: {}",
                cap.most, pack.id, pack.source
            )
        }
        _ => "no cap binds".to_owned(),
    }
}
