//! The index of decision records, as the gateway reads it.

use std::time::Duration;

use fairlead_domain::{RequestId, TenantId};
use fairlead_online::{IndexProgress, IndexedDecision};
use fairlead_proto::profile::v1::FindDecisionResponse;
use fairlead_service_testkit::tenant;
use tonic::Code;

use crate::support::{NOW_MS, Setup};

const KEPT: Duration = Duration::from_hours(1);

fn entry(tenant: &TenantId, request_id: &str, offset: i64) -> anyhow::Result<IndexedDecision> {
    Ok(IndexedDecision {
        tenant: tenant.clone(),
        request_id: RequestId::new(request_id)?,
        offset,
        ttl: KEPT,
    })
}

#[tokio::test]
async fn a_request_is_found_by_its_own_tenant_alone() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let empty = setup.find("acme", "r-1").await?;
    assert_eq!(empty, FindDecisionResponse::default());
    let entries = vec![entry(&tenant(), "r-1", 17)?, entry(&tenant(), "r-1", 18)?];
    setup.index.add(3, entries).await?;
    let progress = IndexProgress {
        last_offset: 18,
        time_ms: NOW_MS,
    };
    setup
        .index
        .log_progress()
        .advance(3, None, progress)
        .await?;
    let found = setup.find("acme", "r-1").await?;
    let expected = FindDecisionResponse {
        offset: Some(17),
        indexed_offset: Some(18),
        indexed_time_ms: NOW_MS,
    };
    assert_eq!(found, expected, "the first record of a request stays");
    for (tenant, request_id) in [("acme", "r-2"), ("other", "r-1")] {
        let unknown = setup.find(tenant, request_id).await?;
        let expected = FindDecisionResponse {
            offset: None,
            ..expected
        };
        assert_eq!(unknown, expected, "{tenant}/{request_id}");
    }
    Ok(())
}

#[tokio::test]
async fn a_request_id_that_no_gateway_makes_is_refused() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let refused = setup.find("acme", "a/b").await.expect_err("a slash");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(
        refused.message().starts_with("request_id `a/b`"),
        "{refused:?}"
    );
    Ok(())
}
