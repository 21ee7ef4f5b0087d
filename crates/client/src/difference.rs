//! The changes from one release to another, or to the draft.

use comfy_table::Table;
use fairlead_chassis::link::Link;
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_proto::control::v1::{
    Change, ChangeKind, Difference, GetDraftRequest, GetReleaseRequest, Release,
};
use fairlead_release::difference;
use tonic::{Code, Response, Status};

use crate::terminal::table;

/// The largest release that is received, bytes.
const MOST_BYTES: usize = 128 << 20;

/// Returns what changes from the revision `before`, or the release in force, to the revision `after`,
/// or the draft, as the answer of a call. Before the first release everything is new.
///
/// # Errors
/// The control plane does not answer, or has no such revision.
pub async fn compare(
    control: &Link,
    tenant: &str,
    before: Option<i64>,
    after: Option<i64>,
) -> Result<Response<Difference>, Status> {
    let old = match release(control, tenant, before.unwrap_or(0)).await {
        Err(status) if before.is_none() && status.code() == Code::NotFound => Release::default(),
        other => other?,
    };
    let new = match after {
        Some(revision) => release(control, tenant, revision).await?,
        None => draft(control, tenant).await?,
    };
    Ok(Response::new(difference(&old, &new).into()))
}

async fn release(control: &Link, tenant: &str, revision: i64) -> Result<Release, Status> {
    let request = GetReleaseRequest {
        tenant: tenant.to_owned(),
        revision,
    };
    let client = ReleaseServiceClient::new(control.clone());
    let answer = client
        .max_decoding_message_size(MOST_BYTES)
        .get_release(request)
        .await?;
    Ok(answer.into_inner().release.unwrap_or_default())
}

async fn draft(control: &Link, tenant: &str) -> Result<Release, Status> {
    let request = GetDraftRequest {
        tenant: tenant.to_owned(),
    };
    let client = DraftServiceClient::new(control.clone());
    let answer = client
        .max_decoding_message_size(MOST_BYTES)
        .get_draft(request)
        .await?;
    Ok(answer.into_inner().draft.unwrap_or_default())
}

/// Returns a difference as a table, of which a row is a change.
pub fn as_table(difference: &Difference) -> Table {
    let mut rows = table(["section", "object", "part", "", "before", "after"]);
    for change in &difference.changes {
        let Change {
            section,
            object,
            part,
            before,
            after,
            ..
        } = change;
        rows.add_row([section, object, part, kind(change.kind()), before, after]);
    }
    rows
}

fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Unspecified => "",
        ChangeKind::Added => "added",
        ChangeKind::Changed => "changed",
        ChangeKind::Removed => "removed",
        ChangeKind::Withdrawn => "withdrawn",
    }
}
