//! When the parts of a process are ready. A part that is refused counts as ready: the service answers
//! without it, and says so.

use fairlead_release_follow::{DerivedStatus, ReleaseHandle};
use tokio::sync::watch;

use super::process::ServiceProcess;

/// Marks `part` as ready once `loaded` has completed, unless the process ends before.
fn mark(
    process: &ServiceProcess,
    part: &'static str,
    loaded: impl Future<Output = ()> + Send + 'static,
) {
    let (readiness, ended) = (process.chassis.readiness.clone(), process.ended.clone());
    process.tasks.spawn(async move {
        if ended.run_until_cancelled(loaded).await.is_some() {
            readiness.has(part);
        }
    });
}

/// Marks the release as ready once one is live.
pub(super) fn release(process: &ServiceProcess, releases: ReleaseHandle) {
    mark(process, "release", async move {
        releases.first().await;
    });
}

/// Marks the index as ready once the release's index and user tower are loaded or refused, or the
/// release names none.
pub(super) fn index(
    process: &ServiceProcess,
    mut serving: watch::Receiver<fairlead_recall::Serving>,
    releases: ReleaseHandle,
) {
    mark(process, "index", async move {
        let named = releases.first().await.model("two-tower", "").is_some();
        let ready = |now: &fairlead_recall::Serving| {
            let loaded = !now.model_version.is_empty() || now.model_failure.is_some();
            now.release_revision > 0 && (loaded || !named)
        };
        drop(serving.wait_for(ready).await);
    });
}

/// Marks the model as ready once every ranker of the release is loaded and warm, or refused.
pub(super) fn model(
    process: &ServiceProcess,
    mut serving: watch::Receiver<fairlead_ranking::Serving>,
) {
    mark(process, "model", async move {
        let ready =
            |now: &fairlead_ranking::Serving| now.release_revision > 0 && now.loading.is_empty();
        drop(serving.wait_for(ready).await);
    });
}

/// Marks the prices as ready once the strategies of the release are compiled.
pub(super) fn prices(process: &ServiceProcess, mut prices: watch::Receiver<DerivedStatus>) {
    mark(process, "prices", async move {
        drop(prices.wait_for(|now| now.built > 0).await);
    });
}
