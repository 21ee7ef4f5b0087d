//! Model inputs.

use fairlead_proto::catalogue::v1::{DepositTerms, Product, ProductKind, product::Terms};
use fairlead_proto::event::v1::EventKind;
use fairlead_proto::feature::v1::{EntityState, FeatureSet};
use fairlead_proto::money::v1::Money;
use fairlead_registry::input::{
    Assembler, Fitter, IdTable, InputSpec, ItemNumber, ItemSource, Transform, UserSequence,
};
use fairlead_registry::{Error, Purpose, Registry};

use crate::events::{DAY, HOUR, NOW, event, number, on, text, with};

fn customer(events: &[fairlead_proto::event::v1::Event]) -> FeatureSet {
    let registry = Registry::builtin();
    let mut state = EntityState::default();
    for event in events {
        registry.apply_customer(&mut state, event);
    }
    registry.features_at(&state, NOW, Purpose::Recommend)
}

fn deposit(id: &str) -> Product {
    Product {
        product_id: id.into(),
        kind: ProductKind::Deposit.into(),
        category: "fixed".into(),
        currency: "CNY".into(),
        listed_at_ms: NOW - 10 * DAY,
        terms: Some(Terms::Deposit(DepositTerms {
            yield_ppm: 21_000,
            tenor_months: 12,
            min_amount: Some(Money {
                minor: 500_000,
                currency: "CNY".into(),
            }),
        })),
        ..Product::default()
    }
}

fn counters() -> Vec<f64> {
    vec![0.0; Registry::builtin().product_layout().number_names().len()]
}

fn assembler(spec: InputSpec) -> Assembler {
    let vocabulary = ["A", "B", "C"].map(str::to_owned);
    Assembler::new(&Registry::builtin(), spec, &vocabulary).expect("a spec that can be followed")
}

fn user(assembler: &Assembler, set: &FeatureSet) -> (Vec<f32>, Vec<i64>) {
    let (mut dense, mut ids) = (Vec::new(), Vec::new());
    assembler
        .user(set, &mut dense, &mut ids)
        .expect("a set of our own");
    (dense, ids)
}

#[test]
fn the_default_spec_fits_its_widths() {
    let registry = Registry::builtin();
    let assembler = assembler(InputSpec::default_for(&registry));
    let set = customer(&[on("B", event("a", EventKind::Click, NOW - HOUR))]);
    let (dense, ids) = user(&assembler, &set);
    assert_eq!(dense.len(), assembler.user_dense_width());
    assert_eq!(ids.len(), assembler.user_ids_width());
    assert!(dense.iter().all(|value| value.is_finite()));

    let (mut ids, mut dense) = (Vec::new(), Vec::new());
    let known = assembler
        .item(&deposit("C"), &counters(), NOW, &mut ids, &mut dense)
        .unwrap();
    assert!(known);
    assert_eq!(
        (dense.len(), ids.len()),
        (assembler.item_dense_width(), assembler.item_ids_width())
    );
    let last = assembler
        .user_id_columns()
        .last()
        .map(|column| column.columns.end);
    assert_eq!(last, Some(assembler.user_ids_width()));
}

#[test]
fn ids_stay_below_their_rows() {
    let registry = Registry::builtin();
    let assembler = assembler(InputSpec::default_for(&registry));
    let told = with(
        "region",
        text("north"),
        event("a", EventKind::ProfileUpdated, NOW),
    );
    let set = customer(&[told, on("A", event("b", EventKind::HoldingOpened, NOW))]);
    let (_, ids) = user(&assembler, &set);
    for column in assembler.user_id_columns() {
        for id in &ids[column.columns.clone()] {
            assert!((0..column.rows).contains(id), "{}: {id}", column.name);
        }
    }
    let region = assembler
        .user_id_columns()
        .into_iter()
        .find(|column| column.name == "region")
        .unwrap();
    assert_eq!(region.table, IdTable::Own);
    assert_ne!(ids[region.columns.start], 0);
}

