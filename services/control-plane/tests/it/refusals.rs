//! Bad input: the field, the value and what is allowed, with the right code, and no change.

use fairlead_proto::control::v1::{
    ListAuditRequest, ListReleasesRequest, PublishRequest, PutModelRequest, PutProductsRequest,
    PutSettingsRequest, PutStrategyRequest, Release, RollBackRequest, Strategy,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::plane::{Home, Plane, TENANT, deposit, on_both, publish, put};

/// Checks the code, and that message and details name the field.
fn refused<T: std::fmt::Debug>(outcome: Result<T, Status>, code: Code, field: &str) {
    let status = outcome.expect_err(field);
    assert_eq!(status.code(), code, "{field}: {status}");
    assert!(status.message().starts_with(field), "{field}: {status}");
    let info = status.get_details_error_info().expect("details");
    assert_eq!(
        info.metadata.get("field").map(String::as_str),
        Some(field),
        "{status}"
    );
    assert!(info.metadata.contains_key("allowed"), "{status}");
}

#[expect(clippy::too_many_lines, reason = "a table: one call after the other")]
async fn arguments_that_are_not_allowed_are_named(home: Home) {
    let plane = Plane::start(&home);
    let (mut drafts, mut releases) = (plane.drafts(), plane.releases());
    let invalid = Code::InvalidArgument;
    let good = put(vec![deposit("D-1")]);
    let request = PutProductsRequest {
        tenant: "a/b".to_owned(),
        ..good.clone()
    };
    refused(drafts.put_products(request).await, invalid, "tenant");
    refused(drafts.put_products(put(vec![])).await, invalid, "products");

    let tenant = TENANT.to_owned();
    let foreign = Release {
        revision: 3,
        ..Release::default()
    };
    let request = PutSettingsRequest {
        tenant: tenant.clone(),
        settings: Some(foreign),
        clear: vec![],
    };
    refused(
        drafts.put_settings(request.clone()).await,
        invalid,
        "settings",
    );
    let request = PutSettingsRequest {
        settings: None,
        clear: vec!["catalogue".to_owned()],
        ..request
    };
    refused(drafts.put_settings(request).await, invalid, "clear");
    let request = PutStrategyRequest {
        tenant: tenant.clone(),
        strategy: Some(Strategy {
            strategy_id: "a b".to_owned(),
            ..Strategy::default()
        }),
    };
    refused(
        drafts.put_strategy(request).await,
        invalid,
        "strategy.strategy_id",
    );
    let request = PutModelRequest {
        tenant: tenant.clone(),
        model: None,
    };
    refused(drafts.put_model(request).await, invalid, "model.role");
    let request = PublishRequest {
        comment: "x".repeat(1_001),
        ..publish()
    };
    refused(releases.publish(request).await, invalid, "comment");
    let request = PublishRequest {
        expected_revision: -1,
        ..publish()
    };
    refused(
        releases.publish(request).await,
        invalid,
        "expected_revision",
    );
    let request = ListReleasesRequest {
        tenant: tenant.clone(),
        limit: 1_001,
    };
    refused(releases.list_releases(request).await, invalid, "limit");
    let request = ListAuditRequest {
        tenant: tenant.clone(),
        limit: -1,
    };
    refused(plane.audit().list_audit(request).await, invalid, "limit");
    let request = RollBackRequest {
        tenant,
        to_revision: 4,
        comment: String::new(),
        expected_revision: 0,
    };
    refused(
        releases.roll_back(request).await,
        Code::NotFound,
        "revision",
    );
    assert_eq!(plane.audit_rows().await, [], "nothing was written");
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_named_at_start() {
    let home = Home::sqlite();
    let blocked = home.path().join("control.db");
    std::fs::write(
        &blocked,
        "this is no database, and long enough to be read as a header ....",
    )
    .expect("written");
    let refused = Plane::start(&home)
        .stop()
        .await
        .expect_err("no database")
        .to_string();
    assert!(refused.contains("control database"), "{refused}");
}

on_both!(arguments_that_are_not_allowed_are_named,);
