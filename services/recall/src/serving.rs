//! The release and the model in use, for tests and operators that wait for them.

use fairlead_release_follow::{Derived, Reports};
use tokio::sync::watch;

use crate::snapshot::Snapshot;

/// The release and the model in use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Serving {
    /// The revision of the release; 0 before the first.
    pub release_revision: i64,
    /// Name and version of the two-tower model; empty if none is used.
    pub model_version: String,
    /// The reason why the release's model was refused; `None` if it is in use or being loaded.
    pub model_failure: Option<String>,
    /// The time of the last read of product counters, Unix milliseconds; 0 before the first.
    pub counters_read_ms: i64,
}

/// Announces each snapshot once requests use it: to the control plane through `reports`, and to
/// `serving`. Ends when its task is dropped.
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