#[test]
fn sequences_become_padded_ids_newest_first() {
    let spec = InputSpec {
        user_sequences: vec![
            UserSequence {
                feature: "recent".into(),
                length: 4,
                kinds: vec!["click".into()],
            },
            UserSequence {
                feature: "holdings".into(),
                length: 2,
                kinds: Vec::new(),
            },
        ],
        ..InputSpec::default()
    };
    let set = customer(&[
        on("A", event("1", EventKind::Click, NOW - 5 * HOUR)),
        on("B", event("2", EventKind::Impression, NOW - 4 * HOUR)),
        on("unknown", event("3", EventKind::Click, NOW - 3 * HOUR)),
        on("C", event("4", EventKind::Click, NOW - 2 * HOUR)),
        on("B", event("5", EventKind::HoldingOpened, NOW - HOUR)),
    ]);
    let (dense, ids) = user(&assembler(spec), &set);
    assert_eq!(ids, [3, 1, 0, 0, 2, 0]);
    // The number of entries says more than the padded ids: three clicks, one of them unknown.
    assert_eq!(dense, [4.0_f32.ln(), 2.0_f32.ln()]);
}

#[test]
fn a_product_outside_the_vocabulary_is_said_to_be() {
    let registry = Registry::builtin();
    let assembler = assembler(InputSpec::default_for(&registry));
    let (mut ids, mut dense) = (Vec::new(), Vec::new());
    let known = assembler
        .item(&deposit("Z"), &counters(), NOW, &mut ids, &mut dense)
        .unwrap();
    assert!(!known);
    assert_eq!(ids[0], 0);
}

#[test]
fn items_have_kinds_terms_counters_and_rates() {
    let plain = |source| ItemNumber {
        source,
        transform: Transform::default(),
    };
    let ratio = ItemSource::Ratio {
        numerator: "clicks_7d".into(),
        denominator: "impressions_7d".into(),
        rate: 0.1,
        weight: 10.0,
    };
    let spec = InputSpec {
        item_numbers: vec![
            plain(ItemSource::Kind("deposit".into())),
            plain(ItemSource::Kind("fund".into())),
            plain(ItemSource::Term(
                fairlead_registry::input::ProductTerm::Yield,
            )),
            plain(ItemSource::AgeDays),
            plain(ItemSource::Counter("impressions_7d".into())),
            plain(ratio),
        ],
        ..InputSpec::default()
    };
    let registry = Registry::builtin();
    let mut counters = counters();
    let place = |name| registry.product_layout().number(name).unwrap();
    counters[place("impressions_7d")] = 9.0;
    counters[place("clicks_7d")] = 3.0;
    let (mut ids, mut dense) = (Vec::new(), Vec::new());
    assembler(spec)
        .item(&deposit("A"), &counters, NOW, &mut ids, &mut dense)
        .unwrap();
    assert_eq!(dense, [1.0, 0.0, 0.021, 10.0, 9.0, (4.0 / 19.0) as f32]);
    assert_eq!(ids, [1]);
}

#[test]
fn what_is_not_finite_is_refused() {
    let registry = Registry::builtin();
    let assembler = assembler(InputSpec::default_for(&registry));
    let mut counters = counters();
    counters[1] = f64::INFINITY;
    let error = assembler.item(
        &deposit("A"),
        &counters,
        NOW,
        &mut Vec::new(),
        &mut Vec::new(),
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "`impressions_1d` is inf, which is not allowed: a finite number"
    );
    let mut set = customer(&[]);
    set.numbers[3] = f64::NAN;
    assert!(matches!(
        assembler.user(&set, &mut Vec::new(), &mut Vec::new()),
        Err(Error::NotFinite { .. })
    ));
    let short = assembler.item(&deposit("A"), &[], NOW, &mut Vec::new(), &mut Vec::new());
    assert!(matches!(short, Err(Error::Counters { found: 0, .. })));
}

#[test]
fn a_price_set_makes_no_model_input() {
    let registry = Registry::builtin();
    let assembler = assembler(InputSpec::default_for(&registry));
    let set = registry.features_at(&EntityState::default(), NOW, Purpose::Price);
    assert!(matches!(
        assembler.user(&set, &mut Vec::new(), &mut Vec::new()),
        Err(Error::WrongPurpose { .. })
    ));
}

