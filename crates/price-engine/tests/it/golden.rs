//! Prices worked out independently (60-digit decimals: cash flows laid out month by month, rates by
//! bisection) and written down here.

use fairlead_domain::{Currency, Money, RatePpm};
use fairlead_price_engine::{Repayment, Schedule, ScheduleTerms};

use crate::support::{all_in, ask, customer, engine, minor, payments, step};

/// Product, score, amount, tenor -> grade, rate, floor, first and last instalment, all-in, margin.
struct Golden {
    product: &'static str,
    score: f64,
    amount: i64,
    tenor: i32,
    grade: &'static str,
    rate: i64,
    floor: i64,
    first: i64,
    last: i64,
    all_in: f64,
    margin: i64,
}

const TABLE: [Golden; 4] = [
    Golden {
        product: "LOAN",
        score: 800.0,
        amount: 1_200_000,
        tenor: 12,
        grade: "A",
        rate: 72_000,
        floor: 60_193,
        first: 103_942,
        last: 103_945,
        all_in: 0.074_414_013_793_794_64,
        margin: 7_629,
    },
    Golden {
        product: "LOAN",
        score: 700.0,
        amount: 1_200_000,
        tenor: 12,
        grade: "B",
        rate: 108_000,
        floor: 65_092,
        first: 105_946,
        last: 105_940,
        all_in: 0.113_498_818_606_482_22,
        margin: 27_786,
    },
    Golden {
        product: "LOAN",
        score: 650.0,
        amount: 5_000_000,
        tenor: 36,
        grade: "C",
        rate: 150_000,
        floor: 74_930,
        first: 173_326,
        last: 173_334,
        all_in: 0.160_752_339_616_403_6,
        margin: 577_728,
    },
    Golden {
        product: "LOAN-FEE",
        score: 610.0,
        amount: 300_000,
        tenor: 24,
        grade: "D",
        rate: 192_000,
        floor: 81_765,
        first: 15_151,
        last: 15_161,
        all_in: 0.222_309_476_720_384_3,
        margin: 33_999,
    },
];

#[test]
fn prices_are_those_worked_out_by_hand() {
    let engine = engine();
    for golden in &TABLE {
        let features = customer().with_number("bureau_score", golden.score);
        let inputs = ask(
            golden.product,
            Some(golden.amount),
            Some(golden.tenor),
            &features,
        );
        let price = engine.price(&inputs).expect("priced");
        let name = format!("{} {}", golden.product, golden.grade);
        assert_eq!(price.grade, golden.grade, "{name}");
        assert_eq!(price.rate_ppm, golden.rate, "{name}");
        assert_eq!(price.floor_ppm, golden.floor, "{name}");
        let payments = payments(&price);
        assert_eq!(payments.first(), Some(&golden.first), "{name}");
        assert_eq!(minor(price.instalment.as_ref()), golden.first, "{name}");
        assert_eq!(payments.last(), Some(&golden.last), "{name}");
        assert!(
            (price.all_in_irr - golden.all_in).abs() < 1e-12,
            "{name}: {}",
            price.all_in_irr
        );
        assert_eq!(price.expected_margin_minor, golden.margin, "{name}");
    }
}

#[test]
fn a_waterfall_reads_from_cost_to_price() {
    let features = customer();
    let price = engine()
        .price(&ask("LOAN", Some(1_200_000), Some(12), &features))
        .expect("priced");
    let steps: Vec<(&str, i64)> = price
        .waterfall
        .iter()
        .map(|step| (step.name.as_str(), step.ppm))
        .collect();
    // Capital: 7.875 % x (12 % - 3 %) = 7,087.5 ppm. Origination: 0.50 on 12,000.00 over some six
    // months' balance. Expected loss: 12 h x LGD and the interest forgone in the month of default.
    let expected = [
        ("funding", 30_000),
        ("operating cost", 15_000),
        ("origination", 78),
        ("expected loss", 12_926),
        ("capital", 7_088),
        ("floor", 65_092),
        ("rate card", 108_000),
        ("discount", 0),
        ("guardrail change", 0),
        ("guardrail floor", 0),
        ("guardrail cap", 0),
        ("guardrail price points", 0),
        ("guardrail exposure", 0),
        ("price", 108_000),
    ];
    assert_eq!(steps, expected);
    assert_eq!(price.strategy, "cash-loan@1");
    assert_eq!(price.rate_card_row, 5);
    assert_eq!(price.rule_pack, "cn-2017-08-24pct@cash-loan");
    assert_eq!(price.cap_ppm, 240_000);
    assert_eq!(minor(price.limit.as_ref()), 20_000_000);
}

