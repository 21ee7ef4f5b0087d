//! A reader gets what its purpose allows, and nothing else.

use fairlead_proto::event::v1::EventKind;
use fairlead_proto::feature::v1::{EntityState, FeatureSet};
use fairlead_registry::{Entity, Error, FeatureReader, Purpose, Registry, Sensitivity};

use crate::events::{NOW, event, number, text, with};

/// Words of taste, habit, behaviour and protected characteristics.
const NEVER_IN_A_PRICE: [&str; 18] = [
    "click",
    "impression",
    "search",
    "opens",
    "device",
    "channel",
    "recent",
    "engaged",
    "holding",
    "gender",
    "marital",
    "seen",
    "payment",
    "application",
    "conversion",
    "consent",
    "occupation",
    "tenure",
];

#[test]
fn a_price_rests_on_risk_and_cost_only() {
    let registry = Registry::builtin();
    let layout = registry.layout(Purpose::Price);
    let names = layout
        .number_names()
        .chain(layout.category_names())
        .chain(layout.sequence_names());
    let mut count = 0;
    for name in names {
        let forbidden = NEVER_IN_A_PRICE
            .iter()
            .find(|word| name.split('_').any(|part| part.starts_with(**word)));
        assert_eq!(forbidden, None, "{name} stands in the price layout");
        let feature = registry
            .feature(Entity::Customer, name)
            .expect("a definition");
        assert!(
            matches!(
                feature.sensitivity,
                Sensitivity::Public | Sensitivity::Financial | Sensitivity::Personal
            ),
            "{name} is {}",
            feature.sensitivity.name()
        );
        count += 1;
    }
    assert_eq!(layout.sequence_names().len(), 0);
    assert!(count >= 14, "the price layout holds {count} features");
}

#[test]
fn a_price_reader_cannot_ask_for_more() {
    let registry = Registry::builtin();
    let mut state = EntityState::default();
    let known = with(
        "device",
        text("ios"),
        event("a", EventKind::ProfileUpdated, NOW),
    );
    let known = with("bureau_score", number(700.0), known);
    registry.apply_customer(&mut state, &known);
    registry.apply_customer(&mut state, &event("b", EventKind::Click, NOW));

    let set = registry.features_at(&state, NOW, Purpose::Price);
    let reader = FeatureReader::for_purpose(&registry, &set, Purpose::Price).unwrap();
    assert_eq!(reader.number("bureau_score"), Some(700.0));
    assert_eq!(reader.number("clicks_1h"), None);
    assert_eq!(reader.category("device"), None);
    assert!(reader.sequence("recent").is_empty());
    let error = reader
        .number_or_default("clicks_1h")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(
            "number feature `clicks_1h` is not allowed for purpose price: age_years, "
        ),
        "{error}"
    );
    // Nor does it travel: the set itself does not hold it.
    assert!(!set.categories.iter().any(|category| category == "ios"));
}

#[test]
fn a_set_for_another_purpose_is_refused() {
    let registry = Registry::builtin();
    let set = registry.features_at(&EntityState::default(), NOW, Purpose::Recommend);
    assert_eq!(
        FeatureReader::for_purpose(&registry, &set, Purpose::Price).unwrap_err(),
        Error::WrongPurpose {
            found: Purpose::Recommend,
            expected: Purpose::Price,
        }
    );
}

type Change = fn(&mut FeatureSet);

#[test]
fn sets_that_do_not_follow_the_layout_are_refused() {
    let registry = Registry::builtin();
    let good = registry.features_at(&EntityState::default(), NOW, Purpose::Recommend);
    let refusal = |change: Change| {
        let mut set = good.clone();
        change(&mut set);
        FeatureReader::new(&registry, &set).unwrap_err().to_string()
    };
    assert!(FeatureReader::new(&registry, &good).is_ok());
    let cases: [(Change, &str); 6] = [
        (|set| set.registry_hash ^= 1, "feature set: registry "),
        (|set| set.purpose = 0, "purpose `0` is not allowed"),
        (|set| set.purpose = 99, "purpose `99` is not allowed"),
        (
            |set| set.numbers.truncate(3),
            "feature set: numbers holds 3 values: ",
        ),
        (
            |set| set.categories.push(String::new()),
            "feature set: categories holds ",
        ),
        (
            |set| set.numbers[0] = f64::NAN,
            "`age_years` is NaN, which is not allowed: a finite number",
        ),
    ];
    for (change, message) in cases {
        let error = refusal(change);
        assert!(error.starts_with(message), "{error}");
    }
}
