//! Bad input over the wire: the right code, a message that names the thing, the value and what is
//! allowed, details for machines; never a price.

use fairlead_chassis::status::info;
use fairlead_proto::feature::v1::FeatureSet;
use fairlead_proto::pricing::v1::{CreateQuoteRequest, PricingContext};
use fairlead_registry::Purpose;
use tonic::Code;

use crate::support::{NOW_MS, Setup, asked, attributes, context, features, item};

fn set(request: &mut CreateQuoteRequest) -> &mut FeatureSet {
    in_context(request).features.as_mut().expect("features")
}

fn in_context(request: &mut CreateQuoteRequest) -> &mut PricingContext {
    request.context.as_mut().expect("a context")
}

type Change = fn(&mut CreateQuoteRequest);

const TABLE: [(&str, Change, Code, &str, &str); 22] = [
    (
        "unknown product",
        |r| r.item = Some(item("NOPE", Some(1), 1)),
        Code::NotFound,
        "UNKNOWN_PRODUCT",
        "product `NOPE` is not allowed: a product of the release",
    ),
    (
        "tenor outside",
        |r| r.item = Some(item("LOAN", Some(1_200_000), 7)),
        Code::InvalidArgument,
        "TENOR",
        "tenor `7` is not allowed: 3, 6, 12, 24, 36 months",
    ),
    (
        "negative tenor",
        |r| r.item = Some(item("LOAN", Some(1_200_000), -3)),
        Code::InvalidArgument,
        "TENOR",
        "tenor `-3`",
    ),
    (
        "no tenor",
        |r| r.item = Some(item("LOAN", Some(1_200_000), 0)),
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        "tenor_months is missing",
    ),
    (
        "negative amount",
        |r| r.item = Some(item("LOAN", Some(-1), 12)),
        Code::InvalidArgument,
        "AMOUNT",
        "amount `-0.01 CNY` is not allowed: 1,000.00 CNY to 200,000.00 CNY",
    ),
    (
        "overflowing amount",
        |r| r.item = Some(item("LOAN", Some(i64::MAX), 12)),
        Code::InvalidArgument,
        "AMOUNT",
        "amount `92,233,720,368,547,758.07 CNY`",
    ),
    (
        "smallest amount",
        |r| r.item = Some(item("LOAN", Some(i64::MIN), 12)),
        Code::InvalidArgument,
        "AMOUNT",
        "amount `-92,233,720,368,547,758.08 CNY`",
    ),
    (
        "no amount",
        |r| r.item = Some(item("LOAN", None, 12)),
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        "amount is missing",
    ),
    (
        "wrong currency",
        |r| {
            r.item
                .as_mut()
                .expect("an item")
                .amount
                .as_mut()
                .expect("money")
                .currency = "USD".to_owned();
        },
        Code::InvalidArgument,
        "CURRENCY",
        "currency `USD` is not allowed: LOAN is priced in CNY",
    ),
    (
        "no currency",
        |r| {
            r.item
                .as_mut()
                .expect("an item")
                .amount
                .as_mut()
                .expect("money")
                .currency = "yuan".to_owned();
        },
        Code::InvalidArgument,
        "CURRENCY",
        "currency `yuan` is not allowed: an ISO 4217 code",
    ),
    (
        "not a number",
        |r| set(r).numbers[0] = f64::NAN,
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        "context.features",
    ),
    (
        "infinity",
        |r| set(r).numbers[1] = f64::INFINITY,
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        "context.features",
    ),
    (
        "foreign registry",
        |r| set(r).registry_hash ^= 1,
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        "context.features",
    ),
    (
        "cut short",
        |r| set(r).numbers.truncate(1),
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        "context.features",
    ),
    (
        "no features",
        |r| in_context(r).features = None,
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        "context.features is missing",
    ),
    (
        "another tenant",
        |r| in_context(r).tenant = "other".to_owned(),
        Code::NotFound,
        "UNKNOWN_TENANT",
        "tenant `other` is not allowed: acme",
    ),
    (
        "no customer",
        |r| in_context(r).customer_id.clear(),
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        "customer_id is missing",
    ),
    (
        "another instant",
        |r| in_context(r).as_of_ms = NOW_MS - 300_001,
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        "within five minutes",
    ),
    (
        "before time",
        |r| in_context(r).as_of_ms = -1,
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        "context.as_of_ms `-1`",
    ),
    (
        "no key",
        |r| r.idempotency_key.clear(),
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        "idempotency_key is missing: 1 to 64 characters",
    ),
    (
        "long key",
        |r| r.idempotency_key = "k".repeat(65),
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        "is not allowed: 1 to 64 characters",
    ),
    (
        "no item",
        |r| r.item = None,
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        "item is missing",
    ),
];

#[tokio::test]
async fn each_names_the_thing_the_value_and_what_is_allowed() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    for (name, change, code, reason, says) in TABLE {
        let mut request = asked("key");
        change(&mut request);
        let status = setup.create(request).await.expect_err(name);
        assert_eq!(status.code(), code, "{name}: {status}");
        assert!(
            status.message().contains(says),
            "{name}: {}",
            status.message()
        );
        let (said, data) = info(&status).expect("details");
        assert_eq!(said, reason, "{name}");
        assert!(
            data.contains_key("field") && data.contains_key("allowed"),
            "{name}: {data:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn features_of_another_purpose_never_reach_a_price() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    for purpose in [Purpose::Recommend, Purpose::Analytics, Purpose::Fraud] {
        let mut context = context();
        context.features = Some(features(&attributes(), purpose));
        let status = setup
            .price(context, vec![item("LOAN", None, 0)])
            .await
            .expect_err("refused");
        assert_eq!(status.code(), Code::InvalidArgument, "{purpose:?}");
        assert!(
            status.message().contains("context.features"),
            "{}",
            status.message()
        );
    }
    Ok(())
}

#[tokio::test]
async fn between_one_and_two_hundred_items() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    for count in [0, 201] {
        let status = setup
            .price(context(), vec![item("LOAN", None, 12); count])
            .await
            .expect_err("refused");
        assert_eq!(
            status.message(),
            format!("items `{count}` is not allowed: 1 to 200 items")
        );
    }
    assert_eq!(
        setup
            .price(context(), vec![item("LOAN", None, 12); 200])
            .await?
            .len(),
        200
    );
    Ok(())
}
