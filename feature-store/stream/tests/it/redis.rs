//! The stream over a real Redis that is killed, restarted and emptied under it.

use std::sync::Arc;

use fairlead_online::{FeatureStore, OnlineStore};
use fairlead_testkit::{Durability, RedisServer};

use crate::stores::Flaky;
use crate::world::{World, events};

async fn connect(server: &RedisServer) -> anyhow::Result<Arc<dyn FeatureStore>> {
    Ok(Arc::new(OnlineStore::connect(&server.url()).await?))
}

#[tokio::test]
async fn the_log_ends_in_redis_as_a_straight_fold() -> anyhow::Result<()> {
    let server = RedisServer::start()?;
    let store = connect(&server).await?;
    let world = World::new().await?;
    world.append(&events(500, 5_000, 300)).await?;
    let mut running = world.start(store.clone(), |config| config.batch_records = 1_000)?;
    running.caught_up(&world).await?;
    running.stop().await?;
    world.assert_folded(&*store).await
}

#[tokio::test]
async fn killed_streams_over_redis_count_nothing_twice() -> anyhow::Result<()> {
    let server = RedisServer::start()?;
    let store = connect(&server).await?;
    let world = World::new().await?;
    world.append(&events(501, 3_000, 8)).await?;
    let flaky = Arc::new(Flaky::new(store.clone(), 5));
    loop {
        let mut running = world.start(flaky.clone(), |_| {})?;
        tokio::select! {
            () = flaky.hangs.notified() => running.kill().await,
            reached = running.caught_up(&world) => {
                reached?;
                running.stop().await?;
                break;
            }
        }
    }
    world.assert_folded(&*store).await
}

#[tokio::test]
async fn a_redis_that_dies_and_comes_back_is_waited_for() -> anyhow::Result<()> {
    let mut server = RedisServer::start_with(Durability::AppendOnly)?;
    let store = connect(&server).await?;
    let world = World::new().await?;
    world.append(&events(502, 3_000, 12)).await?;
    let mut running = world.start(store.clone(), |config| {
        config.batch_records = 50;
        config.commit_lag_ms = 2_000;
    })?;
    for round in 0..3_u64 {
        let before = running.progress.now();
        running
            .until("some more are applied", |progress| {
                progress.counts.applied >= before.counts.applied + 200
            })
            .await?;
        server.kill9()?;
        world.append(&events(600 + round, 1_000, 12)).await?;
        running
            .until("it noticed", |progress| progress.resyncs > before.resyncs)
            .await?;
        server.restart()?;
    }
    running.caught_up(&world).await?;
    running.stop().await?;
    world.assert_folded(&*store).await
}

#[tokio::test]
async fn a_redis_that_forgot_everything_is_filled_from_the_log() -> anyhow::Result<()> {
    let mut server = RedisServer::start_with(Durability::Volatile)?;
    let store = connect(&server).await?;
    let world = World::new().await?;
    world.append(&events(503, 3_000, 12)).await?;
    let mut running = world.start(store.clone(), |_| {})?;
    let ends = world.ends().await?;
    running
        .until("all is committed", |progress| progress.settled(&ends))
        .await?;
    server.kill9()?;
    server.restart()?;
    world.append(&events(504, 10, 12)).await?;
    running
        .until("it noticed", |progress| progress.resyncs > 0)
        .await?;
    running.caught_up(&world).await?;
    running.stop().await?;
    world.assert_folded(&*store).await
}

#[tokio::test]
async fn without_redis_the_stream_waits_and_can_be_stopped() -> anyhow::Result<()> {
    let mut server = RedisServer::start()?;
    let store = connect(&server).await?;
    server.kill9()?;
    let world = World::new().await?;
    world.append(&events(505, 100, 10)).await?;
    let mut running = world.start(store, |_| {})?;
    running
        .until("it tried", |progress| progress.resyncs > 0)
        .await?;
    running.stop().await
}
