//! When the parts of a process are there. What is refused counts as there: the service answers
//! without it, and says so.

use fairlead_release_follow::{DerivedStatus, ReleaseHandle};
use tokio::sync::watch;

use super::Ground;

/// Notes `part` once `there` has ended, unless the process ends before.
fn when(ground: &Ground, part: &'static str, there: impl Future<Output = ()> + Send + 'static) {
    let (readiness, ended) = (ground.process.readiness.clone(), ground.ended.clone());
    ground.tasks.spawn(async move {
        if ended.run_until_cancelled(there).await.is_some() {
            readiness.has(part);
        }
    });
}

/// A release is live.
pub(super) fn release(ground: &Ground, releases: ReleaseHandle) {
    when(ground, "release", async move {
        releases.first().await;
    });
}

/// The release's index and user tower are loaded, or refused, or it names none.
pub(super) fn index(
    ground: &Ground,
    mut serving: watch::Receiver<fairlead_recall::Serving>,
    releases: ReleaseHandle,
) {
    when(ground, "index", async move {
        let named = releases.first().await.model("two-tower", "").is_some();
        let there = |now: &fairlead_recall::Serving| {
            let loaded = !now.model_version.is_empty() || now.model_failure.is_some();
            now.release_revision > 0 && (loaded || !named)
        };
        drop(serving.wait_for(there).await);
    });
}

/// Every ranker of the release is loaded and warm, or refused.
pub(super) fn model(ground: &Ground, mut serving: watch::Receiver<fairlead_ranking::Serving>) {
    when(ground, "model", async move {
        let there =
            |now: &fairlead_ranking::Serving| now.release_revision > 0 && now.loading.is_empty();
        drop(serving.wait_for(there).await);
    });
}

/// The strategies of the release are compiled.
pub(super) fn prices(ground: &Ground, mut prices: watch::Receiver<DerivedStatus>) {
    when(ground, "prices", async move {
        drop(prices.wait_for(|now| now.built > 0).await);
    });
}
