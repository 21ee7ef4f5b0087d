//! Following releases: from the file at once, then from the control plane's stream.

use std::path::PathBuf;
use std::time::Duration;

use fairlead_chassis::back_off::BackOff;
use fairlead_chassis::link::Link;
use fairlead_domain::TenantId;
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_proto::control::v1::{Release, ReportRequest, WatchRequest, WatchResponse};
use fairlead_release::{Finding, Live, Rule, Severity};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::handle::ReleaseHandle;
use crate::last_good::LastGood;
use crate::reports::{Report, Reporter};

/// The largest release: one with a hundred thousand products fits.
const MAX_RELEASE_BYTES: usize = 128 << 20;

/// The part under which it is noted that a release passed its checks.
const CHECKS: &str = "release";

/// The time that a report may take, and the wait after one that was lost.
const REPORT_LIMIT: Duration = Duration::from_secs(5);
const REPORT_AGAIN: Duration = Duration::from_secs(2);

/// The options of a [`Follower`].
#[derive(Debug, Clone)]
pub struct FollowOptions {
    /// The tenant whose releases are followed.
    pub tenant: TenantId,
    /// The folder of the last good release; `None` keeps none.
    pub cache_dir: Option<PathBuf>,
    /// The wait before the first attempt after a loss; it doubles with each that fails.
    pub first_back_off: Duration,
    /// The longest wait between two attempts.
    pub longest_back_off: Duration,
    /// A stream that says nothing for so long is opened anew: a connection whose other end
    /// vanished looks the same as one without news.
    pub reopen_after: Duration,
    /// The identity under which reports are sent; `None` sends none.
    pub reporter: Option<Reporter>,
    /// The wait between two reports when nothing changes.
    pub report_every: Duration,
}

impl FollowOptions {
    /// Returns the options to follow `tenant`: attempts after 0.1 s to 10 s, a quiet stream opened
    /// anew each minute, no reports, and one every 15 s once there is a reporter.
    pub fn new(tenant: TenantId, cache_dir: Option<PathBuf>) -> Self {
        Self {
            tenant,
            cache_dir,
            first_back_off: Duration::from_millis(100),
            longest_back_off: Duration::from_secs(10),
            reopen_after: Duration::from_mins(1),
            reporter: None,
            report_every: Duration::from_secs(15),
        }
    }
}

/// Keeps a [`ReleaseHandle`] at the newest release that passes every check.
///
/// The owner runs [`Follower::run`] in its own task set. Whatever happens to the control plane,
/// the handle keeps the last good release.
#[derive(Debug)]
pub struct Follower {
    client: ReleaseServiceClient<Link>,
    options: FollowOptions,
    last_good: Option<LastGood>,
    handle: ReleaseHandle,
}

/// The end of a stream that was open.
enum Ended {
    /// The other side closed it, or it was quiet for too long.
    Quietly,
    /// It broke.
    Broken(Status),
}

impl Follower {
    /// Returns a follower over the control plane's link, at the last good release if one is kept. A
    /// kept release that is damaged, another tenant's, or that no longer passes is left alone
    /// with a warning. Reads the disk: call it at start.
    pub fn new(link: Link, options: FollowOptions) -> Self {
        let client = ReleaseServiceClient::new(link).max_decoding_message_size(MAX_RELEASE_BYTES);
        let last_good = options
            .cache_dir
            .as_ref()
            .map(|dir| LastGood::new(dir, &options.tenant));
        let handle = ReleaseHandle::empty();
        if let Some(last_good) = &last_good
            && let Some(live) = start_from(last_good, &options.tenant)
        {
            tracing::info!(
                revision = live.revision(),
                "started from the last good release"
            );
            gauge(live.revision());
            handle.put(live);
            handle.reports().taken(CHECKS, handle.revision());
        }
        Self {
            client,
            options,
            last_good,
            handle,
        }
    }

    /// Returns the handle that it keeps.
    pub fn handle(&self) -> ReleaseHandle {
        self.handle.clone()
    }

