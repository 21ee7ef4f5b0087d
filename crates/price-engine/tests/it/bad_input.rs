//! Bad input: a message that names the thing, the value and what is allowed; never a price.

use std::collections::BTreeMap;

use fairlead_domain::{Currency, Money};
use fairlead_price_engine::{FeatureMap, Inputs};
use fairlead_proto::pricing::v1::RefusalCause as Cause;
use proptest::prelude::*;

use crate::support::{ask, customer, engine};

type Change = fn(&mut Inputs<'_>);

const TABLE: [(&str, Change, Cause, &str); 16] = [
    (
        "unknown product",
        |ask| ask.product_id = "NOPE",
        Cause::UnknownProduct,
        "product `NOPE`",
    ),
    (
        "no product",
        |ask| ask.product_id = "",
        Cause::UnknownProduct,
        "product ``",
    ),
    (
        "tenor not on offer",
        |ask| ask.tenor_months = Some(7),
        Cause::Tenor,
        "tenor `7` is not allowed: 3, 6, 12, 24, 36 months",
    ),
    (
        "negative tenor",
        |ask| ask.tenor_months = Some(-1),
        Cause::Tenor,
        "tenor `-1`",
    ),
    (
        "largest tenor",
        |ask| ask.tenor_months = Some(i32::MAX),
        Cause::Tenor,
        "tenor `2147483647`",
    ),
    (
        "negative amount",
        |ask| ask.amount = Some(Money::new(-100, Currency::CNY)),
        Cause::Amount,
        "amount `-1.00 CNY` is not allowed: 1,000.00 CNY to 200,000.00 CNY in steps of 100.00 CNY",
    ),
    (
        "no amount at all",
        |ask| ask.amount = Some(Money::new(0, Currency::CNY)),
        Cause::Amount,
        "amount `0.00 CNY`",
    ),
    (
        "overflowing amount",
        |ask| ask.amount = Some(Money::new(i64::MAX, Currency::CNY)),
        Cause::Amount,
        "amount `92,233,720,368,547,758.07 CNY`",
    ),
    (
        "amount between steps",
        |ask| ask.amount = Some(Money::new(1_000_001, Currency::CNY)),
        Cause::Amount,
        "in steps of 100.00 CNY",
    ),
    (
        "wrong currency",
        |ask| ask.amount = Some(Money::new(1_000_000, Currency::USD)),
        Cause::Currency,
        "currency `USD` is not allowed: LOAN is priced in CNY",
    ),
    (
        "before every law",
        |ask| ask.as_of_ms = -1,
        Cause::NoRulePack,
        "no rule pack of CN for licence `consumer-finance` and kind cash-loan is valid at -1",
    ),
    (
        "unknown segment",
        |ask| ask.segment = Some("rich"),
        Cause::InputOutOfRange,
        "rich",
    ),
    (
        "no segment",
        |ask| ask.segment = None,
        Cause::MissingInput,
        "segment",
    ),
    (
        "unlawful bullet",
        |ask| {
            ask.product_id = "BULLET";
            ask.tenor_months = Some(24);
        },
        Cause::Tenor,
        "bullet tenor `24` is not allowed: at most 12 months by cn-2024-04-consumer-finance",
    ),
    (
        "fund below its smallest",
        |ask| {
            ask.product_id = "FUND";
            ask.amount = Some(Money::new(999, Currency::CNY));
        },
        Cause::Amount,
        "amount `9.99 CNY` is not allowed: 10.00 CNY or more",
    ),
    (
        "unknown channel",
        |ask| {
            ask.product_id = "FUND";
            ask.channel = "fax";
        },
        Cause::InputOutOfRange,
        "fax",
    ),
];

#[test]
fn each_names_the_thing_the_value_and_what_is_allowed() {
    let engine = engine();
    let features = customer();
    for (name, change, cause, says) in TABLE {
        let mut inputs = ask("LOAN", Some(1_000_000), Some(12), &features);
        change(&mut inputs);
        let refusal = engine.price(&inputs).expect_err(name);
        assert_eq!(refusal.cause(), cause, "{name}: {}", refusal.detail);
        assert!(refusal.detail.contains(says), "{name}: {}", refusal.detail);
    }
}

#[test]
fn versions_that_are_not_there() {
    let features = customer();
    let versions = BTreeMap::from([("cash-loan".to_owned(), 7)]);
    let mut inputs = ask("LOAN", Some(1_000_000), Some(12), &features);
    inputs.strategy_versions = &versions;
    let refusal = engine().price(&inputs).expect_err("refused");
    assert_eq!(refusal.cause(), Cause::NoStrategy);
    assert_eq!(
        refusal.detail,
        "strategy cash-loan has no version 7 in the release"
    );
}

#[test]
fn features_that_are_no_numbers() {
    let engine = engine();
    for name in [
        "bureau_score",
        "inquiries_12m",
        "income_monthly_minor",
        "exposure_elsewhere_minor",
    ] {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let features = customer().with_number(name, bad);
            let refusal = engine
                .price(&ask("LOAN", None, None, &features))
                .expect_err("refused");
            assert_eq!(refusal.cause(), Cause::InputOutOfRange, "{name} {bad}");
            assert!(refusal.detail.contains(name) && refusal.detail.contains(&bad.to_string()));
        }
    }
    let features = customer().with_number("income_monthly_minor", -1.0);
    let refusal = engine
        .price(&ask("LOAN", None, None, &features))
        .expect_err("refused");
    assert_eq!(refusal.cause(), Cause::InputOutOfRange);
}

