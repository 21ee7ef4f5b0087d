//! The records that tests write, and two readers of the lake.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use datafusion::arrow::array::{AsArray as _, RecordBatch};
use datafusion::arrow::datatypes::{Int32Type, Int64Type};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use fairlead_chassis::clock::{Clock, ManualClock};
use fairlead_event_log::{
    EmbeddedEventLog, EmbeddedOptions, EventLog, Position, Record, TopicSpec,
};
use fairlead_lake::{
    ACCEPTANCES_TOPIC, Config, DECISIONS_TOPIC, Deps, EVENTS_TOPIC, FileName, Query, Store, Topics,
    catch_up,
};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::decision::v1::{DecidedCandidate, DecisionRecord};
use fairlead_proto::event::v1::attribute_value::Value;
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind};
use fairlead_proto::money::v1::Money;
use fairlead_proto::pricing::v1::{Price, Priced, priced::Outcome};
use fairlead_proto::recall::v1::DropCause;
use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path as ObjectPath;
use prost::Message as _;

/// 2025-11-23 10:17:30 UTC.
pub(crate) const NOW: i64 = 1_763_893_050_000;
pub(crate) const DAY: i64 = 86_400_000;

/// Rows of the lake: the id of the event or decision by partition and offset of the log.
pub(crate) type Rows = BTreeMap<(i32, i64), String>;

/// Returns the n-th event of a test: of four kinds, on three days, of two tenants.
pub(crate) fn event(number: i64) -> Event {
    let kinds = [
        EventKind::Click,
        EventKind::Impression,
        EventKind::Payment,
        EventKind::Search,
    ];
    Event {
        event_id: format!("e-{number}"),
        tenant: if number % 7 == 0 { "other" } else { "acme" }.into(),
        customer_id: format!("c-{}", number % 50),
        kind: kinds[(number % 4) as usize].into(),
        event_time_ms: NOW - (number % 3) * DAY,
        product_id: if number % 2 == 0 {
            "P-1".into()
        } else {
            String::new()
        },
        product_kind: ProductKind::CashLoan.into(),
        amount: (number % 4 == 2).then(|| Money {
            minor: number,
            currency: "CNY".into(),
        }),
        attributes: BTreeMap::from([(
            "score".into(),
            AttributeValue {
                value: Some(Value::Number(0.5)),
            },
        )]),
        channel: "app".into(),
        ..Event::default()
    }
}

/// Returns the n-th decision of a test, with two candidates, one of them priced.
pub(crate) fn decision(number: i64) -> DecisionRecord {
    let price = Price {
        product_id: "P-1".into(),
        amount: Some(Money {
            minor: 1_000_000,
            currency: "CNY".into(),
        }),
        rate_ppm: 120_000 + number,
        grade: "B".into(),
        ..Price::default()
    };
    let shown = DecidedCandidate {
        product_id: "P-1".into(),
        position: 1,
        propensity: 0.75,
        priced: Some(Priced {
            product_id: "P-1".into(),
            outcome: Some(Outcome::Price(price)),
            take_up: None,
        }),
        ..DecidedCandidate::default()
    };
    let dropped = DecidedCandidate {
        product_id: "P-2".into(),
        drop_cause: DropCause::Outranked.into(),
        ..DecidedCandidate::default()
    };
    DecisionRecord {
        request_id: format!("r-{number}"),
        tenant: "acme".into(),
        customer_id: format!("c-{}", number % 50),
        decided_at_ms: NOW - (number % 2) * DAY,
        release_revision: 3,
        candidates: vec![shown, dropped],
        slate: vec!["P-1".into()],
        stage_ms: BTreeMap::from([("rank".into(), 1.5), ("price".into(), 0.5)]),
        seed: u64::MAX,
        ..DecisionRecord::default()
    }
}

/// Returns records of a topic; every fiftieth is unreadable.
pub(crate) fn records(numbers: std::ops::Range<i64>, payload: fn(i64) -> Vec<u8>) -> Vec<Record> {
    numbers
        .map(|number| {
            let unreadable = number % 50 == 49;
            let payload = if unreadable {
                vec![0xff; 20]
            } else {
                payload(number)
            };
            Record::new(format!("acme/c-{}", number % 50), payload)
        })
        .collect()
}

pub(crate) fn events(numbers: std::ops::Range<i64>) -> Vec<Record> {
    records(numbers, |number| event(number).encode_to_vec())
}

pub(crate) fn decisions(numbers: std::ops::Range<i64>) -> Vec<Record> {
    records(numbers, |number| decision(number).encode_to_vec())
}

/// Creates the topics.
pub(crate) async fn create_topics(log: &dyn EventLog, partitions: i32) -> anyhow::Result<()> {
    let spec = TopicSpec {
        partitions,
        retention: std::time::Duration::from_hours(24),
    };
    for topic in [EVENTS_TOPIC, DECISIONS_TOPIC, ACCEPTANCES_TOPIC] {
        log.create_topic(topic, spec).await?;
    }
    Ok(())
}

