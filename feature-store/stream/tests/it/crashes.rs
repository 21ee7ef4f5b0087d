//! Effectively once: streams killed at any point and replayed from any offset, over a store that
//! fails, hangs and loses writes. A few customers have many events each, so that the ring of recent
//! event ids cannot hide a double count.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fairlead_online::{FeatureStore, MemoryStore};
use fairlead_registry::Registry;

use crate::fixture::{Fixture, events};
use crate::stores::{FlakyStore, LossyStore};

/// Runs the stream until everything is visible, killing it wherever the store hangs.
async fn run_to_the_end(
    fixture: &Fixture,
    store: &Arc<FlakyStore>,
    commit_lag_ms: u64,
) -> anyhow::Result<usize> {
    let mut kills = 0;
    loop {
        let mut running =
            fixture.start(store.clone(), |config| config.commit_lag_ms = commit_lag_ms)?;
        tokio::select! {
            () = store.hangs.notified() => {
                running.kill().await;
                kills += 1;
            }
            reached = running.caught_up(fixture) => {
                reached?;
                running.kill().await;
                return Ok(kills);
            }
        }
        if kills == 40 {
            // Enough kills; let the stream finish.
            store.on.store(false, Ordering::SeqCst);
        }
    }
}

#[tokio::test]
async fn killed_at_any_point_the_stream_still_ends_with_the_exact_fold() -> anyhow::Result<()> {
    let (mut kills, mut faults) = (0, 0);
    for seed in 0..6 {
        let fixture = Fixture::new().await?;
        fixture.append(&events(100 + seed, 3_000, 8)).await?;
        let memory: Arc<dyn FeatureStore> = Arc::new(MemoryStore::new(Registry::builtin()));
        let store = Arc::new(FlakyStore::new(memory.clone(), seed));
        // A long lag replays much, no lag replays little.
        let lag = if seed % 2 == 0 { 0 } else { 600_000 };
        kills += run_to_the_end(&fixture, &store, lag).await?;
        faults += store.faults.load(Ordering::SeqCst);
        fixture.assert_folded(&*memory).await?;
    }
    assert!(
        kills >= 6 && faults > kills,
        "{kills} kills, {faults} faults are too few to test anything"
    );
    Ok(())
}

#[tokio::test]
async fn a_zombie_beside_the_owner_changes_nothing() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    fixture.append(&events(200, 3_000, 8)).await?;
    let memory: Arc<dyn FeatureStore> = Arc::new(MemoryStore::new(Registry::builtin()));
    let store = Arc::new(FlakyStore::new(memory.clone(), 9));
    // The zombie writes the same entities with offsets both behind and ahead.
    let zombie = fixture.start(memory.clone(), |config| {
        config.group = "zombie".into();
        config.batch_records = 17;
        config.poll_wait_ms = 1;
    })?;
    run_to_the_end(&fixture, &store, 0).await?;
    zombie.kill().await;
    fixture.assert_folded(&*memory).await
}

#[tokio::test]
async fn writes_that_the_store_lost_are_read_again() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let store = Arc::new(LossyStore::new());
    fixture.append(&events(300, 2_000, 6)).await?;
    // With this lag no offset becomes safe, so everything that the store loses is read again.
    let mut running = fixture.start(store.clone(), |config| config.commit_lag_ms = 600_000)?;
    running.caught_up(&fixture).await?;
    for (round, share) in [(0, 10), (1, 3), (2, 2)] {
        let writes = store.lose(0).await;
        store.lose(writes / share).await;
        fixture.append(&events(301 + round, 300, 6)).await?;
        running.caught_up(&fixture).await?;
    }
    let resyncs = running.progress.now().resyncs;
    running.stop().await?;
    assert!(resyncs >= 3, "{resyncs}");
    fixture.assert_folded(&*store).await
}

#[tokio::test]
async fn an_emptied_store_is_filled_again() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let store = Arc::new(LossyStore::new());
    fixture.append(&events(400, 1_500, 6)).await?;
    let mut running = fixture.start(store.clone(), |_| {})?;
    let ends = fixture.ends().await?;
    running
        .until("all is committed", |progress| progress.settled(&ends))
        .await?;
    store.lose(usize::MAX).await;
    // The stream notices with the next event and reads everything that the log keeps.
    fixture.append(&events(401, 1, 6)).await?;
    running
        .until("it began again", |progress| progress.resyncs > 0)
        .await?;
    running.caught_up(&fixture).await?;
    running.stop().await?;
    fixture.assert_folded(&*store).await?;

    // The same while the stream is down.
    store.lose(usize::MAX).await;
    let mut running = fixture.start(store.clone(), |_| {})?;
    running.caught_up(&fixture).await?;
    running.stop().await?;
    fixture.assert_folded(&*store).await
}
