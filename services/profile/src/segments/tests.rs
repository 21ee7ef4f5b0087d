use fairlead_proto::control::v1::Segment;
use fairlead_proto::feature::v1::stored_attribute::Value as Stored;
use fairlead_proto::feature::v1::{EntityState, StoredAttribute};

use super::*;

const NOW_MS: i64 = 1_760_000_000_000;

fn segmentation(allow_price: bool, segments: &[(&str, &str)], otherwise: &str) -> Segmentation {
    Segmentation {
        segmentation_id: "value".into(),
        segments: segments
            .iter()
            .map(|(id, expression)| Segment {
                segment_id: (*id).into(),
                expression: (*expression).into(),
            })
            .collect(),
        allow_price,
        otherwise: otherwise.into(),
    }
}

fn state(attributes: &[(&str, Stored)]) -> EntityState {
    let stored = |(name, value): &(&str, Stored)| {
        let attribute = StoredAttribute {
            event_time_ms: NOW_MS,
            value: Some(value.clone()),
        };
        ((*name).to_owned(), attribute)
    };
    EntityState {
        last_event_time_ms: NOW_MS,
        attributes: attributes.iter().map(stored).collect(),
        ..EntityState::default()
    }
}

fn segment_of(expressions: &[(&str, &str)], state: &EntityState) -> Option<String> {
    let registry = &Registry::builtin();
    let published = [segmentation(false, expressions, "rest")];
    let compiled = Segmentations::compile(registry, &published).unwrap();
    let set = registry.features_at(state, NOW_MS, Purpose::Analytics);
    let reader = FeatureReader::new(registry, &set).unwrap();
    compiled.assign(&reader, None).remove("value")
}

/// (expressions, state, expected)
type Case<'a> = (&'a [(&'a str, &'a str)], EntityState, &'a str);

#[test]
fn golden_segments() {
    let income = |minor: f64| state(&[("income_monthly_minor", Stored::Number(minor))]);
    let region = |name: &str| state(&[("region", Stored::Text(name.into()))]);
    let wealthy: &[(&str, &str)] = &[
        ("rich", "income_monthly_minor >= 5000000"),
        ("solid", "income_monthly_minor >= 1000000"),
    ];
    let cases: [Case<'_>; 11] = [
        (wealthy, income(5_000_000.0), "rich"),
        (wealthy, income(1_200_000.0), "solid"),
        (wealthy, income(900_000.0), "rest"),
        // Unknown income is in no bracket, not in the lowest.
        (wealthy, state(&[]), "rest"),
        (
            &[("poor", "income_monthly_minor < 100")],
            state(&[]),
            "rest",
        ),
        (
            &[("asked", "!has(profile.income_monthly_minor)")],
            state(&[]),
            "asked",
        ),
        (
            &[("asked", "has(profile.income_monthly_minor)")],
            income(1.0),
            "asked",
        ),
        (
            &[("north", "region in ['BJ', 'TJ']")],
            region("TJ"),
            "north",
        ),
        (
            &[("north", "profile['region'] == 'BJ' || region == 'TJ'")],
            region("TJ"),
            "north",
        ),
        (&[("empty", "size(holdings) == 0")], state(&[]), "empty"),
        (
            &[("none", "!holdings.exists(id, id.startsWith('IN-'))")],
            state(&[]),
            "none",
        ),
    ];
    for (expressions, state, expected) in cases {
        let segment = segment_of(expressions, &state);
        assert_eq!(segment.as_deref(), Some(expected), "{expressions:?}");
    }
}

#[test]
fn an_expression_that_fails_on_a_value_holds_for_nobody() {
    let state = state(&[("region", Stored::Text("BJ".into()))]);
    let segment = segment_of(&[("odd", "region > 5"), ("next", "region == 'BJ'")], &state);
    assert_eq!(segment.as_deref(), Some("next"));
}

#[test]
fn without_a_name_for_the_rest_there_is_no_segment() {
    let registry = &Registry::builtin();
    let published = [segmentation(false, &[("young", "age_years < 30")], "")];
    let compiled = Segmentations::compile(registry, &published).unwrap();
    let set = registry.features_at(&EntityState::default(), NOW_MS, Purpose::Analytics);
    let reader = FeatureReader::new(registry, &set).unwrap();
    assert!(compiled.assign(&reader, None).is_empty());
}

#[test]
fn what_pricing_may_read_names_price_features_alone() {
    let registry = &Registry::builtin();
    let compile = |allow_price, expression: &str| {
        let published = [segmentation(allow_price, &[("s", expression)], "rest")];
        Segmentations::compile(registry, &published).map_err(|error| error.to_string())
    };
    assert!(
        compile(true, "bureau_score > 700 && delinquencies_30d == 0")
            .unwrap()
            .read_price()
    );
    assert!(!compile(false, "clicks_7d > 3").unwrap().read_price());
    // Preference, habit and a device never decide a price; credit files are not for targeting.
    for (allow_price, expression, names) in [
        (true, "clicks_7d > 3", "clicks_7d"),
        (true, "has(profile.app_opens_1d)", "app_opens_1d"),
        (true, "profile['device'] == 'x'", "device"),
        (true, "holdings.exists(id, id == 'x')", "holdings"),
        (true, "true ? true : gender == 'f'", "gender"),
        (false, "bureau_score > 700", "bureau_score"),
        (false, "no_such_feature > 1", "no_such_feature"),
    ] {
        let error = compile(allow_price, expression).unwrap_err();
        let purpose = if allow_price { "price" } else { "analytics" };
        assert!(
            error.contains(&format!("{names:?}"))
                && error.contains(&format!("allowed for purpose {purpose}"))
                && error.contains("segmentation `value`, segment `s`"),
            "{error}"
        );
    }
}

#[test]
fn what_does_not_parse_is_named() {
    let published = [segmentation(false, &[("s", "age_years >")], "rest")];
    let error = Segmentations::compile(&Registry::builtin(), &published).unwrap_err();
    assert!(error.to_string().contains("segment `s`"), "{error}");
}
