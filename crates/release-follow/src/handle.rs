//! The handle on the live release that a service's parts share.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use fairlead_release::Live;
use tokio::sync::watch;

use crate::reports::Reports;

/// The live release of a process. Cheap to clone; reading never waits, and a reader keeps what it
/// read.
#[derive(Clone)]
pub struct ReleaseHandle {
    inner: Arc<Inner>,
}

struct Inner {
    live: ArcSwapOption<Live>,
    /// The revision in `live`; 0 before the first.
    changed: watch::Sender<i64>,
    reports: Reports,
}

impl ReleaseHandle {
    /// Returns a handle without a release.
    pub fn empty() -> Self {
        Self {
            inner: Arc::new(Inner {
                live: ArcSwapOption::empty(),
                changed: watch::Sender::new(0),
                reports: Reports::default(),
            }),
        }
    }

    /// Returns a handle with this release.
    pub fn fixed(live: Live) -> Self {
        let handle = Self::empty();
        handle.put(live);
        handle
    }

    /// Returns the live release, or `None` before the first.
    pub fn live(&self) -> Option<Arc<Live>> {
        self.inner.live.load_full()
    }

    /// Returns the live release's number, 0 before the first.
    pub fn revision(&self) -> i64 {
        *self.inner.changed.borrow()
    }

    /// Returns the newest revision. The receiver wakes at each new one, and skips those that it was
    /// too slow for.
    pub fn changed(&self) -> watch::Receiver<i64> {
        self.inner.changed.subscribe()
    }

    /// Waits for the first release and returns it.
    pub async fn first(&self) -> Arc<Live> {
        let mut changed = self.changed();
        loop {
            if let Some(live) = self.live() {
                return live;
            }
            if changed.changed().await.is_err() {
                // The sender lives in `self`, so that it cannot be gone.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Returns the reports in which the parts of a service note what became of a release.
    pub fn reports(&self) -> &Reports {
        &self.inner.reports
    }

    /// Replaces the release, unless it is as new or newer already. Returns true if it was replaced.
    pub fn put(&self, live: Live) -> bool {
        let revision = live.revision();
        // The watch's lock makes compare and swap one step for concurrent writers.
        let replaced = self.inner.changed.send_if_modified(|current| {
            let newer = revision > *current;
            if newer {
                self.inner.live.store(Some(Arc::new(live)));
                *current = revision;
            }
            newer
        });
        self.inner.reports.live(revision);
        replaced
    }
}

impl Default for ReleaseHandle {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for ReleaseHandle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ReleaseHandle")
            .field("revision", &self.revision())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use fairlead_proto::control::v1::Release;
    use fairlead_release::content_hash;

    use super::*;

    fn live(revision: i64) -> Live {
        let mut release = Release {
            revision,
            tenant: "acme".to_owned(),
            ..Release::default()
        };
        release.content_hash = content_hash(&release);
        Live::check(release).expect("passes")
    }

    #[test]
    fn only_a_newer_release_replaces() {
        let handle = ReleaseHandle::fixed(live(2));
        let mut changed = handle.changed();
        assert!(!handle.put(live(1)));
        assert!(!handle.put(live(2)));
        assert!(!changed.has_changed().expect("the handle lives"));
        let before = handle.live().expect("there");
        assert!(handle.put(live(3)));
        assert_eq!((handle.revision(), *changed.borrow_and_update()), (3, 3));
        // Who read before the swap keeps what it read.
        assert_eq!(before.revision(), 2);
    }

    #[tokio::test]
    async fn waits_for_the_first() {
        let handle = ReleaseHandle::empty();
        assert!(handle.live().is_none());
        let (first, put) = tokio::join!(handle.first(), async { handle.put(live(4)) });
        assert!(put);
        assert_eq!(first.revision(), 4);
    }
}
