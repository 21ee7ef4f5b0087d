//! Every field that can be wrong, and what the caller is told.

use fairlead_chassis::status::info;
use fairlead_proto::feature::v1::Purpose;
use fairlead_proto::profile::v1::GetProfileRequest;
use tonic::Code;

use crate::support::{Setup, request};

/// (request, code, field named, value named)
type Case<'a> = (GetProfileRequest, Code, &'a str, &'a str);

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of one row per refusal")]
async fn each_refusal_names_field_value_and_what_is_allowed() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    setup.publish(1, Vec::new()).await;
    let good = || request("c-1", &[Purpose::Recommend]);
    let long = "x".repeat(129);
    let cases: [Case<'_>; 11] = [
        (
            GetProfileRequest {
                tenant: String::new(),
                ..good()
            },
            Code::InvalidArgument,
            "tenant",
            "",
        ),
        (
            GetProfileRequest {
                tenant: "a/b".into(),
                ..good()
            },
            Code::InvalidArgument,
            "tenant",
            "a/b",
        ),
        (
            GetProfileRequest {
                tenant: "other".into(),
                ..good()
            },
            Code::NotFound,
            "tenant",
            "other",
        ),
        (
            GetProfileRequest {
                customer_id: String::new(),
                ..good()
            },
            Code::InvalidArgument,
            "customer_id",
            "",
        ),
        (
            GetProfileRequest {
                customer_id: long.clone(),
                ..good()
            },
            Code::InvalidArgument,
            "customer_id",
            &long[..80],
        ),
        (
            GetProfileRequest {
                customer_id: "a\u{7}".into(),
                ..good()
            },
            Code::InvalidArgument,
            "customer_id",
            "a\u{7}",
        ),
        (
            GetProfileRequest {
                as_of_ms: -1,
                ..good()
            },
            Code::InvalidArgument,
            "as_of_ms",
            "-1",
        ),
        (
            GetProfileRequest {
                purposes: vec![0],
                ..good()
            },
            Code::InvalidArgument,
            "purposes",
            "0",
        ),
        (
            GetProfileRequest {
                purposes: vec![1, 5],
                ..good()
            },
            Code::InvalidArgument,
            "purposes",
            "5",
        ),
        (
            GetProfileRequest {
                purposes: vec![-3],
                ..good()
            },
            Code::InvalidArgument,
            "purposes",
            "-3",
        ),
        (
            GetProfileRequest {
                purposes: vec![2, 1, 2],
                ..good()
            },
            Code::InvalidArgument,
            "purposes",
            "2",
        ),
    ];
    for (request, code, field, value) in cases {
        let status = setup.ask(request).await.expect_err(field);
        assert_eq!(status.code(), code, "{status:?}");
        let (_, data) = info(&status).expect("machine-readable details");
        assert_eq!((&*data["field"], &*data["value"]), (field, value));
        assert!(!data["allowed"].is_empty());
        assert!(status.message().contains(field), "{}", status.message());
    }
    assert!(setup.ask(good()).await.is_ok());
    Ok(())
}

/// The far ends of time are instants like any other.
#[tokio::test]
async fn no_instant_breaks_the_service() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    for as_of_ms in [1, i64::MAX] {
        let asked = GetProfileRequest {
            as_of_ms,
            ..request("c-1", &[Purpose::Recommend, Purpose::Price])
        };
        assert_eq!(setup.ask(asked).await?.features.len(), 2);
    }
    Ok(())
}