fn odd_numbers() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        Just(f64::NAN),
        Just(f64::INFINITY),
        -1e3_f64..1e9
    ]
}

proptest! {
    /// Whatever comes in, something orderly comes out.
    #[test]
    fn nothing_panics_and_nothing_is_priced_by_default(
        product in prop_oneof![
            Just("LOAN"), Just("LOAN-FEE"), Just("BULLET"), Just("PLAN"), Just("CARD"),
            Just("CARD-FEE"), Just("FUND"), Just("DEPOSIT"), Just("INSURANCE"),
        ],
        amount in prop::option::of(prop_oneof![any::<i64>(), (0_i64..5_000).prop_map(|steps| steps * 10_000)]),
        tenor in prop::option::of(prop_oneof![any::<i32>(), Just(3), Just(12)]),
        last in prop::option::of(any::<i64>()),
        channel in "(app|web|branch|\\PC{0,6})",
        segment in prop::option::of("(standard|established|\\PC{0,6})"),
        campaign in "(|\\PC{0,6})",
        personalised in any::<bool>(),
        as_of_ms in any::<i64>(),
        now in any::<bool>(),
        values in prop::collection::btree_map(
            prop_oneof![
                Just("bureau_score".to_owned()), Just("debt_to_income_ppm".to_owned()),
                Just("income_monthly_minor".to_owned()), Just("debt_service_monthly_minor".to_owned()),
                Just("exposure_elsewhere_minor".to_owned()), Just("inquiries_12m".to_owned()),
            ],
            odd_numbers(), 0..6,
        ),
    ) {
        thread_local!(static ENGINE: fairlead_price_engine::Engine = engine());
        let features = FeatureMap { numbers: values, ..FeatureMap::default() };
        let mut inputs = ask(product, amount, tenor, &features);
        inputs.last_rate_ppm = last;
        inputs.channel = &channel;
        inputs.segment = segment.as_deref();
        inputs.campaign = &campaign;
        inputs.personalised = personalised;
        inputs.as_of_ms = if now { crate::support::NOW_MS } else { as_of_ms };
        let answer = ENGINE.with(|engine| engine.price(&inputs));
        match answer {
            Ok(price) => {
                let amount = price.amount.expect("an amount").minor;
                prop_assert!(amount > 0);
                prop_assert!(price.all_in_irr.is_finite() && price.pd.is_finite());
                let credit = matches!(product, "LOAN" | "LOAN-FEE" | "BULLET" | "PLAN" | "CARD" | "CARD-FEE");
                prop_assert!(!credit || features.numbers.contains_key("income_monthly_minor"));
            }
            Err(refusal) => {
                prop_assert!(!refusal.detail.is_empty());
                prop_assert!(refusal.cause() != Cause::Unspecified);
            }
        }
    }
}
