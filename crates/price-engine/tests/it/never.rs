//! The invariants of prices, each a property over random customers, requests and strategies.

use fairlead_price_engine::{Engine, FeatureMap};
use fairlead_proto::catalogue::v1::RepaymentMethod;
use fairlead_proto::control::v1::{Release, Strategy as PricingStrategy};
use fairlead_proto::pricing::v1::{Price, RefusalCause};
use proptest::prelude::*;

use crate::support::{all_in, ask, card, compile, customer, loan, minor, payments, release, step};

/// A strategy of random shape: a rising card, random cost, points, cap and limits.
#[derive(Debug, Clone)]
struct Shape {
    first: i64,
    rises: Vec<i64>,
    discount: i64,
    operating: i64,
    origination: i64,
    lgd: i64,
    points: Option<i64>,
    max_change: i64,
    cap: i64,
    fee: i64,
    band: i64,
}

fn shapes() -> impl Strategy<Value = Shape> {
    let card = (
        50_000_i64..200_000,
        prop::collection::vec(0_i64..60_000, 4),
        0_i64..30_000,
    );
    let cost = (0_i64..60_000, 0_i64..20_000, 200_000_i64..1_000_000);
    let guards = (
        prop::option::of(1_000_i64..20_000),
        0_i64..60_000,
        120_000_i64..400_000,
    );
    (card, cost, guards, 0_i64..30_000, 1_000_i64..100_000).prop_map(
        |(
            (first, rises, discount),
            (operating, origination, lgd),
            (points, max_change, cap),
            fee,
            band,
        )| Shape {
            first,
            rises,
            discount,
            operating,
            origination,
            lgd,
            points,
            max_change,
            cap,
            fee,
            band,
        },
    )
}

impl Shape {
    fn release(&self) -> Release {
        let mut release = release();
        let catalogue = release.catalogue.as_mut().expect("a catalogue");
        catalogue.products = vec![
            loan("LOAN", RepaymentMethod::Annuity, self.fee),
            loan("EQUAL", RepaymentMethod::EqualPrincipal, self.fee),
            loan("BULLET", RepaymentMethod::Bullet, self.fee),
            card("CARD", 1_000),
        ];
        for pack in &mut release.rule_packs {
            pack.max_all_in_ppm = pack.max_all_in_ppm.map(|_| self.cap);
        }
        let named = |strategies: &[String]| {
            let mut strategies = strategies.iter();
            strategies.any(|one| one == "cash-loan" || one == "credit-card")
        };
        for cost in &mut release.cost_models {
            if named(&cost.strategies) {
                cost.operating_ppm = self.operating;
                cost.origination_cost_minor = self.origination;
                cost.lgd_ppm = self.lgd;
            }
        }
        for guardrails in &mut release.guardrails {
            if named(&guardrails.strategies) {
                guardrails.max_change_ppm = self.max_change;
                guardrails.price_points_ppm = self.points.map_or(Vec::new(), |step| {
                    (1..40).map(|place| place * step).collect()
                });
            }
        }
        for strategy in &mut release.strategies {
            if strategy.strategy_id == "cash-loan" || strategy.strategy_id == "credit-card" {
                self.apply(strategy);
            }
        }
        release
    }

    fn apply(&self, strategy: &mut PricingStrategy) {
        let column = |name: &str, kind: &str| fairlead_proto::control::v1::Column {
            name: name.to_owned(),
            kind: kind.to_owned(),
        };
        let mut rate = self.first;
        let mut rows = Vec::new();
        for (place, grade) in ["A", "B", "C", "D", "E"].into_iter().enumerate() {
            rate += if place == 0 { 0 } else { self.rises[place - 1] };
            for (band, less) in [
                (format!("< {}", self.band), 0),
                (format!(">= {}", self.band), self.discount),
            ] {
                let cells = [
                    grade.to_owned(),
                    band,
                    format!("{rate}ppm"),
                    format!("{less}ppm"),
                ];
                rows.push(fairlead_proto::control::v1::Row {
                    cells: cells.to_vec(),
                });
            }
        }
        strategy.rate_card = Some(fairlead_proto::control::v1::RateCard {
            inputs: vec![
                column("grade", "ordered(A, B, C, D, E)"),
                column("amount", "money(CNY, 0..200000)"),
            ],
            outputs: vec![
                column("rate", "rate(0%..100%)"),
                column("discount", "rate(0%..5%)"),
            ],
            rows,
        });
    }
}

