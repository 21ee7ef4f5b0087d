//! Effectively once: killed anywhere, replayed from anywhere, over a store that breaks, hangs and
//! forgets. Few customers with many events each: the ring of recent event ids hides no double count.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fairlead_online::{FeatureStore, MemoryStore};
use fairlead_registry::Registry;

use crate::stores::{Flaky, Forgetful};
use crate::world::{World, events};

/// Runs the stream until everything is visible, killing it wherever the store hangs.
async fn run_to_the_end(
    world: &World,
    store: &Arc<Flaky>,
    commit_lag_ms: u64,
) -> anyhow::Result<usize> {
    let mut kills = 0;
    loop {
        let mut running =
            world.start(store.clone(), |config| config.commit_lag_ms = commit_lag_ms)?;
        tokio::select! {
            () = store.hangs.notified() => {
                running.kill().await;
                kills += 1;
            }
            reached = running.caught_up(world) => {
                reached?;
                running.kill().await;
                return Ok(kills);
            }
        }
        if kills == 40 {
            // Enough was seen; let it come to its end.
            store.on.store(false, Ordering::SeqCst);
        }
    }
}

#[tokio::test]
async fn killed_at_any_point_every_entity_ends_as_the_straight_fold() -> anyhow::Result<()> {
    let (mut kills, mut faults) = (0, 0);
    for seed in 0..6 {
        let world = World::new().await?;
        world.append(&events(100 + seed, 3_000, 8)).await?;
        let memory: Arc<dyn FeatureStore> = Arc::new(MemoryStore::new(Registry::builtin()));
        let store = Arc::new(Flaky::new(memory.clone(), seed));
        // Long lags replay a lot, none replays little.
        let lag = if seed % 2 == 0 { 0 } else { 600_000 };
        kills += run_to_the_end(&world, &store, lag).await?;
        faults += store.faults.load(Ordering::SeqCst);
        world.assert_folded(&*memory).await?;
    }
    assert!(
        kills >= 6 && faults > kills,
        "{kills} kills, {faults} faults: the test tests nothing"
    );
    Ok(())
}

#[tokio::test]
async fn a_zombie_beside_the_owner_changes_nothing() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.append(&events(200, 3_000, 8)).await?;
    let memory: Arc<dyn FeatureStore> = Arc::new(MemoryStore::new(Registry::builtin()));
    let store = Arc::new(Flaky::new(memory.clone(), 9));
    // The zombie runs over the same entities with marks that fall behind and run ahead.
    let zombie = world.start(memory.clone(), |config| {
        config.group = "zombie".into();
        config.batch_records = 17;
        config.poll_wait_ms = 1;
    })?;
    run_to_the_end(&world, &store, 0).await?;
    zombie.kill().await;
    world.assert_folded(&*memory).await
}

#[tokio::test]
async fn what_the_store_forgot_is_read_again() -> anyhow::Result<()> {
    let world = World::new().await?;
    let store = Arc::new(Forgetful::new());
    world.append(&events(300, 2_000, 6)).await?;
    // Nothing counts as safe: all that the store loses lies behind what is safe.
    let mut running = world.start(store.clone(), |config| config.commit_lag_ms = 600_000)?;
    running.caught_up(&world).await?;
    for (round, share) in [(0, 10), (1, 3), (2, 2)] {
        let had = store.lose(0).await;
        store.lose(had / share).await;
        world.append(&events(301 + round, 300, 6)).await?;
        running.caught_up(&world).await?;
    }
    let resyncs = running.progress.now().resyncs;
    running.stop().await?;
    assert!(resyncs >= 3, "{resyncs}");
    world.assert_folded(&*store).await
}

#[tokio::test]
async fn a_store_that_was_emptied_is_filled_again() -> anyhow::Result<()> {
    let world = World::new().await?;
    let store = Arc::new(Forgetful::new());
    world.append(&events(400, 1_500, 6)).await?;
    let mut running = world.start(store.clone(), |_| {})?;
    let ends = world.ends().await?;
    running
        .until("all is committed", |progress| progress.settled(&ends))
        .await?;
    store.lose(usize::MAX).await;
    // Noticed with the next event; everything kept in the log comes back.
    world.append(&events(401, 1, 6)).await?;
    running
        .until("it began again", |progress| progress.resyncs > 0)
        .await?;
    running.caught_up(&world).await?;
    running.stop().await?;
    world.assert_folded(&*store).await?;

    // And when the stream was down meanwhile.
    store.lose(usize::MAX).await;
    let mut running = world.start(store.clone(), |_| {})?;
    running.caught_up(&world).await?;
    running.stop().await?;
    world.assert_folded(&*store).await
}
