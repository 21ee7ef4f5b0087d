//! The stream between a real Apache Kafka and a real Redis.

use std::sync::Arc;

use fairlead_event_log::{KafkaEventLog, KafkaOptions, Record};
use fairlead_online::{FeatureStore, OnlineStore};
use fairlead_stream::{EVENTS_TOPIC, MAX_PAYLOAD_BYTES};
use fairlead_testkit::{KafkaBroker, RedisServer};

use crate::dead_letters::letters;
use crate::fixture::{Fixture, events};

#[tokio::test(flavor = "multi_thread")]
async fn the_fold_is_exact_on_kafka_despite_invalid_records_rebalances_and_kills()
-> anyhow::Result<()> {
    let broker = tokio::task::spawn_blocking(KafkaBroker::start).await??;
    let log = KafkaEventLog::connect(KafkaOptions::new(broker.bootstrap())).await?;
    let fixture = Fixture::over(Arc::new(log)).await?;
    let server = RedisServer::start()?;
    let store: Arc<dyn FeatureStore> = Arc::new(OnlineStore::connect(&server.url()).await?);

    let invalid = Record::new("acme/c1", vec![0xff_u8; 999_000]);
    fixture.log.append(EVENTS_TOPIC, vec![invalid]).await?;
    fixture.append(&events(800, 3_000, 10)).await?;
    let mut first = fixture.start(store.clone(), |config| config.batch_records = 50)?;
    first
        .until("some are applied", |progress| progress.counts.applied > 300)
        .await?;
    let mut second = fixture.start(store.clone(), |config| config.batch_records = 70)?;
    second
        .until("it owns a partition", |progress| !progress.next.is_empty())
        .await?;
    fixture.append(&events(801, 3_000, 10)).await?;
    first.kill().await;
    second.caught_up(&fixture).await?;
    let ends = fixture.ends().await?;
    second
        .until("all is committed", |progress| progress.settled(&ends))
        .await?;
    second.stop().await?;
    fixture.assert_folded(&*store).await?;

    let letters = letters(&fixture).await?;
    assert!(
        !letters.is_empty(),
        "the invalid record became a dead letter"
    );
    for (_, letter) in &letters {
        // More than one, if a stream was killed before it wrote its checkpoint.
        assert_eq!(letter.payload_length, 999_000);
        assert_eq!(letter.payload.len(), MAX_PAYLOAD_BYTES);
    }
    Ok(())
}
