//! Releases of a running server.

use fairlead_client::explained;
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_proto::control::v1::{ListReleasesRequest, PublishRequest};
use fairlead_server::Server;

/// Publishes the drafts. Returns the new revision.
pub async fn publish(server: &Server, comment: &str) -> anyhow::Result<i64> {
    let mut releases = ReleaseServiceClient::new(server.control.clone());
    let request = PublishRequest {
        tenant: server.tenant.to_string(),
        comment: comment.to_owned(),
        // A demo or an evaluation takes the whole catalogue for itself.
        allow_removals: i32::MAX,
        ..PublishRequest::default()
    };
    let published = releases
        .publish(request)
        .await
        .map_err(|status| explained(&status))?;
    Ok(published.into_inner().revision)
}

/// Returns the newest revision that was published, or 0 if there is none.
pub async fn newest(server: &Server) -> anyhow::Result<i64> {
    let mut client = ReleaseServiceClient::new(server.control.clone());
    let request = ListReleasesRequest {
        tenant: server.tenant.to_string(),
        limit: 1,
    };
    let answer = client
        .list_releases(request)
        .await
        .map_err(|status| explained(&status))?;
    Ok(answer
        .into_inner()
        .releases
        .first()
        .map_or(0, |release| release.revision))
}
