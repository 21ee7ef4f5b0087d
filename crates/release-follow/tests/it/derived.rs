//! What is made of a release follows it, and outlives a build that fails.

use std::sync::Arc;

use fairlead_release::Live;
use fairlead_release_follow::{Derived, DerivedStatus, ReleaseHandle};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::releases::{PATIENCE, live};

/// Fails for odd revisions.
fn even(live: &Arc<Live>) -> Result<i64, String> {
    match live.revision() {
        revision if revision % 2 == 0 => Ok(revision * 10),
        revision => Err(format!("revision {revision} is odd")),
    }
}

#[tokio::test]
async fn the_value_follows_and_a_failed_build_keeps_the_old_one() {
    let handle = ReleaseHandle::fixed(live(2));
    let shutdown = CancellationToken::new();
    let (derived, run) = Derived::follow("even", handle.clone(), even, shutdown.clone());
    assert_eq!(
        derived.get().as_deref(),
        Some(&20),
        "built before anything runs"
    );
    let mut tasks = JoinSet::new();
    tasks.spawn(run);
    let mut status = derived.status();

    handle.put(live(3));
    let failed = status.wait_for(|status| status.failed.is_some());
    let failed = timeout(PATIENCE, failed)
        .await
        .expect("in time")
        .expect("lives")
        .clone();
    let reason = "revision 3 is odd".to_owned();
    assert_eq!(
        failed,
        DerivedStatus {
            built: 2,
            failed: Some((3, reason))
        }
    );
    assert_eq!(derived.get().as_deref(), Some(&20));

    handle.put(live(4));
    let built = status.wait_for(|status| status.built == 4);
    let built = timeout(PATIENCE, built)
        .await
        .expect("in time")
        .expect("lives")
        .clone();
    assert_eq!(built.failed, None);
    assert_eq!(derived.get().as_deref(), Some(&40));

    shutdown.cancel();
    timeout(PATIENCE, tasks.join_next())
        .await
        .expect("in time")
        .expect("one")
        .expect("no panic");
}

#[tokio::test]
async fn without_a_release_there_is_no_value_until_one_comes() {
    let handle = ReleaseHandle::empty();
    let shutdown = CancellationToken::new();
    let (derived, run) = Derived::follow("even", handle.clone(), even, shutdown.clone());
    assert_eq!(derived.get(), None);
    // Comes before the future is polled for the first time.
    handle.put(live(6));
    let mut tasks = JoinSet::new();
    tasks.spawn(run);
    let mut status = derived.status();
    let built = status.wait_for(|status| status.built == 6);
    timeout(PATIENCE, built)
        .await
        .expect("in time")
        .expect("lives");
    assert_eq!(derived.get().as_deref(), Some(&60));
    shutdown.cancel();
    timeout(PATIENCE, tasks.join_next())
        .await
        .expect("in time")
        .expect("one")
        .expect("no panic");
}
