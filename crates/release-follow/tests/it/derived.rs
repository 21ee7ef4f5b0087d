//! A value that is made of a release follows it, and outlives a build that fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fairlead_release::Live;
use fairlead_release_follow::{Derived, DerivedStatus, ReleaseHandle};
use tokio::sync::Notify;
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

#[tokio::test]
async fn a_build_that_panics_has_failed() {
    let handle = ReleaseHandle::fixed(live(2));
    let shutdown = CancellationToken::new();
    let build = |live: &Arc<Live>| {
        assert!(live.revision() != 3, "three");
        Ok::<_, String>(live.revision())
    };
    let (derived, run) = Derived::follow("panics", handle.clone(), build, shutdown.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(run);
    let mut status = derived.status();
    handle.put(live(3));
    let failed = status.wait_for(|status| status.failed.is_some());
    let failed = timeout(PATIENCE, failed).await.expect("in time");
    let (revision, reason) = failed.expect("lives").failed.clone().expect("just seen");
    assert_eq!((revision, &*reason), (3, "it panicked: three"));
    assert_eq!(derived.get().as_deref(), Some(&2));
    assert_eq!(handle.reports().report().refused_revision, 3);
    handle.put(live(4));
    let built = status.wait_for(|status| status.built == 4);
    timeout(PATIENCE, built)
        .await
        .expect("in time")
        .expect("lives");
    shutdown.cancel();
    tasks.join_all().await;
}

#[tokio::test]
async fn another_input_builds_again_from_the_same_release() {
    let handle = ReleaseHandle::fixed(live(2));
    let shutdown = CancellationToken::new();
    let (inputs, counter) = (Arc::new(Notify::new()), Arc::new(AtomicI64::new(5)));
    let counted = Arc::clone(&counter);
    let build = move |live: &Arc<Live>, before: Option<Arc<Vec<i64>>>| {
        let mut made = before.map_or_else(Vec::new, |before| before.to_vec());
        made.push(live.revision() * counted.load(Ordering::SeqCst));
        Ok::<_, String>(made)
    };
    let (derived, run) = Derived::follow_with(
        "counts",
        handle.clone(),
        Arc::clone(&inputs),
        build,
        shutdown.clone(),
    );
    assert_eq!(derived.get().expect("built").to_vec(), [10]);
    let mut tasks = JoinSet::new();
    tasks.spawn(run);
    let mut status = derived.status();
    counter.store(7, Ordering::SeqCst);
    inputs.notify_one();
    timeout(PATIENCE, status.changed())
        .await
        .expect("in time")
        .expect("lives");
    assert_eq!(derived.get().expect("built").to_vec(), [10, 14]);
    shutdown.cancel();
    tasks.join_all().await;
}
