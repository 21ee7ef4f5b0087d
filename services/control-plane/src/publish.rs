//! Publishing and rolling back: the two ways to put a release in force.

use fairlead_domain::TenantId;
use fairlead_proto::control::v1::{
    Finding, PublishRequest, PublishResponse, Release, RollBackRequest, RollBackResponse,
};
use fairlead_release::current_form;
use serde_json::json;

use crate::authority::check_publication;
use crate::call::Call;
use crate::compose::{Checked, Heading, InForce, blocks, check, compose, seal};
use crate::service::Service;
use crate::store::{AuditEntry, Draft};
use crate::{Error, arguments, removals};

/// A release that passed its checks, and the state that it was decided on.
struct Decided {
    tenant: TenantId,
    release: Release,
    /// The revision in force when it was decided.
    after: i64,
    /// The version of the draft that it was made from, if it was.
    draft_version: Option<i64>,
    entry: AuditEntry,
}

impl Service {
    /// Publishes the draft.
    pub(crate) async fn publish_draft(
        &self,
        call: &Call,
        request: PublishRequest,
    ) -> Result<PublishResponse, Error> {
        let tenant = &call.tenant;
        let comment = arguments::comment(&request.comment)?;
        let (draft, in_force) = self.draft_and_release_in_force(tenant).await?;
        arguments::expected_revision(request.expected_revision, draft.revision)?;
        let heading = self.heading(call, draft.revision + 1, comment);
        let release = seal(compose(&draft, tenant), heading);
        let nothing = Release::default();
        let before = in_force.as_ref().unwrap_or(&nothing);
        check_publication(&call.caller, before, &release)?;
        let share = self.parts.max_removals_percent;
        removals::check(&release, before, share, request.allow_removals)?;
        let in_force = InForce {
            release: in_force,
            sticky: true,
        };
        let passed = self.passed("the draft", release, in_force).await?;
        let (release, difference) = (passed.release, passed.difference);
        let detail = json!({
            "content_hash": release.content_hash,
            "comment": comment,
            "products": release.catalogue.as_ref().map_or(0, |one| one.products.len()),
            "difference": difference,
        });
        let subject = format!("release {}", release.revision);
        let decided = Decided {
            entry: self.entry(call, "release.publish", subject, detail),
            after: draft.revision,
            draft_version: Some(draft.version),
            tenant: tenant.clone(),
            release,
        };
        let release = self.put_in_force(decided).await?;
        Ok(PublishResponse {
            revision: release.revision,
            content_hash: release.content_hash,
        })
    }

    /// Publishes an earlier release's content as the next revision. The draft stays as it is.
    pub(crate) async fn publish_again(
        &self,
        call: &Call,
        request: RollBackRequest,
    ) -> Result<RollBackResponse, Error> {
        let tenant = &call.tenant;
        let comment = arguments::comment(&request.comment)?;
        let mut read = self.parts.store.read(tenant).await?;
        let after = read.head.revision;
        arguments::expected_revision(request.expected_revision, after)?;
        let to = request.to_revision;
        let earlier = read
            .release(to)
            .await?
            .ok_or_else(|| no_revision(to, after))?;
        let in_force = InForce {
            release: read.release(after).await?,
            sticky: false,
        };
        drop(read);
        let earlier = current_form(&earlier).into_owned();
        let release = seal(earlier, self.heading(call, after + 1, comment));
        // It passed when it was published, but the checks may have changed since. It may move customers
        // of running experiments: to go back is to go back for them too, and cannot wait.
        let what = "the earlier release";
        let passed = self.passed(what, release, in_force).await?;
        let (release, difference) = (passed.release, passed.difference);
        let detail = json!({
            "content_hash": release.content_hash,
            "comment": comment,
            "to_revision": to,
            "difference": difference,
        });
        let subject = format!("release {}", release.revision);
        let decided = Decided {
            entry: self.entry(call, "release.roll-back", subject, detail),
            after,
            draft_version: None,
            tenant: tenant.clone(),
            release,
        };
        let release = self.put_in_force(decided).await?;
        Ok(RollBackResponse {
            revision: release.revision,
            content_hash: release.content_hash,
        })
    }

    fn heading(&self, call: &Call, revision: i64, comment: &str) -> Heading {
        Heading {
            revision,
            published_at_ms: self.parts.clock.now_ms(),
            published_by: call.actor(),
            comment: comment.to_owned(),
        }
    }

    /// Returns the draft, and the release in force when it was read, or `None` before the first.
    pub(crate) async fn draft_and_release_in_force(
        &self,
        tenant: &TenantId,
    ) -> Result<(Draft, Option<Release>), Error> {
        let mut read = self.parts.store.read(tenant).await?;
        let draft = read.draft().await?;
        let in_force = read.release(draft.revision).await?;
        Ok((draft, in_force))
    }

    /// Returns the release with all findings on it, and with what it changes in the release in force.
    pub(crate) async fn checked(
        &self,
        release: Release,
        in_force: InForce,
    ) -> Result<Checked, Error> {
        let registry = self.parts.registry.clone();
        let checking = move || check(release, &in_force, &registry);
        Ok(tokio::task::spawn_blocking(checking).await?)
    }

    /// Returns the release with what it changes, or the refusal if a finding blocks.
    async fn passed(
        &self,
        what: &'static str,
        release: Release,
        in_force: InForce,
    ) -> Result<Checked, Error> {
        let mut checked = self.checked(release, in_force).await?;
        let findings = std::mem::take(&mut checked.findings);
        checked.findings = refuse_if_blocked(what, false, findings)?;
        Ok(checked)
    }

    /// Writes a release and wakes the watchers, unless another write came first. Once begun it
    /// finishes even if the caller disconnects, so that a release in force is always announced.
    async fn put_in_force(&self, decided: Decided) -> Result<Release, Error> {
        let service = self.clone();
        let task = self.parts.publications.spawn(async move {
            let Decided {
                tenant,
                release,
                after,
                draft_version,
                entry,
            } = decided;
            let mut write = service.parts.store.write(&tenant).await?;
            if after != write.head.revision {
                return Err(Error::Conflict {
                    what: "the revision in force",
                    expected: after,
                    found: write.head.revision,
                });
            }
            let found = write.head.draft_version;
            if let Some(expected) = draft_version.filter(|version| *version != found) {
                return Err(Error::Conflict {
                    what: "the draft's version",
                    expected,
                    found,
                });
            }
            write.insert_release(&release).await?;
            let committed = write.commit(entry).await;
            // Also if the answer to the commit was lost: it may have happened, and the watchers read
            // the database themselves.
            service.announce(&tenant);
            committed?;
            metrics::counter!("fairlead_control_releases_total").increment(1);
            tracing::info!(%tenant, revision = release.revision, "release published");
            Ok(release)
        });
        task.await?
    }
}

/// Returns the findings, or the refusal if one of them blocks.
pub(crate) fn refuse_if_blocked(
    what: &'static str,
    sent: bool,
    findings: Vec<Finding>,
) -> Result<Vec<Finding>, Error> {
    if blocks(&findings) {
        return Err(Error::Refused {
            what,
            sent,
            findings,
        });
    }
    Ok(findings)
}

/// Returns the error for a revision that does not exist.
pub(crate) fn no_revision(revision: i64, in_force: i64) -> Error {
    Error::NotFound {
        what: "revision",
        value: revision.to_string(),
        allowed: match in_force {
            0 => "none: nothing was published yet".to_owned(),
            newest => format!("1 to {newest}"),
        },
    }
}
