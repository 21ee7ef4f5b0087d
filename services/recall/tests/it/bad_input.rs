//! Every field that can be wrong, and what the caller is told.

use std::time::Duration;

use fairlead_chassis::status::info;
use fairlead_proto::feature::v1::FeatureSet;
use fairlead_proto::recall::v1::RecallRequest;
use tonic::Code;

use crate::support::{Setup, deposit, features, release, request};

/// (request, code, field named, value named)
type Case<'a> = (RecallRequest, Code, &'a str, &'a str);

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of one row per refusal")]
async fn each_refusal_names_field_value_and_what_is_allowed() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    setup.publish(release(1, vec![deposit("A")])).await;
    let parameter = |name: &str, value: &str| {
        Some((name.to_owned(), value.to_owned()))
            .into_iter()
            .collect()
    };
    let set = || features(&[]);
    let nan = FeatureSet {
        numbers: vec![f64::NAN; set().numbers.len()],
        ..set()
    };
    let price = FeatureSet {
        purpose: 2,
        ..set()
    };
    let cases: Vec<Case<'_>> = vec![
        (
            RecallRequest {
                tenant: String::new(),
                ..request()
            },
            Code::InvalidArgument,
            "tenant",
            "",
        ),
        (
            RecallRequest {
                tenant: "other".into(),
                ..request()
            },
            Code::NotFound,
            "tenant",
            "other",
        ),
        (
            RecallRequest {
                profile: None,
                ..request()
            },
            Code::InvalidArgument,
            "profile",
            "",
        ),
        (
            RecallRequest {
                limit: 0,
                ..request()
            },
            Code::InvalidArgument,
            "limit",
            "0",
        ),
        (
            RecallRequest {
                limit: -1,
                ..request()
            },
            Code::InvalidArgument,
            "limit",
            "-1",
        ),
        (
            RecallRequest {
                limit: 1001,
                ..request()
            },
            Code::InvalidArgument,
            "limit",
            "1001",
        ),
        (
            RecallRequest {
                kinds: vec![0],
                ..request()
            },
            Code::InvalidArgument,
            "kinds",
            "0",
        ),
        (
            RecallRequest {
                kinds: vec![1, 7],
                ..request()
            },
            Code::InvalidArgument,
            "kinds",
            "7",
        ),
        (
            RecallRequest {
                features: None,
                ..request()
            },
            Code::InvalidArgument,
            "features",
            "",
        ),
        (
            RecallRequest {
                features: Some(FeatureSet {
                    registry_hash: 17,
                    ..set()
                }),
                ..request()
            },
            Code::FailedPrecondition,
            "features.registry_hash",
            "0000000000000011",
        ),
        (
            RecallRequest {
                features: Some(nan),
                ..request()
            },
            Code::InvalidArgument,
            "features",
            "NaN",
        ),
        (
            RecallRequest {
                features: Some(price),
                ..request()
            },
            Code::InvalidArgument,
            "features",
            "",
        ),
        (
            RecallRequest {
                parameters: parameter("recall.two_tower.limit", "many"),
                ..request()
            },
            Code::InvalidArgument,
            "parameter \"recall.two_tower.limit\"",
            "many",
        ),
        (
            RecallRequest {
                parameters: parameter("recall.no_such", "1"),
                ..request()
            },
            Code::InvalidArgument,
            "parameter",
            "recall.no_such",
        ),
    ];
    for (request, code, field, value) in cases {
        let status = setup.ask(request).await.expect_err(field);
        assert_eq!(status.code(), code, "{status:?}");
        let (_, data) = info(&status).expect("machine-readable details");
        assert_eq!(&*data["field"], field);
        assert!(data["value"].contains(value), "{data:?}");
        assert!(!data["allowed"].is_empty());
    }
    assert!(setup.ask(request()).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn before_the_first_release_there_is_no_answer() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let status = setup
        .ask(request())
        .await
        .expect_err("no release to recall from");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("release"), "{}", status.message());
    Ok(())
}

#[tokio::test]
async fn a_call_without_time_is_not_answered() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    setup.publish(release(1, vec![deposit("A")])).await;
    let status = setup
        .ask_within(request(), Duration::ZERO)
        .await
        .expect_err("no time");
    assert_eq!(status.code(), Code::DeadlineExceeded);
    Ok(())
}