    /// Follows until `shutdown`, and reports meanwhile.
    pub async fn run(self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.follow() => {}
            () = self.report() => {}
        }
    }

    /// Reports to the control plane what became of each release, at every change and every so often.
    /// A report that is lost is followed by another; nothing waits for it.
    async fn report(&self) {
        let Some(reporter) = &self.options.reporter else {
            return std::future::pending().await;
        };
        let reports = self.handle.reports();
        let mut changed = reports.changed();
        let mut client = self.client.clone();
        loop {
            changed.mark_unchanged();
            let Report {
                revision,
                refused_revision,
                reason,
            } = reports.report();
            let request = ReportRequest {
                tenant: self.options.tenant.to_string(),
                service: reporter.service.clone(),
                instance: reporter.instance.clone(),
                version: reporter.version.clone(),
                revision,
                refused_revision,
                reason,
            };
            let told = timeout(REPORT_LIMIT, client.report(request)).await;
            let wait = if matches!(told, Ok(Ok(_))) {
                self.options.report_every
            } else {
                metrics::counter!("fairlead_release_reports_lost_total").increment(1);
                REPORT_AGAIN.min(self.options.report_every)
            };
            // Whatever changed while it was told ends the wait at once.
            let _ = timeout(wait, changed.changed()).await;
        }
    }

    async fn follow(&self) {
        let options = &self.options;
        let mut back_off = BackOff::new(options.first_back_off, options.longest_back_off);
        loop {
            match self.open().await {
                Ok(stream) => {
                    back_off.reset();
                    match self.drain(stream).await {
                        Ended::Quietly => tracing::debug!("release stream ended"),
                        Ended::Broken(status) => {
                            tracing::warn!(code = ?status.code(), "release stream lost");
                        }
                    }
                }
                Err(status) => {
                    tracing::warn!(
                        code = ?status.code(),
                        revision = self.handle.revision(),
                        "control plane cannot be reached"
                    );
                }
            }
            metrics::counter!("fairlead_release_reconnects_total").increment(1);
            back_off.pause().await;
        }
    }

    async fn open(&self) -> Result<Streaming<WatchResponse>, Status> {
        let request = WatchRequest {
            tenant: self.options.tenant.to_string(),
            have_revision: self.handle.revision(),
        };
        let mut client = self.client.clone();
        match timeout(self.options.reopen_after, client.watch(request)).await {
            Ok(opened) => opened.map(tonic::Response::into_inner),
            Err(_) => Err(Status::deadline_exceeded(
                "the control plane did not answer",
            )),
        }
    }

    async fn drain(&self, mut stream: Streaming<WatchResponse>) -> Ended {
        loop {
            match timeout(self.options.reopen_after, stream.message()).await {
                Ok(Ok(Some(WatchResponse {
                    release: Some(release),
                }))) => self.accept(release).await,
                Ok(Ok(Some(WatchResponse { release: None }))) => {}
                Ok(Ok(None)) | Err(_) => return Ended::Quietly,
                Ok(Err(status)) => return Ended::Broken(status),
            }
        }
    }

    /// Checks a release, swaps it in and keeps it. One that does not pass changes nothing.
    async fn accept(&self, release: Release) {
        let revision = release.revision;
        if revision <= self.handle.revision() {
            return;
        }
        let tenant = self.options.tenant.clone();
        // Compiling experiments and indexing a large catalogue is no work for the reactor.
        let checked = tokio::task::spawn_blocking(move || check(release, &tenant)).await;
        match checked {
            Ok(Ok(live)) => {
                for warning in &live.warnings {
                    tracing::warn!(revision, finding = %warning, "release has a warning");
                }
                if self.handle.put(live) {
                    self.handle.reports().taken(CHECKS, revision);
                    tracing::info!(revision, "release live");
                    gauge(revision);
                    self.keep().await;
                }
            }
            Ok(Err(findings)) => {
                refuse(revision, &findings);
                let reports = self.handle.reports();
                reports.refused(CHECKS, revision, reason(&findings));
            }
            Err(error) => {
                tracing::error!(revision, %error, "release check died");
                let reports = self.handle.reports();
                reports.refused(CHECKS, revision, "the check of the release died");
            }
        }
    }

    async fn keep(&self) {
        let (Some(last_good), Some(live)) = (self.last_good.clone(), self.handle.live()) else {
            return;
        };
        let stored = tokio::task::spawn_blocking(move || last_good.store(&live.release)).await;
        match stored {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "last good release cannot be kept"),
            Err(error) => tracing::warn!(%error, "last good release cannot be kept"),
        }
    }
}

fn check(release: Release, tenant: &TenantId) -> Result<Live, Vec<Finding>> {
    if release.tenant != tenant.as_str() {
        let allowed = format!("{tenant}, the tenant followed");
        return Err(vec![Finding::error(
            Rule::Contradiction,
            "tenant",
            &release.tenant,
            allowed,
        )]);
    }
    Live::check(release)
}

/// Returns the kept release, or `None` if there is none or it is damaged or does not pass.
fn start_from(last_good: &LastGood, tenant: &TenantId) -> Option<Live> {
    let release = match last_good.load() {
        Ok(release) => release?,
        Err(error) => {
            tracing::warn!(%error, "kept release ignored");
            return None;
        }
    };
    let revision = release.revision;
    check(release, tenant)
        .map_err(|findings| refuse(revision, &findings))
        .ok()
}

fn refuse(revision: i64, findings: &[Finding]) {
    metrics::counter!("fairlead_release_refused_total").increment(1);
    for finding in findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
    {
        tracing::error!(revision, %finding, "release refused");
    }
}

/// Returns the findings that block, in one line.
fn reason(findings: &[Finding]) -> String {
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    let texts: Vec<String> = errors.map(ToString::to_string).collect();
    texts.join("; ")
}

fn gauge(revision: i64) {
    metrics::gauge!("fairlead_release_revision").set(revision as f64);
}
