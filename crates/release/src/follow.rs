//! Following releases: from the file at once, then from the control plane's stream for ever.

use std::path::PathBuf;
use std::time::Duration;

use fairlead_chassis::link::Link;
use fairlead_domain::TenantId;
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_proto::control::v1::{Release, WatchRequest, WatchResponse};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::finding::{Finding, Rule, Severity};
use crate::handle::ReleaseHandle;
use crate::last_good::LastGood;
use crate::live::Live;

/// A catalogue of a hundred thousand products still fits one message.
const MAX_RELEASE_BYTES: usize = 128 << 20;

/// What to follow, and how patiently.
#[derive(Debug, Clone)]
pub struct FollowOptions {
    /// The tenant whose releases are followed.
    pub tenant: TenantId,
    /// The folder of the last good release; `None` keeps none.
    pub cache_dir: Option<PathBuf>,
    /// How long to wait before the first attempt after a loss; doubles with each that fails.
    pub first_back_off: Duration,
    /// The longest wait between two attempts.
    pub longest_back_off: Duration,
    /// A stream that says nothing for so long is opened anew: a connection whose other end
    /// vanished looks the same as one without news.
    pub reopen_after: Duration,
}

impl FollowOptions {
    /// Follows `tenant`: attempts after 0.1 s to 10 s, a quiet stream opened anew each minute.
    pub fn new(tenant: TenantId, cache_dir: Option<PathBuf>) -> Self {
        Self {
            tenant,
            cache_dir,
            first_back_off: Duration::from_millis(100),
            longest_back_off: Duration::from_secs(10),
            reopen_after: Duration::from_mins(1),
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

/// How a stream ended that was open.
enum Ended {
    /// The other side closed it, or it was quiet for too long.
    Quietly,
    /// It broke.
    Broken(Status),
}

impl Follower {
    /// A follower over the control plane's link, at the last good release when one is kept. A
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
        }
        Self {
            client,
            options,
            last_good,
            handle,
        }
    }

    /// The handle that it keeps.
    pub fn handle(&self) -> ReleaseHandle {
        self.handle.clone()
    }

    /// Follows until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.follow() => {}
        }
    }

    async fn follow(&self) {
        let mut wait = self.options.first_back_off;
        loop {
            match self.open().await {
                Ok(stream) => {
                    wait = self.options.first_back_off;
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
                    wait = (wait * 2).min(self.options.longest_back_off);
                }
            }
            metrics::counter!("fairlead_release_reconnects_total").increment(1);
            // Jitter: a hundred services do not come back in the same instant.
            tokio::time::sleep(wait.mul_f64(rand::random_range(0.5..=1.0))).await;
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

    /// Checks a release, swaps it in, keeps it. What does not pass changes nothing.
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
                    tracing::info!(revision, "release live");
                    gauge(revision);
                    self.keep().await;
                }
            }
            Ok(Err(findings)) => refuse(revision, &findings),
            Err(error) => tracing::error!(revision, %error, "release check died"),
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

/// The kept release, where it is whole and passes.
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

fn gauge(revision: i64) {
    metrics::gauge!("fairlead_release_revision").set(revision as f64);
}
