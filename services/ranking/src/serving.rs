//! The release and the models that are served now, for those that wait for one.

use fairlead_release_follow::{Derived, Reports};
use tokio::sync::watch;

use crate::fleet::Fleet;

/// The release and the models that are served now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Serving {
    /// The release; 0 before the first.
    pub release_revision: i64,
    /// Name and version of the ranker that answers who names none; empty when none does.
    pub model_version: String,
    /// Versions of the release that can be asked for.
    pub ready: Vec<String>,
    /// Versions of the release that are being loaded.
    pub loading: Vec<String>,
    /// Versions of the release that were refused, with the reason.
    pub refused: Vec<(String, String)>,
    /// When product counters were last read, Unix milliseconds; 0 when they never were.
    pub counters_read_ms: i64,
}

/// Tells what each fleet serves, once requests find it: to the control plane by `reports`, and to
/// `serving`. Ends when its task is dropped.
pub(crate) async fn announce(
    fleets: Derived<Fleet>,
    reports: Reports,
    serving: watch::Sender<Serving>,
) {
    let mut built = fleets.status();
    built.mark_changed();
    while built.changed().await.is_ok() {
        if let Some(fleet) = fleets.get() {
            fleet.report(&reports);
            serving.send_replace(fleet.serving());
        }
    }
}
