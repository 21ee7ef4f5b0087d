//! The stream between a real Apache Kafka and a real Redis.

use std::sync::Arc;

use fairlead_event_log::{KafkaEventLog, KafkaOptions, Record};
use fairlead_online::{FeatureStore, OnlineStore};
use fairlead_stream::{EVENTS_TOPIC, MAX_PAYLOAD_BYTES};
use fairlead_testkit::{KafkaBroker, RedisServer};

use crate::dead_letters::letters;
use crate::world::{World, events};

#[tokio::test(flavor = "multi_thread")]
async fn junk_rebalances_and_kills_on_kafka_change_nothing() -> anyhow::Result<()> {
    let broker = tokio::task::spawn_blocking(KafkaBroker::start).await??;
    let log = KafkaEventLog::connect(KafkaOptions::new(broker.bootstrap())).await?;
    let world = World::over(Arc::new(log)).await?;
    let server = RedisServer::start()?;
    let store: Arc<dyn FeatureStore> = Arc::new(OnlineStore::connect(&server.url()).await?);

    let junk = Record::new("acme/c1", vec![0xff_u8; 999_000]);
    world.log.append(EVENTS_TOPIC, vec![junk]).await?;
    world.append(&events(800, 3_000, 10)).await?;
    let mut first = world.start(store.clone(), |config| config.batch_records = 50)?;
    first
        .until("some are applied", |progress| progress.counts.applied > 300)
        .await?;
    let mut second = world.start(store.clone(), |config| config.batch_records = 70)?;
    second
        .until("it owns a part", |progress| !progress.next.is_empty())
        .await?;
    world.append(&events(801, 3_000, 10)).await?;
    first.kill().await;
    second.caught_up(&world).await?;
    let ends = world.ends().await?;
    second
        .until("all is committed", |progress| progress.settled(&ends))
        .await?;
    second.stop().await?;
    world.assert_folded(&*store).await?;

    let letters = letters(&world).await?;
    assert!(!letters.is_empty(), "the junk was set aside");
    for (_, letter) in &letters {
        // Once, or more often where its reader was killed before it could note that.
        assert_eq!(letter.payload_length, 999_000);
        assert_eq!(letter.payload.len(), MAX_PAYLOAD_BYTES);
    }
    Ok(())
}
