//! The stream over a real Redis that is killed, restarted and emptied while it runs.

use std::sync::Arc;

use fairlead_online::{FeatureStore, OnlineStore};
use fairlead_testkit::{Durability, RedisServer};

use crate::fixture::{Fixture, events};
use crate::stores::FlakyStore;

async fn connect(server: &RedisServer) -> anyhow::Result<Arc<dyn FeatureStore>> {
    Ok(Arc::new(OnlineStore::connect(&server.url()).await?))
}

#[tokio::test]
async fn redis_ends_with_the_exact_fold_of_the_log() -> anyhow::Result<()> {
    let server = RedisServer::start()?;
    let store = connect(&server).await?;
    let fixture = Fixture::new().await?;
    fixture.append(&events(500, 5_000, 300)).await?;
    let mut running = fixture.start(store.clone(), |config| config.batch_records = 1_000)?;
    running.caught_up(&fixture).await?;
    running.stop().await?;
    fixture.assert_folded(&*store).await
}

#[tokio::test]
async fn killed_streams_over_redis_count_no_event_twice() -> anyhow::Result<()> {
    let server = RedisServer::start()?;
    let store = connect(&server).await?;
    let fixture = Fixture::new().await?;
    fixture.append(&events(501, 3_000, 8)).await?;
    let flaky = Arc::new(FlakyStore::new(store.clone(), 5));
    loop {
        let mut running = fixture.start(flaky.clone(), |_| {})?;
        tokio::select! {
            () = flaky.hangs.notified() => running.kill().await,
            reached = running.caught_up(&fixture) => {
                reached?;
                running.stop().await?;
                break;
            }
        }
    }
    fixture.assert_folded(&*store).await
}

#[tokio::test]
async fn the_stream_waits_for_a_redis_that_restarts() -> anyhow::Result<()> {
    let mut server = RedisServer::start_with(Durability::AppendOnly)?;
    let store = connect(&server).await?;
    let fixture = Fixture::new().await?;
    fixture.append(&events(502, 3_000, 12)).await?;
    let mut running = fixture.start(store.clone(), |config| {
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
        fixture.append(&events(600 + round, 1_000, 12)).await?;
        running
            .until("it noticed", |progress| progress.resyncs > before.resyncs)
            .await?;
        server.restart()?;
    }
    running.caught_up(&fixture).await?;
    running.stop().await?;
    fixture.assert_folded(&*store).await
}

#[tokio::test]
async fn a_redis_that_lost_everything_is_filled_from_the_log() -> anyhow::Result<()> {
    let mut server = RedisServer::start_with(Durability::Volatile)?;
    let store = connect(&server).await?;
    let fixture = Fixture::new().await?;
    fixture.append(&events(503, 3_000, 12)).await?;
    let mut running = fixture.start(store.clone(), |_| {})?;
    let ends = fixture.ends().await?;
    running
        .until("all is committed", |progress| progress.settled(&ends))
        .await?;
    server.kill9()?;
    server.restart()?;
    fixture.append(&events(504, 10, 12)).await?;
    running
        .until("it noticed", |progress| progress.resyncs > 0)
        .await?;
    running.caught_up(&fixture).await?;
    running.stop().await?;
    fixture.assert_folded(&*store).await
}

#[tokio::test]
async fn without_redis_the_stream_waits_and_can_be_stopped() -> anyhow::Result<()> {
    let mut server = RedisServer::start()?;
    let store = connect(&server).await?;
    server.kill9()?;
    let fixture = Fixture::new().await?;
    fixture.append(&events(505, 100, 10)).await?;
    let mut running = fixture.start(store, |_| {})?;
    running
        .until("it tried", |progress| progress.resyncs > 0)
        .await?;
    running.stop().await
}
