//! Cards, funds, deposits and policies: each kind's own price.

use crate::support::{all_in, ask, customer, engine, minor, step};

/// Limit 5 x 50,000.00 for grade A, under the product's 100,000.00; 40 % of it drawn. The cost of a
/// year: 12 x .0131884... see the floor's parts, which add up to it.
#[test]
fn a_card_is_priced_on_its_expected_balance() {
    let features = customer().with_number("bureau_score", 800.0);
    let price = engine()
        .price(&ask("CARD-FEE", None, None, &features))
        .expect("priced");
    assert_eq!(
        (price.grade.as_str(), price.rate_ppm, price.tenor_months),
        ("A", 132_000, 0)
    );
    assert_eq!(minor(price.amount.as_ref()), 10_000_000);
    assert_eq!(minor(price.instalment.as_ref()), 10_000, "the annual fee");
    assert!(price.schedule.is_empty());
    // 40,000.00 owed for a year at 1.1 % a month, less the fee of 100.00 at the start.
    let mut flows = vec![44_000; 11];
    flows.push(4_044_000);
    assert!((price.all_in_irr - all_in(3_990_000, &flows)).abs() < 1e-9);
    let parts = [
        "funding",
        "operating cost",
        "origination",
        "expected loss",
        "capital",
    ];
    let sum: i64 = parts.iter().map(|name| step(&price, name)).sum();
    assert_eq!(sum, price.floor_ppm);
    // Loss per unit owed: 50 % x 64 % / 40 % = .8; .8 x 1.3188 % and the interest forgone.
    let loss = step(&price, "expected loss");
    assert!((10_500..11_600).contains(&loss), "{loss}");
}

#[test]
fn a_limit_asked_for_is_granted_within_the_limit() {
    let engine = engine();
    let features = customer().with_number("income_monthly_minor", 1_000_000.0);
    let price = engine
        .price(&ask("CARD", Some(1_000_000), None, &features))
        .expect("priced");
    assert_eq!(minor(price.amount.as_ref()), 1_000_000);
    assert_eq!(
        minor(price.limit.as_ref()),
        4_000_000,
        "four times income for grade B"
    );
    let refusal = engine
        .price(&ask("CARD", Some(4_050_000), None, &features))
        .expect_err("refused");
    assert_eq!(
        refusal.detail,
        "the limit is 40,000.00 CNY, by the multiple of income for the grade; the amount asked for is 40,500.00 CNY"
    );
    assert_eq!(
        refusal.counterfactual,
        "an amount of at most 40,000.00 CNY would be offered"
    );
    assert_eq!(refusal.reasons[0].code, "L01");
}

#[test]
fn a_fund_is_cheaper_in_the_app_and_keeps_the_regulated_redemption_fees() {
    let engine = engine();
    let features = customer();
    let mut inputs = ask("FUND", Some(1_000_000), None, &features);
    let fee = |inputs: &fairlead_price_engine::Inputs<'_>| {
        let price = engine.price(inputs).expect("priced");
        (price.fee_ppm, minor(price.fee.as_ref()))
    };
    assert_eq!(
        fee(&inputs),
        (1_500, 1_500),
        "a tenth of 1.5 % of 10,000.00"
    );
    inputs.channel = "branch";
    assert_eq!(fee(&inputs), (15_000, 15_000));
    let price = engine.price(&inputs).expect("priced");
    let redemption: Vec<i64> = price
        .waterfall
        .iter()
        .filter(|step| step.name == "redemption fee")
        .map(|step| step.ppm)
        .collect();
    // Own: .5 % under a year. Law of 2026: 1.5 %, 1 %, .5 % under 7, 30, 180 days.
    assert_eq!(redemption, [15_000, 10_000, 5_000, 5_000, 0]);
    // Law of 2017, before: 1.5 % under 7 days.
    inputs.as_of_ms = 1_700_000_000_000;
    let price = engine.price(&inputs).expect("priced");
    let first: Vec<i64> = price
        .waterfall
        .iter()
        .skip(3)
        .map(|step| step.ppm)
        .collect();
    assert_eq!(first, [15_000, 5_000, 0]);
}

#[test]
fn deposits_and_policies() {
    let engine = engine();
    let features = customer();
    let price = engine
        .price(&ask("DEPOSIT", Some(1_000_000), None, &features))
        .expect("priced");
    assert_eq!((price.rate_ppm, price.tenor_months), (15_000, 12));
    assert_eq!(
        price.expected_margin_minor, 10_000,
        "2.5 % less 1.5 % of 10,000.00 for a year"
    );
    // (2 % x 5,000.00 + 5.00) / (1 - .2 - .05) = 140.00.
    let price = engine
        .price(&ask("INSURANCE", None, None, &features))
        .expect("priced");
    assert_eq!(minor(price.instalment.as_ref()), 14_000);
    assert_eq!(price.rule_pack, "cn-2015-04-filed-premiums@insurance");
}