#[test]
fn fitting_centres_and_scales() {
    let registry = Registry::builtin();
    let spec = InputSpec {
        user_numbers: InputSpec::default_for(&registry)
            .user_numbers
            .into_iter()
            .filter(|number| number.feature == "income_monthly_minor")
            .collect(),
        item_numbers: vec![ItemNumber {
            source: ItemSource::Kind("deposit".into()),
            transform: Transform::default(),
        }],
        ..InputSpec::default()
    };
    let earning = |minor: f64| {
        customer(&[with(
            "income_monthly_minor",
            number(minor),
            event("a", EventKind::ProfileUpdated, NOW),
        )])
    };
    let samples = [earning(100.0), earning(10_000.0), earning(1_000_000.0)];
    let mut fitter = Fitter::new(&registry, spec).unwrap();
    for sample in &samples {
        fitter.user(sample).unwrap();
    }
    fitter.item(&deposit("A"), &counters(), NOW).unwrap();
    let spec = fitter.finish();
    assert_eq!(spec.item_numbers[0].transform, Transform::default());
    let assembler = assembler(spec);
    let values: Vec<f64> = samples
        .iter()
        .map(|set| f64::from(user(&assembler, set).0[0]))
        .collect();
    let mean = values.iter().sum::<f64>() / 3.0;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / 3.0;
    assert!(
        mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-6,
        "{values:?}"
    );
}

#[test]
fn specs_that_cannot_be_followed_are_refused() {
    let registry = Registry::builtin();
    let refusal = |change: &dyn Fn(&mut InputSpec)| {
        let mut spec = InputSpec::default_for(&registry);
        change(&mut spec);
        Assembler::new(&registry, spec, &[])
            .unwrap_err()
            .to_string()
    };
    let unknown = refusal(&|spec| spec.user_numbers[0].feature = "shoe_size".into());
    assert!(
        unknown.starts_with(
            "number feature `shoe_size` is not allowed for purpose recommend: age_years"
        ),
        "{unknown}"
    );
    // A feature that exists, but not for models.
    let price_only = refusal(&|spec| spec.user_numbers[0].feature = "bureau_score".into());
    assert!(
        price_only.starts_with("number feature `bureau_score` is not allowed"),
        "{price_only}"
    );
    let flat = refusal(&|spec| spec.user_numbers[0].transform.std = 0.0);
    assert_eq!(
        flat,
        "input spec: age_years: std `0` is not allowed: a finite number above 0"
    );
    let kind = refusal(&|spec| spec.user_sequences[0].kinds = vec!["clicked".into()]);
    assert!(
        kind.contains("kinds `clicked` is not allowed: impression, click"),
        "{kind}"
    );
    let empty = refusal(&|spec| spec.user_sequences[0].length = 0);
    assert!(
        empty.contains("length `0` is not allowed: 1 to 1000"),
        "{empty}"
    );
    let twice = ["A", "A"].map(str::to_owned);
    let twice = Assembler::new(&registry, InputSpec::default(), &twice)
        .unwrap_err()
        .to_string();
    assert_eq!(
        twice,
        "input spec: vocabulary: product id `A` is not allowed: each product once"
    );
}

#[test]
fn a_spec_survives_its_file_and_its_hash_follows_it() {
    let registry = Registry::builtin();
    let spec = InputSpec::default_for(&registry);
    let json = spec_json(&spec);
    let back: InputSpec = json_spec(&json);
    assert_eq!(back, spec);
    let hash = |spec: InputSpec| assembler(spec).schema_hash().to_owned();
    assert_eq!(hash(spec.clone()), hash(back));
    let mut other = spec.clone();
    other.user_numbers[0].transform.mean = 0.5;
    assert_ne!(hash(spec.clone()), hash(other));
    let mut shorter = spec.clone();
    shorter.user_sequences[0].length = 7;
    assert_ne!(hash(spec), hash(shorter));
}

fn spec_json(spec: &InputSpec) -> String {
    serde_json::to_string(spec).expect("plain data")
}

fn json_spec(json: &str) -> InputSpec {
    serde_json::from_str(json).expect("its own text")
}
