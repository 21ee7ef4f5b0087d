//! Values that a service makes of a release: built beside requests, swapped in one step, kept when
//! a build fails.

use std::fmt::Display;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use fairlead_release::Live;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::handle::ReleaseHandle;
use crate::panic::reason_of;
use crate::reports::Reports;

/// The outcome of the newest build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DerivedStatus {
    /// The revision that is in use; 0 before the first.
    pub built: i64,
    /// The revision whose build failed last with the reason, or `None` if the newest one was built.
    pub failed: Option<(i64, String)>,
}

/// A value made from the live release. Cheap to clone; reading never waits.
///
/// The value may be of an older release than the handle's for as long as a build takes, or
/// because builds fail: keep the `Arc<Live>` that it was made from inside it, and a request sees
/// both of one revision.
pub struct Derived<T> {
    inner: Arc<Inner<T>>,
}

/// Makes the value of a release and of the value in use.
type Build<T, E> = dyn Fn(&Arc<Live>, Option<Arc<T>>) -> Result<T, E>;

struct Inner<T> {
    name: &'static str,
    value: ArcSwapOption<T>,
    reports: Reports,
    status: watch::Sender<DerivedStatus>,
}

impl<T> Clone for Derived<T> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<T> std::fmt::Debug for Derived<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = self.inner.status.borrow();
        out.debug_struct("Derived")
            .field("name", &self.inner.name)
            .field("status", &*status)
            .finish()
    }
}

impl<T: Send + Sync + 'static> Derived<T> {
    /// Builds from the live release at once, if there is one, and returns the value with the
    /// future that builds from each release that follows, until `shutdown`: the owner runs it in
    /// its own task set.
    ///
    /// `build` may take long: later builds run outside the reactor, one at a time, and skip
    /// releases that were replaced meanwhile. `name` is what logs, metrics and the control plane's
    /// list of instances call the value.
    pub fn follow<E: Display + Send + 'static>(
        name: &'static str,
        handle: ReleaseHandle,
        build: impl Fn(&Arc<Live>) -> Result<T, E> + Send + Sync + 'static,
        shutdown: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let inputs = Arc::new(Notify::new());
        let build = move |live: &Arc<Live>, _: Option<Arc<T>>| build(live);
        Self::follow_with(name, handle, inputs, build, shutdown)
    }

    /// Does what [`Derived::follow`] does, for a value that is made of more than the release: it
    /// is built again from the same release after each `notify_one` of `inputs`. `build` is given
    /// the value in use, to carry over what has not changed.
    pub fn follow_with<E: Display + Send + 'static>(
        name: &'static str,
        handle: ReleaseHandle,
        inputs: Arc<Notify>,
        build: impl Fn(&Arc<Live>, Option<Arc<T>>) -> Result<T, E> + Send + Sync + 'static,
        shutdown: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let derived = Self {
            inner: Arc::new(Inner {
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
            let mut stale = false;
            loop {
                // A release that came between the first build and this one is built here.
                if let Some(live) = handle.live()
                    && (stale || building.tried() < live.revision())
                {
                    building.build_beside(live, Arc::clone(&build)).await;
                }
                stale = tokio::select! {
                    () = shutdown.cancelled() => return,
                    changed = changed.changed() => match changed {
                        Ok(()) => false,
                        Err(_) => return,
                    },
                    () = inputs.notified() => true,
                };
            }
        };
        (derived, run)
    }

    /// Returns the value, or `None` before the first build that worked.
    pub fn get(&self) -> Option<Arc<T>> {
        self.inner.value.load_full()
    }

    /// Returns the outcome of the newest build. The receiver wakes after each build, once the value
    /// is swapped.
    pub fn status(&self) -> watch::Receiver<DerivedStatus> {
        self.inner.status.subscribe()
    }

    /// Returns the newest revision that was tried.
    fn tried(&self) -> i64 {
        let status = self.inner.status.borrow();
        status
            .failed
            .as_ref()
            .map_or(status.built, |(revision, _)| *revision)
    }

    /// Builds on a blocking thread. A build that panics has failed.
    async fn build_beside<E, B>(&self, live: Arc<Live>, build: Arc<B>)
    where
        E: Display + Send + 'static,
        B: Fn(&Arc<Live>, Option<Arc<T>>) -> Result<T, E> + Send + Sync + 'static,
    {
        let (this, revision) = (self.clone(), live.revision());
        let building = tokio::task::spawn_blocking(move || this.build(&live, &*build));
        if let Err(error) = building.await
            && let Ok(panic) = error.try_into_panic()
        {
            self.keep(revision, reason_of(&*panic));
        }
    }

    fn build<E: Display>(&self, live: &Arc<Live>, build: &Build<T, E>) {
        match build(live, self.get()) {
            Ok(value) => self.swap(live.revision(), value),
            Err(error) => self.keep(live.revision(), error.to_string()),
        }
    }

    fn swap(&self, revision: i64, value: T) {
        let name = self.inner.name;
        self.inner.value.store(Some(Arc::new(value)));
        self.inner.reports.taken(name, revision);
        self.inner.status.send_replace(DerivedStatus {
            built: revision,
            failed: None,
        });
        tracing::debug!(value = name, revision, "built from the release");
    }

    /// Notes a failed build; the value in use stays.
    fn keep(&self, revision: i64, reason: String) {
        let name = self.inner.name;
        metrics::counter!("fairlead_release_build_failures_total", "value" => name).increment(1);
        self.inner.reports.refused(name, revision, reason.clone());
        tracing::error!(
            value = name,
            revision,
            reason,
            "build failed, the old one is kept"
        );
        self.inner
            .status
            .send_modify(|status| status.failed = Some((revision, reason)));
    }
}