#[test]
fn discounts_campaigns_and_consent() {
    let engine = engine();
    let features = customer();
    let mut inputs = ask("LOAN", Some(1_200_000), Some(12), &features);
    inputs.segment = Some("established");
    let price = engine.price(&inputs).expect("priced");
    assert_eq!(
        (price.rate_ppm, step(&price, "discount")),
        (102_000, -6_000)
    );
    inputs.personalised = false;
    let price = engine.price(&inputs).expect("priced");
    assert_eq!(
        (price.rate_ppm, price.inputs["segment"].as_str()),
        (108_000, "standard")
    );
    inputs.segment = None;
    assert_eq!(
        engine.price(&inputs).expect("the standard card").rate_ppm,
        108_000
    );
}

/// 21.6 % with a fee of 1 % is above 24 % all-in; the next points down are tried by the law's
/// arithmetic, and the all-in cost of the very instalments is what is shown.
#[test]
fn the_cap_lowers_a_rate_to_the_next_lawful_point() {
    let engine = engine();
    let features = customer().with_number("bureau_score", 560.0);
    let free = engine
        .price(&ask("LOAN", Some(1_000_000), Some(12), &features))
        .expect("priced");
    assert_eq!(
        (free.grade.as_str(), free.rate_ppm, free.floor_ppm),
        ("E", 216_000, 134_939)
    );
    assert!((free.all_in_irr - 0.238_707_256_952_934_5).abs() < 1e-12);

    let price = engine
        .price(&ask("LOAN-FEE", Some(1_000_000), Some(12), &features))
        .expect("priced");
    assert_eq!(price.floor_ppm, 115_590);
    assert!(step(&price, "guardrail cap") < 0);
    let lawful = |rate_ppm: i64| {
        let terms = ScheduleTerms {
            principal: Money::new(1_000_000, Currency::CNY),
            rate: RatePpm::new(rate_ppm).expect("in range"),
            months: 12,
            repayment: Repayment::Annuity,
        };
        let schedule = Schedule::new(terms).expect("in range");
        let payments: Vec<i64> = schedule.payments().map(Money::minor).collect();
        all_in(990_000, &payments) <= 0.24
    };
    assert!(
        lawful(price.rate_ppm) && !lawful(price.rate_ppm + 6_000),
        "{}",
        price.rate_ppm
    );
    assert!((price.all_in_irr - all_in(990_000, &payments(&price))).abs() < 1e-9);
}

#[test]
fn a_rate_moves_by_no_more_than_the_largest_change() {
    let engine = engine();
    let features = customer();
    let mut inputs = ask("LOAN", Some(1_200_000), Some(12), &features);
    inputs.last_rate_ppm = Some(72_000);
    let price = engine.price(&inputs).expect("priced");
    assert_eq!(
        (price.rate_ppm, step(&price, "guardrail change")),
        (102_000, -6_000)
    );
    assert_eq!(price.inputs["last_rate"], "72000");
    inputs.last_rate_ppm = Some(168_000);
    assert_eq!(engine.price(&inputs).expect("priced").rate_ppm, 138_000);
    // So low a last quote that every rate within reach loses money: no price.
    inputs.last_rate_ppm = Some(20_000);
    let refusal = engine.price(&inputs).expect_err("refused");
    assert_eq!(
        refusal.cause().as_str_name(),
        "REFUSAL_CAUSE_NO_PRICE_POINT"
    );
    assert!(
        refusal
            .detail
            .contains("within 30000 ppm of the last quote's 20000 ppm"),
        "{}",
        refusal.detail
    );
}

