//! What a service makes of a release: rebuilt when it changes, kept when a build fails.

use std::fmt::Display;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use fairlead_release::Live;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::handle::ReleaseHandle;
use crate::reports::Reports;

/// How the newest build went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DerivedStatus {
    /// The revision that is in use; 0 before the first.
    pub built: i64,
    /// The revision whose build failed last, and why; `None` when the newest one was built.
    pub failed: Option<(i64, String)>,
}

/// A value made from the live release. Cheap to clone; reading never waits.
///
/// The value may be of an older release than the handle's for as long as a build takes, or
/// because builds fail: keep the `Arc<Live>` that it was made from inside it, and a request sees
/// both of one revision.
pub struct Derived<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    name: &'static str,
    value: ArcSwapOption<T>,
    reports: Reports,
    status: watch::Sender<DerivedStatus>,
}

impl<T> Clone for Derived<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> std::fmt::Debug for Derived<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = self.shared.status.borrow();
        out.debug_struct("Derived")
            .field("name", &self.shared.name)
            .field("status", &*status)
            .finish()
    }
}

impl<T: Send + Sync + 'static> Derived<T> {
    /// Builds from the live release at once, where there is one, and gives the future that
    /// builds from each that follows until `shutdown`: the owner runs it in its own task set.
    ///
    /// `build` may take long: later builds run outside the reactor, one at a time, and skip
    /// releases that were replaced meanwhile. `name` is what logs, metrics and the control plane's
    /// list of instances call the value.
    pub fn follow<E: Display + Send>(
        name: &'static str,
        handle: ReleaseHandle,
        build: impl Fn(&Arc<Live>) -> Result<T, E> + Send + Sync + 'static,
        shutdown: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let derived = Self {
            shared: Arc::new(Shared {
                name,
                value: ArcSwapOption::empty(),
                reports: handle.reports().clone(),
                status: watch::Sender::new(DerivedStatus::default()),
            }),
        };
        let mut changed = handle.changed();
        changed.mark_unchanged();
        if let Some(live) = handle.live() {
            derived.build(&live, &build);
        }
        let building = derived.clone();
        let build = Arc::new(build);
        let run = async move {
            loop {
                // A release that came between the first build and this one is built here.
                if let Some(live) = handle.live()
                    && building.tried() < live.revision()
                {
                    let (this, build) = (building.clone(), Arc::clone(&build));
                    let done =
                        tokio::task::spawn_blocking(move || this.build(&live, &*build)).await;
                    if let Err(error) = done {
                        tracing::error!(value = building.shared.name, %error, "build died");
                    }
                }
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    changed = changed.changed() => if changed.is_err() { return },
                }
            }
        };
        (derived, run)
    }

    /// The value; `None` before the first build that worked.
    pub fn get(&self) -> Option<Arc<T>> {
        self.shared.value.load_full()
    }

    /// How the newest build went, and each that follows.
    pub fn status(&self) -> watch::Receiver<DerivedStatus> {
        self.shared.status.subscribe()
    }

    /// The newest revision that was tried.
    fn tried(&self) -> i64 {
        let status = self.shared.status.borrow();
        status
            .failed
            .as_ref()
            .map_or(status.built, |(revision, _)| *revision)
    }

    fn build<E: Display>(&self, live: &Arc<Live>, build: &dyn Fn(&Arc<Live>) -> Result<T, E>) {
        let (name, revision) = (self.shared.name, live.revision());
        match build(live) {
            Ok(value) => {
                self.shared.value.store(Some(Arc::new(value)));
                self.shared.reports.taken(name, revision);
                self.shared.status.send_replace(DerivedStatus {
                    built: revision,
                    failed: None,
                });
                tracing::debug!(value = name, revision, "built from the release");
            }
            Err(error) => {
                metrics::counter!("fairlead_release_build_failures_total", "value" => name)
                    .increment(1);
                let reason = error.to_string();
                self.shared.reports.refused(name, revision, reason.clone());
                tracing::error!(
                    value = name,
                    revision,
                    reason,
                    "build failed, the old one is kept"
                );
                self.shared
                    .status
                    .send_modify(|status| status.failed = Some((revision, reason)));
            }
        }
    }
}
