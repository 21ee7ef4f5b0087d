//! The profile of a customer, by the events that happened to them.

use fairlead_proto::event::v1::EventKind;
use fairlead_proto::event::v1::attribute_value::Value;
use fairlead_proto::feature::v1::{EntityState, FeatureSet, Purpose};
use fairlead_proto::profile::v1::target_value::Value as Target;
use fairlead_proto::profile::v1::{Profile, ShownCount, TargetValue};
use fairlead_registry::Purpose as FeaturePurpose;

use crate::support::{
    DAY_MS, HOUR_MS, NOW_MS, Setup, consent, on_product, registry, request, update,
};

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

/// 1990-01-01, so that the customer is 35 at [`NOW_MS`].
const BORN_MS: f64 = 631_152_000_000.0;

#[tokio::test]
async fn a_known_customer_is_described() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let attributes = [
        ("birth_date_ms", Value::Number(BORN_MS)),
        ("income_monthly_minor", Value::Number(1_250_000.0)),
        ("region", text("SH")),
        ("employment", text("salaried")),
        ("suitability_class", Value::Number(3.0)),
    ];
    let events = [
        update("e1", NOW_MS - 40 * DAY_MS, &attributes),
        on_product("e2", EventKind::HoldingOpened, "D-1", NOW_MS - 30 * DAY_MS),
        on_product("e3", EventKind::HoldingOpened, "F-1", NOW_MS - 20 * DAY_MS),
        on_product("e4", EventKind::HoldingClosed, "D-1", NOW_MS - 10 * DAY_MS),
        // Eight days ago: no longer counts towards caps.
        on_product("e5", EventKind::Impression, "CL-1", NOW_MS - 8 * DAY_MS),
        on_product("e6", EventKind::Impression, "CL-1", NOW_MS - 2 * DAY_MS),
        on_product("e7", EventKind::Impression, "CL-1", NOW_MS - DAY_MS),
        on_product("e8", EventKind::Impression, "CC-1", NOW_MS - HOUR_MS),
        on_product("e9", EventKind::Click, "CC-1", NOW_MS - HOUR_MS + 1),
    ];
    setup.write("c-1", 0, &events).await?;

    let profile = setup.ask(request("c-1", &[Purpose::Price])).await?;
    assert!(profile.known && profile.personalisation_consent);
    assert_eq!(profile.age_years, Some(35));
    assert_eq!(profile.income_monthly_minor, Some(1_250_000));
    assert_eq!((&*profile.region, &*profile.employment), ("SH", "salaried"));
    assert_eq!(profile.suitability_class, 3);
    assert_eq!(profile.held_product_ids, ["F-1"]);
    let shown = |product_id: &str, count| ShownCount {
        product_id: product_id.into(),
        count,
    };
    assert_eq!(profile.shown, [shown("CC-1", 1), shown("CL-1", 2)]);
    assert_eq!(profile.last_event_time_ms, NOW_MS - HOUR_MS + 1);
    // Only what was asked for, whatever else was read.
    let purposes: Vec<Purpose> = profile.features.iter().map(FeatureSet::purpose).collect();
    assert_eq!(purposes, [Purpose::Price]);
    assert_eq!(profile.features[0].as_of_ms, NOW_MS);

    let target = |name: &str| {
        profile
            .targeting
            .get(name)
            .and_then(|target| target.value.clone())
    };
    assert_eq!(target("known"), Some(Target::Flag(true)));
    assert_eq!(target("region"), Some(Target::Text("SH".into())));
    assert_eq!(target("age_years"), Some(Target::Number(35.0)));
    assert_eq!(target("clicks_1d"), Some(Target::Number(1.0)));
    // Never observed, and not for targeting.
    assert_eq!(target("branch"), None);
    assert_eq!(target("bureau_score"), None);
    Ok(())
}

#[tokio::test]
async fn an_unknown_customer_is_anonymous() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let purposes = [Purpose::Recommend, Purpose::Price];
    let served = setup.ask(request("stranger", &purposes)).await?;
    let defaults = |purpose| registry().features_at(&EntityState::default(), NOW_MS, purpose);
    let unknown = TargetValue {
        value: Some(Target::Flag(false)),
    };
    let expected = Profile {
        customer_id: "stranger".into(),
        targeting: [("known".to_owned(), unknown)].into(),
        features: [FeaturePurpose::Recommend, FeaturePurpose::Price]
            .map(defaults)
            .into(),
        ..Profile::default()
    };
    assert_eq!(served, expected);
    assert!(
        served
            .features
            .iter()
            .all(|set| set.observed.iter().all(|&bits| bits == 0))
    );
    Ok(())
}

/// Events that decide on consent, in event time, whatever order they came in.
#[tokio::test]
async fn consent_follows_the_newest_statement() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let click = on_product("k", EventKind::Click, "CL-1", NOW_MS - HOUR_MS);
    let given = |hours| consent(&format!("g{hours}"), NOW_MS - hours * HOUR_MS, true);
    let withdrawn = |hours| consent(&format!("w{hours}"), NOW_MS - hours * HOUR_MS, false);
    let cases = [
        ("never said anything", vec![click.clone()], true),
        ("withdrawn", vec![click.clone(), withdrawn(1)], false),
        ("withdrawn, no other event known", vec![withdrawn(1)], false),
        ("given again", vec![withdrawn(2), given(1)], true),
        (
            "an old consent that comes late",
            vec![withdrawn(1), given(2)],
            false,
        ),
    ];
    for (number, (says, events, expected)) in cases.into_iter().enumerate() {
        let customer = format!("c-{number}");
        setup.write(&customer, 0, &events).await?;
        let profile = setup.profile(&customer).await?;
        assert_eq!(profile.personalisation_consent, expected, "{says}");
    }
    Ok(())
}

#[tokio::test]
async fn windows_are_read_at_the_instant_asked_for() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let click = on_product("k", EventKind::Click, "CL-1", NOW_MS);
    setup.write("c-1", 0, &[click]).await?;
    let clicks_1h = |profile: &Profile| match &profile.targeting["clicks_1h"].value {
        Some(Target::Number(count)) => *count,
        other => panic!("{other:?}"),
    };
    for (after_ms, expected) in [(0, 1.0), (HOUR_MS / 2, 1.0), (2 * HOUR_MS, 0.0)] {
        let asked = fairlead_proto::profile::v1::GetProfileRequest {
            as_of_ms: NOW_MS + after_ms,
            ..request("c-1", &[])
        };
        assert!(
            (clicks_1h(&setup.ask(asked).await?) - expected).abs() < 1e-9,
            "{after_ms}"
        );
        // 0 asks for now, by the service's own clock.
        setup.clock.set(NOW_MS + after_ms);
        assert!((clicks_1h(&setup.profile("c-1").await?) - expected).abs() < 1e-9);
    }
    Ok(())
}
