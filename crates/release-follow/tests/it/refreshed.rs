//! A value that is read again and again: the last reading that worked stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use fairlead_release::Live;
use fairlead_release_follow::{RefreshOptions, Refreshed, ReleaseHandle};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::releases::{PATIENCE, live};

async fn until(inputs: &Notify, wanted: impl Fn() -> bool) {
    let waiting = async {
        while !wanted() {
            inputs.notified().await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("in time");
}

#[tokio::test]
async fn a_reading_that_fails_keeps_the_last_one() {
    let (handle, inputs) = (ReleaseHandle::empty(), Arc::new(Notify::new()));
    let fails = Arc::new(AtomicBool::new(false));
    let failing = Arc::clone(&fails);
    let read = move |live: Arc<Live>| {
        let fails = failing.load(Ordering::SeqCst);
        async move {
            if fails {
                return Err("the store is away");
            }
            Ok(live.revision())
        }
    };
    // Never again but for a release: what is read was read because of one.
    let options = RefreshOptions {
        name: "numbers",
        every: Duration::from_hours(1),
        failures: "test_failures_total",
    };
    let (refreshed, run) = Refreshed::follow(options, handle.clone(), Arc::clone(&inputs), read);
    let mut tasks = JoinSet::new();
    tasks.spawn(run);
    assert_eq!(*refreshed.get(), 0);
    handle.put(live(2));
    until(&inputs, || *refreshed.get() == 2).await;
    fails.store(true, Ordering::SeqCst);
    handle.put(live(3));
    // A reading that failed is told too: what was read before has grown older.
    timeout(PATIENCE, inputs.notified()).await.expect("in time");
    assert_eq!(*refreshed.get(), 2);
    fails.store(false, Ordering::SeqCst);
    handle.put(live(4));
    until(&inputs, || *refreshed.get() == 4).await;
}

#[tokio::test]
async fn it_is_read_again_every_so_often() {
    let (handle, inputs) = (ReleaseHandle::fixed(live(1)), Arc::new(Notify::new()));
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let read = move |_| {
        let count = counted.fetch_add(1, Ordering::SeqCst) + 1;
        async move { Ok::<_, String>(count) }
    };
    let options = RefreshOptions {
        name: "numbers",
        every: Duration::from_millis(1),
        failures: "test_failures_total",
    };
    let (refreshed, run) = Refreshed::follow(options, handle, Arc::clone(&inputs), read);
    let mut tasks = JoinSet::new();
    tasks.spawn(run);
    until(&inputs, || *refreshed.get() >= 3).await;
}