#[test]
fn limits_follow_income_debts_and_law() {
    let engine = engine();
    let limit = |income: f64, debts: f64, elsewhere: f64, tenor| {
        let features = customer()
            .with_number("income_monthly_minor", income)
            .with_number("debt_service_monthly_minor", debts)
            .with_number("exposure_elsewhere_minor", elsewhere);
        let price = engine.price(&ask("LOAN", None, tenor, &features));
        price.map(|price| {
            (
                minor(price.limit.as_ref()),
                minor(price.amount.as_ref()),
                price.tenor_months,
            )
        })
    };
    // Five times 8,000.00 for grade B; at 24 months 1,871.37 a month is well within 55 %.
    assert_eq!(
        limit(800_000.0, 0.0, 0.0, Some(24)),
        Ok((4_000_000, 4_000_000, 24))
    );
    // At 3 months: 4,400.00 a month serves 4,400 x 2.9467 = 12,965.5, rounded down to 100.00.
    assert_eq!(
        limit(800_000.0, 0.0, 0.0, Some(3)),
        Ok((1_290_000, 1_290_000, 3))
    );
    // The law: 200,000.00 less 195,000.00 elsewhere.
    assert_eq!(
        limit(8_000_000.0, 0.0, 19_500_000.0, Some(12)),
        Ok((500_000, 500_000, 12))
    );
    // The shortest tenor that serves the largest amount.
    assert_eq!(
        limit(800_000.0, 0.0, 0.0, None),
        Ok((4_000_000, 4_000_000, 12))
    );
    let refusal = limit(800_000.0, 435_000.0, 0.0, Some(12)).expect_err("refused");
    assert_eq!(refusal.reasons[0].code, "L02");
    assert_eq!(
        refusal.counterfactual,
        "debt service of at most 4,311.71 CNY a month would allow the smallest amount"
    );
    let refusal = limit(800_000.0, 0.0, 19_950_000.0, Some(12)).expect_err("refused");
    assert_eq!(refusal.reasons[0].code, "L03");
    assert_eq!(
        refusal.counterfactual,
        "credit elsewhere of at most 199,000.00 CNY would allow the smallest amount"
    );
}

#[test]
fn reasons_and_a_way_out() {
    let engine = engine();
    let features = customer()
        .with_number("bureau_score", 650.0)
        .with_number("inquiries_12m", 9.0)
        .with_number("revolving_utilisation_ppm", 950_000.0)
        .with_number("debt_to_income_ppm", 350_000.0);
    let price = engine
        .price(&ask("LOAN", Some(1_000_000), Some(12), &features))
        .expect("priced");
    assert_eq!(price.grade, "D");
    let codes: Vec<&str> = price
        .reasons
        .iter()
        .map(|reason| reason.code.as_str())
        .collect();
    assert_eq!(codes, ["R01", "R05", "R02", "R04"]);
    assert_eq!(
        price.counterfactual,
        "debt_to_income_ppm below 200000 and revolving_utilisation_ppm below 300000 would give grade C"
    );

    let best = customer().with_number("bureau_score", 820.0);
    let price = engine
        .price(&ask("LOAN", Some(1_000_000), Some(12), &best))
        .expect("priced");
    assert_eq!(
        (
            price.grade.as_str(),
            price.reasons.len(),
            price.counterfactual.as_str()
        ),
        ("A", 0, "")
    );

    let worst = features.with_number("bureau_score", 500.0);
    let refusal = engine
        .price(&ask("LOAN", Some(1_000_000), Some(12), &worst))
        .expect_err("refused");
    assert_eq!(refusal.cause().as_str_name(), "REFUSAL_CAUSE_RISK");
    assert!(
        refusal.detail.contains("is not allowed: at most 16.5365 %"),
        "{}",
        refusal.detail
    );
    assert_eq!(refusal.reasons.len(), 4);
}
