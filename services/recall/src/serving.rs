//! What is served now, for whoever waits for a release or a model.

use fairlead_release_follow::{Derived, Reports};
use tokio::sync::watch;

use crate::snapshot::Snapshot;

/// What is served now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Serving {
    /// The release; 0 before the first.
    pub release_revision: i64,
    /// Name and version of the two-tower model; empty when none is used.
    pub model_version: String,
    /// Why the release's model is not the one in use; `None` when it is, or is being loaded.
    pub model_failure: Option<String>,
    /// When product counters were last read, Unix milliseconds; 0 when they never were.
    pub counters_read_ms: i64,
}

/// Tells what each snapshot serves, once requests find it: to the control plane by `reports`, and
/// to `serving`. Ends when its task is dropped.
pub(crate) async fn announce(
    snapshots: Derived<Snapshot>,
    reports: Reports,
    serving: watch::Sender<Serving>,
) {
    let mut built = snapshots.status();
    built.mark_changed();
    while built.changed().await.is_ok() {
        if let Some(snapshot) = snapshots.get() {
            snapshot.report(&reports);
            serving.send_replace(snapshot.serving());
        }
    }
}
