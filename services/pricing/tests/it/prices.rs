//! Indicative prices.

use fairlead_proto::pricing::v1::{
    Price, PriceManyRequest, Priced, RefusalCause, TakeUp, priced::Outcome,
};
use fairlead_registry::Purpose;
use fairlead_release_follow::ReleaseHandle;

use crate::support::{Setup, attributes, checked, context, features, item, release};

fn price(priced: &Priced) -> &Price {
    match &priced.outcome {
        Some(Outcome::Price(price)) => price,
        other => panic!("{}: {other:?}", priced.product_id),
    }
}

fn cause(priced: &Priced) -> RefusalCause {
    match &priced.outcome {
        Some(Outcome::Refusal(refusal)) => refusal.cause(),
        other => panic!("{}: {other:?}", priced.product_id),
    }
}

#[tokio::test]
async fn several_products_in_the_order_asked_with_refusals_among_them() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let items = vec![
        item("LOAN", Some(1_200_000), 12),
        item("NOPE", None, 0),
        item("CARD", None, 0),
        item("LOAN", Some(-100), 12),
        item("LOAN", Some(i64::MAX), 12),
        item("LOAN", Some(1_200_000), 7),
        item("DEPOSIT", None, 0),
    ];
    let priced = setup.price(context(), items).await?;
    let ids: Vec<&str> = priced.iter().map(|one| one.product_id.as_str()).collect();
    assert_eq!(
        ids,
        ["LOAN", "NOPE", "CARD", "LOAN", "LOAN", "LOAN", "DEPOSIT"]
    );
    assert_eq!(
        (price(&priced[0]).grade.as_str(), price(&priced[0]).rate_ppm),
        ("B", 108_000)
    );
    assert_eq!(cause(&priced[1]), RefusalCause::UnknownProduct);
    assert_eq!(
        price(&priced[2]).limit.as_ref().map(|limit| limit.minor),
        Some(10_000_000)
    );
    assert_eq!(cause(&priced[3]), RefusalCause::Amount);
    assert_eq!(cause(&priced[4]), RefusalCause::Amount);
    assert_eq!(cause(&priced[5]), RefusalCause::Tenor);
    assert_eq!(price(&priced[6]).rate_ppm, 15_000);
    Ok(())
}

#[tokio::test]
async fn arms_segments_and_consent_change_the_rate() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let wish = || vec![item("LOAN", Some(1_200_000), 12)];
    let mut arm = context();
    arm.strategy_versions.insert("cash-loan".to_owned(), 2);
    let priced = setup.price(arm.clone(), wish()).await?;
    assert_eq!(
        (
            price(&priced[0]).rate_ppm,
            price(&priced[0]).strategy.as_str()
        ),
        (120_000, "cash-loan@2")
    );
    arm.strategy_versions.insert("cash-loan".to_owned(), 9);
    assert_eq!(
        cause(&setup.price(arm, wish()).await?[0]),
        RefusalCause::NoStrategy
    );

    let mut established = context();
    established
        .segments
        .insert("relationship".to_owned(), "established".to_owned());
    let priced = setup.price(established.clone(), wish()).await?;
    assert_eq!(price(&priced[0]).rate_ppm, 102_000);
    established.personalised = false;
    let priced = setup.price(established, wish()).await?;
    assert_eq!(price(&priced[0]).rate_ppm, 108_000, "the standard card");
    Ok(())
}

/// Without the features that a limit needs there is no price, whatever their defaults are.
#[tokio::test]
async fn what_was_never_observed_is_missing() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let mut known = attributes();
    known.remove("income_monthly_minor");
    let mut context = context();
    context.features = Some(features(&known, Purpose::Price));
    let priced = setup
        .price(
            context,
            vec![item("LOAN", None, 12), item("DEPOSIT", None, 0)],
        )
        .await?;
    assert_eq!(cause(&priced[0]), RefusalCause::MissingInput);
    assert_eq!(
        price(&priced[1]).rate_ppm,
        15_000,
        "a deposit needs no income"
    );
    Ok(())
}

/// The caller that shows a price shifts the probability of a conversion by it.
#[tokio::test]
async fn the_take_up_of_the_strategy_comes_with_its_prices() -> anyhow::Result<()> {
    let mut release = release(1);
    let cost = &mut release.cost_models[0];
    cost.take_up_slope = -0.04;
    cost.reference_rate_ppm = 180_000;
    let setup = Setup::with(ReleaseHandle::fixed(checked(release))).await?;
    let items = vec![
        item("LOAN", Some(1_200_000), 12),
        item("LOAN", Some(1_200_000), 7),
        item("CARD", None, 0),
    ];
    let priced = setup.price(context(), items).await?;
    let take_up = TakeUp {
        slope: -0.04,
        reference_rate_ppm: 180_000,
    };
    assert_eq!(priced[0].take_up, Some(take_up));
    assert_eq!(cause(&priced[1]), RefusalCause::Tenor);
    assert_eq!(priced[1].take_up, None, "no price, no shift");
    assert!(price(&priced[2]).rate_ppm > 0);
    assert_eq!(priced[2].take_up, None, "no reference rate, no shift");
    Ok(())
}

#[tokio::test]
async fn without_its_schedule_a_price_is_otherwise_the_same() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let mut request = PriceManyRequest {
        context: Some(context()),
        items: vec![item("LOAN", Some(1_200_000), 12)],
        without_schedule: false,
    };
    let mut client = setup.client.clone();
    let full = client.price_many(request.clone()).await?.into_inner();
    request.without_schedule = true;
    let short = client.price_many(request).await?.into_inner();
    assert_eq!(price(&full.priced[0]).schedule.len(), 12);
    let expected = Price {
        schedule: Vec::new(),
        ..price(&full.priced[0]).clone()
    };
    assert_eq!(price(&short.priced[0]), &expected);
    Ok(())
}
