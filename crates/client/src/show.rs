//! Answers as tables.

use std::net::SocketAddr;

use fairlead_domain::{Currency, Money, RatePpm};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::gateway::v1::{RecommendResponse, SlateItem};
use fairlead_proto::money::v1 as wire;
use fairlead_proto::pricing::v1::Price;

use crate::terminal::{note, table};

/// Formats money; empty for `None`.
pub fn money(money: Option<&wire::Money>) -> String {
    let shown = money.and_then(|money| {
        Some(Money::new(money.minor, Currency::new(&money.currency).ok()?).to_string())
    });
    shown.unwrap_or_default()
}

/// Formats a rate.
pub fn rate(ppm: i64) -> String {
    RatePpm::new(ppm)
        .map(|rate| rate.to_string())
        .unwrap_or_default()
}

/// Returns the name of a product kind, or `?` if the number is not known.
pub fn kind(number: i32) -> &'static str {
    match ProductKind::try_from(number) {
        Ok(ProductKind::Unspecified) | Err(_) => "?",
        Ok(kind) => kind.words(),
    }
}

/// Formats the main figure of a price in one cell: rate, limit, premium or fee, by kind.
pub fn price_cell(number: i32, price: Option<&Price>) -> String {
    let Some(price) = price else {
        return "-".to_owned();
    };
    let amount = || money(price.amount.as_ref());
    match ProductKind::try_from(number) {
        Ok(ProductKind::CashLoan | ProductKind::InstalmentPlan) => {
            format!(
                "{} · {} · {} months",
                rate(price.rate_ppm),
                amount(),
                price.tenor_months
            )
        }
        Ok(ProductKind::CreditCard) => {
            format!(
                "{} · limit {}",
                rate(price.rate_ppm),
                money(price.limit.as_ref().or(price.amount.as_ref()))
            )
        }
        Ok(ProductKind::Fund) => format!("fee {}", rate(price.fee_ppm)),
        Ok(ProductKind::Deposit) => format!("yield {}", rate(price.rate_ppm)),
        Ok(ProductKind::Insurance) => {
            format!("premium {} a year", money(price.instalment.as_ref()))
        }
        _ => "-".to_owned(),
    }
}

fn monthly_cell(item: &SlateItem) -> String {
    let loan = matches!(
        item.kind(),
        ProductKind::CashLoan | ProductKind::InstalmentPlan
    );
    let instalment = item
        .price
        .as_ref()
        .filter(|_| loan)
        .and_then(|price| price.instalment.as_ref());
    money(instalment)
}

fn why_cell(item: &SlateItem) -> String {
    let told = |kind: &str| item.reasons.iter().find(|reason| reason.kind == kind);
    let mut parts: Vec<String> = told("source")
        .map(|reason| reason.text.clone())
        .into_iter()
        .collect();
    parts.extend(told("grade").map(|reason| format!("grade {}", reason.text)));
    parts.join(", ")
}

/// Prints a slate.
pub fn slate(title: &str, answer: &RecommendResponse) {
    crate::terminal::heading(title);
    let mut rows = table([
        "#", "product", "kind", "price", "monthly", "p(click)", "value", "why",
    ]);
    // Without personalisation the items are not scored.
    let scored = |cell: String| {
        if answer.personalised {
            cell
        } else {
            String::new()
        }
    };
    for item in &answer.items {
        rows.add_row([
            item.position.to_string(),
            item.name.clone(),
            kind(item.kind).to_owned(),
            price_cell(item.kind, item.price.as_ref()),
            monthly_cell(item),
            scored(format!("{:.1} %", item.p_click * 100.0)),
            scored(format!("{:.2}", item.score / 100.0)),
            why_cell(item),
        ]);
    }
    println!("{rows}");
    let arms: Vec<String> = answer
        .exposures
        .iter()
        .map(|e| format!("{} = {}", e.experiment_id, e.arm_id))
        .collect();
    let arms = if arms.is_empty() {
        "none".to_owned()
    } else {
        arms.join(", ")
    };
    note(&format!(
        "request {} · release {} · {} · arms: {arms} · {:.1} ms",
        answer.request_id,
        answer.release_revision,
        if answer.personalised {
            "personalised"
        } else {
            "not personalised"
        },
        answer.latency_ms,
    ));
    for degraded in &answer.degraded {
        note(&format!(
            "degraded: {} ({}), {}",
            degraded.stage, degraded.cause, degraded.fallback
        ));
    }
}