/// A random customer; the score is left to the test.
fn customers() -> impl Strategy<Value = FeatureMap> {
    let file = (
        0.0_f64..600_000.0,
        0.0_f64..4.0,
        0.0_f64..12.0,
        0.0_f64..1e6,
        0.0_f64..500.0,
    );
    let money = (100_000.0_f64..5e6, 0.0_f64..1e6, 0.0_f64..3e7);
    (file, money).prop_map(
        |((dti, late, inquiries, used, months), (income, debts, elsewhere))| {
            customer()
                .with_number("debt_to_income_ppm", dti)
                .with_number("delinquencies_2y", late.floor())
                .with_number("inquiries_12m", inquiries.floor())
                .with_number("revolving_utilisation_ppm", used)
                .with_number("credit_history_months", months)
                .with_number("income_monthly_minor", income)
                .with_number("debt_service_monthly_minor", debts)
                .with_number("exposure_elsewhere_minor", elsewhere)
        },
    )
}

/// Product, amount (none: let the engine choose), tenor, last rate.
type Wish = (&'static str, Option<i64>, Option<i32>, Option<i64>);

fn wishes() -> impl Strategy<Value = Wish> {
    (
        prop_oneof![Just("LOAN"), Just("EQUAL"), Just("BULLET"), Just("CARD")],
        prop::option::of((10_i64..=400).prop_map(|steps| steps * 50_000)),
        prop::option::of(prop_oneof![Just(3), Just(12), Just(36)]),
        prop::option::of(50_000_i64..250_000),
    )
}

fn price(engine: &Engine, wish: Wish, features: &FeatureMap) -> Result<Price, RefusalCause> {
    let (product, amount, tenor, last) = wish;
    let mut inputs = ask(product, amount, tenor, features);
    inputs.last_rate_ppm = last;
    engine.price(&inputs).map_err(|refusal| {
        assert!(!refusal.detail.is_empty() && refusal.reasons.len() <= 4);
        refusal.cause()
    })
}

/// Present value of a price's own cents against its own costs, month by month; nothing shared with
/// the engine's closed forms.
fn value_of(shape: &Shape, price: &Price, pd_ppm: i64) -> f64 {
    let fee = price.fee.as_ref().map_or(0, |fee| fee.minor);
    let amount = minor(price.amount.as_ref());
    let months = price.tenor_months;
    let funding = if months <= 12 {
        0.03
    } else {
        0.03 + 0.005 * f64::from(months - 12) / 48.0
    };
    let survival = (1.0 - pd_ppm as f64 / 1e6).powf(1.0 / 12.0);
    let monthly = (shape.operating as f64 / 1e6 + 0.07875 * (0.12 - funding)) / 12.0;
    let (mut alive, mut balance) = (1.0, amount as f64);
    let mut value = (fee - amount - shape.origination) as f64;
    for (month, one) in price.schedule.iter().enumerate() {
        let paid = (one.principal_minor + one.interest_minor) as f64;
        let saved = balance * (1.0 - shape.lgd as f64 / 1e6);
        let flow = alive * (survival * paid + (1.0 - survival) * saved - monthly * balance);
        value += flow / (1.0 + funding / 12.0).powi(month as i32 + 1);
        alive *= survival;
        balance = one.balance_minor as f64;
    }
    value
}

const PDS: [(&str, i64); 5] = [
    ("A", 13_188),
    ("B", 21_144),
    ("C", 33_347),
    ("D", 61_358),
    ("E", 127_295),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_price_above_the_cap_or_below_the_floor(
        shape in shapes(), features in customers(), score in 500.0_f64..850.0, wish in wishes(),
    ) {
        let engine = compile(&shape.release());
        let features = features.with_number("bureau_score", score);
        let Ok(price) = price(&engine, wish, &features) else { return Ok(()) };
        prop_assert!(price.rate_ppm >= price.floor_ppm);
        prop_assert!(price.all_in_irr <= shape.cap as f64 / 1e6);
        let (limit, amount) = (minor(price.limit.as_ref()), minor(price.amount.as_ref()));
        prop_assert!(amount <= limit);
        if let Some(step) = shape.points {
            prop_assert_eq!(price.rate_ppm % step, 0);
        }
        if let (Some(last), true) = (wish.3, shape.max_change > 0) {
            prop_assert!((price.rate_ppm - last).abs() <= shape.max_change);
        }
        let moves: i64 = ["discount", "guardrail change", "guardrail floor", "guardrail cap", "guardrail price points"]
            .iter()
            .map(|name| step(&price, name))
            .sum();
        prop_assert_eq!(step(&price, "rate card") + moves, step(&price, "price"));
        prop_assert!(step(&price, "discount") <= 0);
        if price.schedule.is_empty() {
            return Ok(());
        }
        // The law on exposure, the sum of the instalments, their rate of return, their worth.
        let elsewhere = features.numbers["exposure_elsewhere_minor"];
        prop_assert!(limit as f64 <= (20_000_000.0 - elsewhere.floor()).max(0.0));
        let principal: i64 = price.schedule.iter().map(|one| one.principal_minor).sum();
        prop_assert_eq!(principal, amount);
        let net = amount - price.fee.as_ref().map_or(0, |fee| fee.minor);
        prop_assert!((all_in(net, &payments(&price)) - price.all_in_irr).abs() <= 1e-9);
        let (_, pd) = PDS.into_iter().find(|(grade, _)| *grade == price.grade).expect("a grade");
        // Rounding down costs the lender less than two cents of each instalment.
        let cents = 2.0 * f64::from(price.tenor_months);
        let value = value_of(&shape, &price, pd);
        prop_assert!(value >= -cents, "worth {}", value);
        prop_assert!((value - price.expected_margin_minor as f64).abs() <= cents + 1.0);
    }

    #[test]
    fn worse_risk_never_pays_less_or_borrows_more(
        shape in shapes(), features in customers(), score in 500.0_f64..850.0, worse in 1.0_f64..350.0,
        wish in wishes(),
    ) {
        let engine = compile(&shape.release());
        let better = price(&engine, wish, &features.clone().with_number("bureau_score", score));
        let worse = price(&engine, wish, &features.with_number("bureau_score", score - worse));
        match (better, worse) {
            (Ok(better), Ok(worse)) => {
                prop_assert!(better.grade <= worse.grade);
                let tenor = better.tenor_months == worse.tenor_months;
                let limits = [&better, &worse].map(|price| minor(price.limit.as_ref()));
                prop_assert!(!(tenor || wish.1.is_none()) || limits[0] >= limits[1], "{:?}", limits);
                let same = tenor && better.amount == worse.amount;
                prop_assert!(!same || better.rate_ppm <= worse.rate_ppm);
                prop_assert!(!same || better.floor_ppm <= worse.floor_ppm);
            }
            (Err(cause), Ok(_)) => prop_assert!(false, "refused at the better score: {:?}", cause),
            _ => {}
        }
    }

    /// Two customers who differ in everything but the allow-listed inputs: same price, to the byte
    /// of everything that is not about the limit and the reasons.
    #[test]
    fn the_same_allow_listed_inputs_give_the_same_price(
        shape in shapes(), one in customers(), other in customers(), scores in (600.0_f64..850.0, 600.0_f64..850.0),
        steps in 10_i64..40,
    ) {
        let engine = compile(&shape.release());
        let amount = steps * 10_000;
        let wish = ("LOAN", Some(amount), Some(36), None);
        let prices = [one.with_number("bureau_score", scores.0), other.with_number("bureau_score", scores.1)]
            .map(|features| price(&engine, wish, &features));
        if let [Ok(one), Ok(other)] = prices {
            prop_assume!(one.grade == other.grade);
            prop_assert_eq!(&one.inputs, &other.inputs);
            let proper = |price: Price| Price {
                limit: None,
                reasons: Vec::new(),
                counterfactual: String::new(),
                waterfall: price.waterfall.into_iter().filter(|step| step.name != "guardrail exposure").collect(),
                ..price
            };
            prop_assert_eq!(proper(one), proper(other));
        }
    }

    /// Preference, habit, device and willingness to pay cannot be told from their absence.
    #[test]
    fn a_feature_outside_the_allow_list_changes_nothing(
        features in customers(), score in 500.0_f64..850.0, wish in wishes(),
        name in "[a-z_]{3,20}", value in any::<f64>(), text in "\\PC{0,12}",
    ) {
        let engine = compile(&release());
        let wish = (if wish.0 == "EQUAL" { "LOAN" } else { wish.0 }, wish.1, wish.2, wish.3);
        let features = features.with_number("bureau_score", score);
        prop_assume!(!engine.features().contains(name.as_str()));
        let more = features
            .clone()
            .with_number(&name, value)
            .with_number("clicks_7d", value)
            .with_number("app_opens_30d", 1.0)
            .with_category("device", &text)
            .with_category("gender", &text);
        prop_assert_eq!(price(&engine, wish, &features), price(&engine, wish, &more));
    }
}
