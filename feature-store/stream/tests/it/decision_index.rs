//! The index of decision records over real logs and stores.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::{Clock as _, SystemClock};
use fairlead_domain::{RequestId, TenantId};
use fairlead_event_log::{
    EmbeddedEventLog, EmbeddedOptions, EventLog, KafkaEventLog, KafkaOptions, Record, TopicSpec,
    partition_for,
};
use fairlead_online::{DecisionIndex, FeatureStore, IndexLookup, MemoryStore, OnlineStore};
use fairlead_registry::Registry;
use fairlead_stream::{DECISIONS_TOPIC, DecisionIndexer, Error, IndexerConfig};
use fairlead_testkit::{Durability, KafkaBroker, RedisServer};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PARTITIONS: i32 = 3;
const RETENTION: Duration = Duration::from_hours(24);
const PATIENCE: Duration = Duration::from_mins(1);

/// A log with decision records, and their index.
struct Setup {
    log: Arc<dyn EventLog>,
    index: DecisionIndex,
    _folder: tempfile::TempDir,
}

/// A running indexer.
struct Indexing {
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Setup {
    async fn embedded(store: Arc<dyn FeatureStore>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let log = EmbeddedEventLog::open(EmbeddedOptions::new(folder.path())).await?;
        Ok(Self {
            log: Arc::new(log),
            index: DecisionIndex::new(store, "test"),
            _folder: folder,
        })
    }

    async fn make_topic(&self) -> anyhow::Result<()> {
        let spec = TopicSpec {
            partitions: PARTITIONS,
            retention: RETENTION,
        };
        Ok(self.log.create_topic(DECISIONS_TOPIC, spec).await?)
    }

    fn start(&self) -> Indexing {
        let config = IndexerConfig {
            group: "indexer".to_owned(),
            retention: RETENTION,
        };
        let (log, index) = (self.log.clone(), self.index.clone());
        let indexer = DecisionIndexer::new(config, log, index, Arc::new(SystemClock));
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        #[expect(clippy::disallowed_methods, reason = "awaited by `Indexing::stop`")]
        let task = tokio::spawn(indexer.run(stop));
        Indexing { shutdown, task }
    }

    /// Appends records of requests `NAME-0`, `NAME-1`, ..., whose age is `age`.
    async fn append(&self, name: &str, count: usize, age: Duration) -> anyhow::Result<()> {
        let record = |number| {
            let mut record = Record::new(format!("acme/{name}-{number}"), "a record");
            record.timestamp_ms = SystemClock.now_ms() - age.as_millis() as i64;
            record
        };
        let records = (0..count).map(record).collect();
        self.log.append(DECISIONS_TOPIC, records).await?;
        Ok(())
    }

    async fn find(&self, tenant: &str, request_id: &str) -> anyhow::Result<IndexLookup> {
        let key = format!("{tenant}/{request_id}");
        let partition = partition_for(key.as_bytes(), PARTITIONS);
        let (tenant, request_id) = (TenantId::new(tenant)?, RequestId::new(request_id)?);
        Ok(self.index.find(&tenant, &request_id, partition).await?)
    }

    /// Waits until the index has every record of the log that is kept, and checks each entry.
    async fn complete(&self) -> anyhow::Result<()> {
        let ends = self.log.end_offsets(DECISIONS_TOPIC).await?;
        let partitions: Vec<i32> = ends.iter().map(|end| end.partition).collect();
        let waiting = async {
            loop {
                // While the store is away there is no progress.
                let progress = self.index.progress(&partitions).await.unwrap_or_default();
                let reached = progress.iter().zip(&ends).all(|(progress, end)| {
                    end.offset == 0 || progress.is_some_and(|it| it.last_offset + 1 == end.offset)
                });
                if progress.len() == ends.len() && reached {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await?;
        for end in ends {
            let from = fairlead_event_log::Position {
                partition: end.partition,
                offset: 0,
            };
            let records = self.log.read(DECISIONS_TOPIC, from, 10_000).await?;
            assert_eq!(records.len() as i64, end.offset, "all are read at once");
            for one in records {
                let key = String::from_utf8(one.record.key.to_vec())?;
                let Some(("acme", request_id)) = key.split_once('/') else {
                    continue;
                };
                let found = self.find("acme", request_id).await?;
                assert_eq!(found.offset, Some(one.position.offset), "{key}");
            }
        }
        Ok(())
    }
}

impl Indexing {
    async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        Ok(self.task.await??)
    }
}

#[tokio::test]
async fn every_record_is_indexed_and_no_other_tenant_finds_it() -> anyhow::Result<()> {
    let setup = Setup::embedded(Arc::new(MemoryStore::new(Registry::builtin()))).await?;
    // The gateway makes the topic, and may start later.
    let indexing = setup.start();
    setup.make_topic().await?;
    let strange = vec![Record::new("no slash", "x"), Record::new("a b/c", "x")];
    setup.log.append(DECISIONS_TOPIC, strange).await?;
    setup.append("r", 500, Duration::ZERO).await?;
    setup.complete().await?;
    assert!(setup.find("acme", "r-7").await?.offset.is_some());
    assert_eq!(setup.find("other", "r-7").await?.offset, None);
    assert_eq!(setup.find("acme", "never").await?.offset, None);
    indexing.stop().await
}

#[tokio::test]
async fn an_entry_is_kept_as_long_as_the_log_keeps_its_record() -> anyhow::Result<()> {
    let setup = Setup::embedded(Arc::new(MemoryStore::new(Registry::builtin()))).await?;
    setup.make_topic().await?;
    setup.append("new", 1, Duration::ZERO).await?;
    setup
        .append("old", 1, RETENTION + Duration::from_mins(1))
        .await?;
    setup.append("last", 20, Duration::ZERO).await?;
    let indexing = setup.start();
    let last = async {
        while setup.find("acme", "last-19").await?.offset.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, last).await??;
    indexing.stop().await?;
    assert_eq!(setup.find("acme", "old-0").await?.offset, None);
    Ok(())
}

#[tokio::test]
async fn a_redis_that_lost_everything_is_filled_from_the_log_without_a_new_record()
-> anyhow::Result<()> {
    let mut server = RedisServer::start_with(Durability::Volatile)?;
    let store = OnlineStore::connect(&server.url()).await?;
    let setup = Setup::embedded(Arc::new(store)).await?;
    setup.make_topic().await?;
    setup.append("r", 2_000, Duration::ZERO).await?;
    let indexing = setup.start();
    setup.complete().await?;
    server.kill9()?;
    server.restart()?;
    setup.complete().await?;
    indexing.stop().await?;
    // What a stopped indexer missed is read by the next one.
    setup.append("later", 100, Duration::ZERO).await?;
    let indexing = setup.start();
    setup.complete().await?;
    indexing.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_indexers_share_the_partitions_of_a_kafka_topic() -> anyhow::Result<()> {
    let broker = tokio::task::spawn_blocking(KafkaBroker::start).await??;
    let log = KafkaEventLog::connect(KafkaOptions::new(broker.bootstrap())).await?;
    let server = RedisServer::start()?;
    let store = OnlineStore::connect(&server.url()).await?;
    let setup = Setup {
        log: Arc::new(log),
        ..Setup::embedded(Arc::new(store)).await?
    };
    setup.make_topic().await?;
    setup.append("r", 300, Duration::ZERO).await?;
    let first = setup.start();
    setup.complete().await?;
    let second = setup.start();
    setup.append("s", 300, Duration::ZERO).await?;
    setup.complete().await?;
    first.stop().await?;
    setup.append("t", 300, Duration::ZERO).await?;
    setup.complete().await?;
    second.stop().await
}