/// Prints a price, step by step from cost.
pub fn waterfall(title: &str, price: &Price) {
    crate::terminal::heading(title);
    let mut rows = table(["step", "per year", "from"]);
    for step in &price.waterfall {
        let amount = if step.total {
            rate(step.ppm)
        } else {
            format!("{:+.4} %", step.ppm as f64 / 10_000.0)
        };
        let name = if step.total {
            format!("= {}", step.name)
        } else {
            format!("  {}", step.name)
        };
        rows.add_row([name, amount, step.detail.clone()]);
    }
    println!("{rows}");
    note(&format!(
        "{} row {} · rule pack {} · all-in {} under a cap of {} · grade {} (PD {:.2} %)",
        price.strategy,
        price.rate_card_row,
        price.rule_pack,
        rate(price.all_in_ppm),
        rate(price.cap_ppm),
        price.grade,
        price.pd * 100.0,
    ));
    for code in &price.reasons {
        note(&format!("{}: {}", code.code, code.text));
    }
    if !price.counterfactual.is_empty() {
        note(&format!("what would better it: {}", price.counterfactual));
    }
}

/// Prints a decision record: what was decided, on what, for whom.
pub fn record(record: &DecisionRecord) {
    let mut rows = table(["what", "kept"]);
    rows.add_row(["customer".to_owned(), record.customer_id.clone()]);
    if !record.client_reference.is_empty() {
        let reference = record.client_reference.clone();
        rows.add_row(["your reference".to_owned(), reference]);
    }
    let features: usize = record
        .features
        .iter()
        .map(|set| set.numbers.len() + set.categories.len() + set.sequences.len())
        .sum();
    rows.add_row([
        "release, models".to_owned(),
        format!(
            "{}, {}",
            record.release_revision,
            record.model_versions.join(", ")
        ),
    ]);
    rows.add_row([
        "features as used".to_owned(),
        format!("{features} values for {} purposes", record.features.len()),
    ]);
    rows.add_row([
        "candidates, filtered".to_owned(),
        format!("{}, {}", record.candidates.len(), record.drops.len()),
    ]);
    rows.add_row(["slate".to_owned(), record.slate.join(", ")]);
    let stages: Vec<String> = record
        .stage_ms
        .iter()
        .map(|(stage, ms)| format!("{stage} {ms:.2} ms"))
        .collect();
    rows.add_row(["stages".to_owned(), stages.join(", ")]);
    if let Some(quote) = &record.quote {
        let price = quote.price.as_ref();
        let cell = price_cell(price.map_or(0, |price| price.kind), price);
        rows.add_row([format!("quote {}", quote.quote_id), cell]);
    }
    if let Some(refusal) = &record.refusal {
        rows.add_row(["no quote".to_owned(), refusal.detail.clone()]);
    }
    println!("{rows}");
}

/// Prints commands to try on a server that has just started.
pub fn next_steps(gateway: SocketAddr, metrics: SocketAddr) {
    crate::terminal::heading("Serving. Try:");
    note(&format!(
        "curl -s http://{gateway}/v1/recommend -d '{{\"customerId\":\"c00001\",\"slateSize\":3}}'"
    ));
    note(&format!(
        "grpcurl -plaintext -d '{{\"customer_id\":\"c00001\"}}' {gateway} fairlead.gateway.v1.RecommendService/Recommend"
    ));
    note(&format!(
        "open http://{gateway}/docs for every call; metrics at http://{metrics}/metrics"
    ));
    note(&format!(
        "fairlead recommend c00001 --server http://{gateway} --waterfall"
    ));
}

/// Prints how the first administrator signs in.
pub fn first_administrator(invitation: &str) {
    note("nobody has signed in yet; the first administrator does so once, within a day:");
    note(&format!(
        "fairlead login --name NAME --invitation {invitation}"
    ));
}
