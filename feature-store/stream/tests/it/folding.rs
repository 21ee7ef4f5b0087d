//! Folding without faults, concurrent streams, and settings.

use std::sync::Arc;

use fairlead_chassis::clock::ManualClock;
use fairlead_online::{FeatureStore, MemoryStore};
use fairlead_stream::{Config, Deps, Error, Stream};
use tokio_util::sync::CancellationToken;

use crate::fixture::{Fixture, NOW, click, events};

fn memory() -> Arc<dyn FeatureStore> {
    Arc::new(MemoryStore::new(fairlead_registry::Registry::builtin()))
}

#[tokio::test]
async fn the_store_ends_with_the_exact_fold_of_the_log() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let store = memory();
    fixture.append(&events(1, 3_000, 150)).await?;
    let mut running = fixture.start(store.clone(), |_| {})?;
    running.caught_up(&fixture).await?;
    fixture.append(&events(2, 2_000, 150)).await?;
    running.caught_up(&fixture).await?;
    let counts = running.progress.now().counts;
    running.stop().await?;
    fixture.assert_folded(&*store).await?;
    let seen = counts.applied + counts.duplicates + counts.too_late + counts.irrelevant;
    assert_eq!(seen, 5_000, "{counts:?}");
    assert!(counts.duplicates > 100, "{counts:?}");
    assert_eq!((counts.replayed, counts.dead_lettered), (0, 0));
    Ok(())
}

#[tokio::test]
async fn the_fold_does_not_depend_on_the_cache_size() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    fixture.append(&events(3, 2_000, 40)).await?;
    for cached in [0, 7] {
        let store = memory();
        let mut running = fixture.start(store.clone(), |config| {
            config.cached_entities = cached;
            config.group = format!("cached-{cached}");
        })?;
        running.caught_up(&fixture).await?;
        running.stop().await?;
        fixture.assert_folded(&*store).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_stopped_stream_has_committed_and_the_next_continues_there() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let store = memory();
    fixture.append(&events(4, 1_000, 50)).await?;
    let mut running = fixture.start(store.clone(), |_| {})?;
    running.caught_up(&fixture).await?;
    running.stop().await?;
    fixture.append(&events(5, 500, 50)).await?;
    let mut running = fixture.start(store.clone(), |_| {})?;
    running.caught_up(&fixture).await?;
    let counts = running.progress.now().counts;
    running.stop().await?;
    assert_eq!(counts.replayed, 0, "nothing was read twice");
    fixture.assert_folded(&*store).await
}

#[tokio::test]
async fn offsets_are_committed_only_after_the_lag() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let store = memory();
    fixture.append(&events(6, 400, 50)).await?;
    let mut running = fixture.start(store.clone(), |config| config.commit_lag_ms = 600_000)?;
    running.caught_up(&fixture).await?;
    let ends = fixture.ends().await?;
    assert!(!running.progress.now().settled(&ends));
    running.stop().await?;
    // All records are read again and change nothing.
    let mut running = fixture.start(store.clone(), |_| {})?;
    running
        .until("all is safe", |progress| progress.settled(&ends))
        .await?;
    let counts = running.progress.now().counts;
    assert_eq!(counts.applied, 0, "{counts:?}");
    assert!(counts.replayed > 300, "{counts:?}");
    running.stop().await?;
    fixture.assert_folded(&*store).await
}

#[tokio::test]
async fn two_streams_over_one_store_count_no_event_twice() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let store = memory();
    fixture.append(&events(7, 4_000, 8)).await?;
    // Two groups: each owns all partitions, as an owner and a zombie do.
    let mut one = fixture.start(store.clone(), |config| {
        config.group = "one".into();
        config.batch_records = 37;
    })?;
    let mut other = fixture.start(store.clone(), |config| {
        config.group = "other".into();
        config.batch_records = 53;
    })?;
    one.caught_up(&fixture).await?;
    other.caught_up(&fixture).await?;
    one.stop().await?;
    other.stop().await?;
    fixture.assert_folded(&*store).await
}

#[tokio::test]
async fn members_that_join_and_leave_share_the_work() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let store = memory();
    fixture.append(&events(8, 2_000, 8)).await?;
    let mut first = fixture.start(store.clone(), |config| config.batch_records = 20)?;
    first
        .until("some are applied", |progress| progress.counts.applied > 200)
        .await?;
    let mut second = fixture.start(store.clone(), |_| {})?;
    second
        .until("it owns a partition", |progress| !progress.next.is_empty())
        .await?;
    fixture.append(&events(9, 2_000, 8)).await?;
    first.kill().await;
    second.caught_up(&fixture).await?;
    second.stop().await?;
    fixture.assert_folded(&*store).await
}

#[tokio::test]
async fn a_new_log_name_starts_beside_the_old_log() -> anyhow::Result<()> {
    let store = memory();
    let old = Fixture::new().await?;
    old.append(&[click("a", "anna", "P-1"), click("b", "anna", "P-1")])
        .await?;
    let mut running = old.start(store.clone(), |_| {})?;
    running.caught_up(&old).await?;
    running.stop().await?;

    // A new log, shorter than what was applied.
    let new = Fixture::new().await?;
    let error = new.start(store.clone(), |_| {})?.ends().await?;
    assert!(matches!(error, Error::LogWentBack { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("fairlead.events.v1") && text.contains("stream.log_name"),
        "{text}"
    );

    new.append(&[click("c", "anna", "P-1")]).await?;
    let mut running = new.start(store.clone(), |config| config.log_name = "second".into())?;
    running.caught_up(&new).await?;
    running.stop().await?;
    let tenant = fairlead_domain::TenantId::new("acme")?;
    let anna = fairlead_domain::CustomerId::new("anna")?;
    let state = store.read_customer(&tenant, &anna).await?.expect("applied");
    let set = new
        .registry
        .features_at(&state, NOW, fairlead_registry::Purpose::Recommend);
    let reader = fairlead_registry::FeatureReader::new(&new.registry, &set)?;
    assert_eq!(reader.number("clicks_1h"), Some(3.0));
    Ok(())
}

#[tokio::test]
async fn settings_out_of_range_are_refused_before_the_run() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let deps = Deps {
        provenance: fixture.provenance.clone(),
        log: fixture.log.clone(),
        store: memory(),
        registry: fixture.registry.clone(),
        clock: Arc::new(ManualClock::at(NOW)),
    };
    let config = Config {
        poll_wait_ms: 0,
        ..Config::default()
    };
    let error = Stream::new(config, deps.clone())
        .err()
        .expect("out of range");
    assert_eq!(
        error.to_string(),
        "stream.poll_wait_ms `0` is not allowed: 1 to 1000"
    );

    let config = Config {
        topic: "no.such.topic".into(),
        ..Config::default()
    };
    let stream = Stream::new(config, deps)?;
    let error = stream.run(CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("no.such.topic"), "{error}");
    Ok(())
}