/// An embedded log with all topics, and a clock.
pub(crate) struct Fixture {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) async fn new(partitions: i32) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let options = EmbeddedOptions::new(folder.path().join("log"));
        let log: Arc<dyn EventLog> = Arc::new(EmbeddedEventLog::open(options).await?);
        create_topics(&*log, partitions).await?;
        let clock = Arc::new(ManualClock::at(NOW));
        Ok(Self { log, clock, folder })
    }

    /// Returns a log with events and decisions, and a lake with them in batches of `roll_rows`.
    pub(crate) async fn filled(numbers: i64, roll_rows: usize) -> anyhow::Result<(Self, Store)> {
        let fixture = Self::new(2).await?;
        fixture.log.append(EVENTS_TOPIC, events(0..numbers)).await?;
        fixture
            .log
            .append(DECISIONS_TOPIC, decisions(0..numbers / 4))
            .await?;
        let store = Store::folder(&fixture.lake())?;
        fixture.catch_up(&store, roll_rows).await?;
        Ok((fixture, store))
    }

    pub(crate) fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    pub(crate) fn deps(&self, store: &Store) -> Deps {
        Deps {
            log: self.log.clone(),
            store: store.clone(),
            clock: self.clock.clone(),
        }
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    pub(crate) async fn catch_up(
        &self,
        store: &Store,
        roll_rows: usize,
    ) -> Result<u64, fairlead_lake::Error> {
        let config = Config {
            roll_rows,
            ..Config::default()
        };
        catch_up(&config, &Topics::default(), &self.deps(store)).await
    }
}

/// Returns the rows that the lake must hold of a topic: every readable record of the log.
pub(crate) async fn expected(log: &dyn EventLog, topic: &str) -> anyhow::Result<Rows> {
    let mut rows = Rows::new();
    for range in log.offsets(topic).await? {
        let mut offset = range.start;
        while offset < range.end {
            let from = Position {
                partition: range.partition,
                offset,
            };
            let read = log.read(topic, from, 10_000).await?;
            offset = read.last().context("records are there")?.position.offset + 1;
            for one in read {
                if let Some(id) = record_id(topic, &one.record.payload) {
                    rows.insert((one.position.partition, one.position.offset), id);
                }
            }
        }
    }
    Ok(rows)
}

fn record_id(topic: &str, payload: &[u8]) -> Option<String> {
    if topic == EVENTS_TOPIC {
        Event::decode(payload).ok().map(|event| event.event_id)
    } else {
        DecisionRecord::decode(payload)
            .ok()
            .map(|record| record.request_id)
    }
}

/// Reads all `*.parquet` files below a table's folder, as DuckDB's `**/*.parquet` does. Fails if a
/// row occurs twice.
pub(crate) async fn by_name(store: &Store, table: &str) -> anyhow::Result<Rows> {
    let objects = store.objects();
    let mut rows = Rows::new();
    let found: Vec<_> = objects
        .list(Some(&ObjectPath::from(table)))
        .try_collect()
        .await?;
    for meta in found {
        if !meta.location.as_ref().ends_with(".parquet") {
            continue;
        }
        let bytes = objects.get(&meta.location).await?.bytes().await?;
        for batch in ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()? {
            add(&mut rows, &batch?, meta.location.as_ref())?;
        }
    }
    Ok(rows)
}

/// Reads a table with the lake's own reader. Fails if a row occurs twice.
pub(crate) async fn by_query(store: &Store, table: &str) -> anyhow::Result<Rows> {
    let query = Query::new(&Config::default(), store)?;
    let frame = query.frame(&format!("select * from {table}")).await?;
    let mut rows = Rows::new();
    for batch in frame.collect().await? {
        add(&mut rows, &batch, "the result")?;
    }
    Ok(rows)
}

fn add(rows: &mut Rows, batch: &RecordBatch, file: &str) -> anyhow::Result<()> {
    let column = |name: &str| {
        batch
            .column_by_name(name)
            .with_context(|| format!("no {name}"))
    };
    let partitions = column("log_partition")?.as_primitive::<Int32Type>();
    let offsets = column("log_offset")?.as_primitive::<Int64Type>();
    // The first column is the id.
    let ids = batch.column(0).as_string::<i32>();
    for row in 0..batch.num_rows() {
        let position = (partitions.value(row), offsets.value(row));
        let before = rows.insert(position, ids.value(row).to_owned());
        anyhow::ensure!(before.is_none(), "{position:?} twice, again in {file}");
    }
    Ok(())
}

/// Asserts that both tables hold each readable record of the log once, for either reader.
pub(crate) async fn assert_exact(log: &dyn EventLog, store: &Store) -> anyhow::Result<()> {
    for (table, topic) in [("events", EVENTS_TOPIC), ("decisions", DECISIONS_TOPIC)] {
        let expected = expected(log, topic).await?;
        assert_eq!(by_name(store, table).await?, expected, "{table} by name");
        assert_eq!(by_query(store, table).await?, expected, "{table} by query");
    }
    Ok(())
}

/// Returns all files of rows in the lake.
pub(crate) async fn files(store: &Store) -> anyhow::Result<Vec<FileName>> {
    let found: Vec<_> = store.objects().list(None).try_collect().await?;
    Ok(found
        .iter()
        .filter_map(|meta| FileName::parse(&meta.location))
        .collect())
}

/// Returns a folder that scripts/setup.sh installed, or `None` if it is missing.
pub(crate) fn cached(name: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("FAIRLEAD_CACHE")
        .map(PathBuf::from)
        .or_else(|| {
            let home = std::env::var_os("HOME")?;
            Some(Path::new(&home).join(".cache/fairlead"))
        })?;
    Some(cache.join(name)).filter(|folder| folder.is_dir())
}
