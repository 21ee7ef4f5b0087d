//! The price of a loan with everything that led to it.

use fairlead_domain::{Money, RatePpm};
use fairlead_proto::pricing::v1 as pb;

use super::lending::{Lending, Loan};
use super::plan::Fee;
use crate::cost::default_within;
use crate::irr::effective_annual_rate;
use crate::refusal::{Cause, Refused, refuse};
use crate::schedule::{Schedule, Terms, monthly};
use crate::terms::to_proto;
use crate::waterfall::Waterfall;

pub(super) fn price(lending: &Lending<'_>, loan: &Loan<'_>) -> Result<pb::Price, Refused> {
    let plan = lending.plan;
    let rate = loan.rated.chosen.rate;
    let schedule = Schedule::new(Terms {
        principal: plan.drawn(loan.amount),
        rate,
        months: loan.tenor.months,
        repayment: plan.repayment,
    })
    .map_err(|error| refuse(Cause::Amount, error.to_string()))?;
    let fee = plan.fee_minor(loan.amount);
    let all_in = all_in(lending, &schedule, fee)?;
    let cost = &loan.tenor.costs[lending.graded.place];
    let drawn = plan.drawn(loan.amount) as f64;
    let money = |minor| Some(to_proto(minor, lending.currency));
    let (fee_ppm, fee_money) = match plan.fee {
        Fee::Share(ppm) => (ppm, money(fee)),
        Fee::Fixed(_) => (0, None),
    };
    let inputs = lending.card_inputs(loan.tenor, loan.amount);
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
        pd: default_within(lending.graded.pd_ppm(), loan.tenor.months),
        waterfall: waterfall(lending, loan, all_in),
        reasons: lending.graded.reasons(),
        rate_card_row: loan.rated.offer.row,
        floor_ppm: loan.rated.floor.ppm(),
        cap_ppm: lending.binding.cap.map_or(0, |(_, cap)| cap.ppm()),
        expected_margin_minor: (drawn * cost.margin(rate, plan.upfront(loan.amount))).round()
            as i64,
        expected_loss_minor: (drawn * cost.expected_loss(rate)).round() as i64,
        schedule: if plan.is_card {
            Vec::new()
        } else {
            schedule.to_proto()
        },
        counterfactual: lending.graded.counterfactual().unwrap_or_default(),
        inputs: inputs.as_text(lending.last_rate_ppm),
        ..pb::Price::default()
    })
}

/// The effective annual cost of the very instalments, held against the cap once more.
fn all_in(lending: &Lending<'_>, schedule: &Schedule, fee: i64) -> Result<f64, Refused> {
    let terms = schedule.terms();
    let net = terms.principal - fee;
    let all_in = effective_annual_rate(net, schedule.payments(), monthly(terms.rate))
        .map_err(|error| refuse(Cause::Amount, error.to_string()))?;
    if let Some((pack, cap)) = lending.binding.cap
        && all_in > cap.fraction()
    {
        let pack = &lending.book.pack(pack).id;
        let detail = format!("all-in cost `{all_in}` is not allowed: at most {cap} by {pack}");
        return Err(refuse(Cause::FloorAboveCap, detail));
    }
    Ok(all_in)
}

fn waterfall(lending: &Lending<'_>, loan: &Loan<'_>, all_in: f64) -> Vec<pb::WaterfallStep> {
    let mut steps = Waterfall::with_capacity(15);
    cost_steps(lending, loan, &mut steps);
    let rated = &loan.rated;
    let chosen = &rated.chosen;
    let row = rated.offer.row;
    let card = RatePpm::new(rated.offer.rate_ppm).unwrap_or_default();
    steps.level("rate card", card.ppm(), format!("row {row}"));
    steps.add(
        "discount",
        rated.offer.net_ppm() - card.ppm(),
        format!("row {row}"),
    );
    let last = lending
        .last_rate_ppm
        .and_then(|last| RatePpm::new(last).ok());
    let change = match (lending.credit.max_change_ppm, last) {
        (Some(most), Some(last)) => format!("within {most} ppm of the last quote, {last}"),
        (None, _) => "unbounded".to_owned(),
        (_, None) => "no earlier quote".to_owned(),
    };
    steps.add("guardrail change", chosen.by_change, change);
    steps.add(
        "guardrail floor",
        chosen.by_floor,
        format!("at least {}", rated.floor),
    );
    steps.add(
        "guardrail cap",
        chosen.by_cap,
        cap_in_words(lending, rated.ceiling),
    );
    steps.add(
        "guardrail price points",
        chosen.by_points,
        "nearest approved point, down where it covers cost",
    );
    let limit = Money::new(loan.limit.amount, lending.currency);
    let bound = loan.limit.bound.in_words();
    steps.add(
        "guardrail exposure",
        0,
        format!("limit {limit}, by {bound}"),
    );
    let shown = RatePpm::from_fraction(all_in).unwrap_or(RatePpm::MAX);
    steps.level("price", chosen.rate.ppm(), format!("all-in {shown} a year"));
    steps.into_steps()
}

/// Funding, operation, origination, loss and capital up to the floor.
fn cost_steps(lending: &Lending<'_>, loan: &Loan<'_>, steps: &mut Waterfall) {
    let cost = &loan.tenor.costs[lending.graded.place];
    let plan = lending.plan;
    let parts = cost.parts(loan.rated.floor, plan.upfront(loan.amount));
    let months = loan.tenor.months;
    let pd = RatePpm::new(lending.graded.pd_ppm()).unwrap_or_default();
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
    steps.level(
        "floor",
        loan.rated.floor.ppm(),
        "lowest rate that covers cost",
    );
}

fn cap_in_words(lending: &Lending<'_>, ceiling: Option<RatePpm>) -> String {
    match (lending.binding.cap, ceiling) {
        (Some((pack, cap)), Some(ceiling)) => {
            let pack = lending.book.pack(pack);
            format!(
                "at most {ceiling}, all-in {cap} by {}: {}",
                pack.id, pack.source
            )
        }
        _ => "no cap binds".to_owned(),
    }
}
