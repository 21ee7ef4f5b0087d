//! Every field that can be wrong, and what the caller is told; and a model that gives no numbers.

use std::time::Duration;

use fairlead_chassis::status::info;
use fairlead_proto::feature::v1::FeatureSet;
use fairlead_proto::ranking::v1::RankRequest;
use tonic::Code;

use crate::folder::Folder;
use crate::support::{Setup, clicked, features, release_with, request};

async fn open(folder: &Folder, root: &std::path::Path) -> anyhow::Result<Setup> {
    let setup = Setup::start().await?;
    setup.publish(release_with(1, &[folder.write(root)?])).await;
    setup
        .until(|serving| !serving.model_version.is_empty())
        .await;
    Ok(setup)
}

/// (request, code, field named, value named)
type Case<'a> = (RankRequest, Code, &'a str, &'a str);

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of one row per refusal")]
async fn each_refusal_names_field_value_and_what_is_allowed() -> anyhow::Result<()> {
    let root = tempfile::tempdir()?;
    let setup = open(&Folder::default(), root.path()).await?;
    let set = || features(&[]);
    let infinite = FeatureSet {
        numbers: vec![f64::INFINITY; set().numbers.len()],
        ..set()
    };
    let with_set = |set| RankRequest {
        features: Some(set),
        ..request()
    };
    let with_ids = |ids| RankRequest {
        product_ids: ids,
        ..request()
    };
    let cases: Vec<Case<'_>> = vec![
        (
            RankRequest {
                tenant: String::new(),
                ..request()
            },
            Code::InvalidArgument,
            "tenant",
            "",
        ),
        (
            RankRequest {
                tenant: "other".into(),
                ..request()
            },
            Code::NotFound,
            "tenant",
            "other",
        ),
        (
            RankRequest {
                features: None,
                ..request()
            },
            Code::InvalidArgument,
            "features",
            "",
        ),
        (
            with_ids(vec![]),
            Code::InvalidArgument,
            "product_ids",
            "0 products",
        ),
        (
            with_ids(vec!["A".into(); 1001]),
            Code::InvalidArgument,
            "product_ids",
            "1001 products",
        ),
        (
            with_ids(vec!["A".into(), "Z".into()]),
            Code::InvalidArgument,
            "product_ids",
            "Z",
        ),
        (
            with_ids(vec![String::new()]),
            Code::InvalidArgument,
            "product_ids",
            "",
        ),
        (with_set(infinite), Code::InvalidArgument, "features", "inf"),
        (
            with_set(FeatureSet::default()),
            Code::FailedPrecondition,
            "features.registry_hash",
            "0000000000000000",
        ),
        (
            with_set(FeatureSet {
                purpose: 2,
                ..set()
            }),
            Code::InvalidArgument,
            "features",
            "price",
        ),
        (
            with_set(FeatureSet {
                purpose: 9,
                ..set()
            }),
            Code::InvalidArgument,
            "features",
            "9",
        ),
        (
            with_set(FeatureSet {
                numbers: vec![],
                ..set()
            }),
            Code::InvalidArgument,
            "features",
            "numbers",
        ),
        (
            RankRequest {
                model_version: "nope".into(),
                ..request()
            },
            Code::FailedPrecondition,
            "model_version",
            "nope",
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
    assert_eq!(
        setup
            .ask(with_ids(vec!["A".into(); 1000]))
            .await?
            .scored
            .len(),
        1000
    );
    Ok(())
}

/// Ten clicks times 1e38 is more than a float holds.
#[tokio::test]
async fn a_model_that_gives_infinity_gives_no_scores() -> anyhow::Result<()> {
    let root = tempfile::tempdir()?;
    let folder = Folder {
        base: 0.0,
        per_click: 1e38,
        ..Folder::default()
    };
    let setup = open(&folder, root.path()).await?;
    let asked = |clicks| RankRequest {
        features: Some(clicked(clicks)),
        ..request()
    };
    let status = setup.ask(asked(10)).await.expect_err("no scores");
    assert_eq!(status.code(), Code::Internal);
    // Others are answered as ever.
    let answer = setup.ask(asked(0)).await?;
    assert!((answer.scored[0].p_click - folder.p_click(0, 0, 0)).abs() < 1e-6);
    Ok(())
}

#[tokio::test]
async fn a_call_without_time_is_not_answered() -> anyhow::Result<()> {
    let root = tempfile::tempdir()?;
    let setup = open(&Folder::default(), root.path()).await?;
    let status = setup
        .ask_within(request(), Duration::ZERO)
        .await
        .expect_err("no time");
    assert_eq!(status.code(), Code::DeadlineExceeded);
    Ok(())
}
