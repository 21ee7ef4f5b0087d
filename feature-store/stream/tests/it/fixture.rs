//! A log with events, streams over it, and the expected states.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fairlead_chassis::clock::ManualClock;
use fairlead_domain::{CustomerId, Origin, ProductId, TenantId};
use fairlead_event_log::{
    EmbeddedEventLog, EmbeddedOptions, EventLog, Position, Provenance, Record, TopicSpec,
};
use fairlead_online::FeatureStore;
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind, attribute_value};
use fairlead_proto::feature::v1::EntityState;
use fairlead_proto::money::v1::Money;
use fairlead_registry::{Entity, Purpose, Registry};
use fairlead_stream::{
    Config, DEAD_LETTERS_TOPIC, Deps, EVENTS_TOPIC, Error, ProgressWatch, Stream,
};
use prost::Message as _;
use rand::{RngExt as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const NOW: i64 = 1_763_893_050_000;
const DAY: i64 = 86_400_000;
pub(crate) const PARTITIONS: i32 = 4;

pub(crate) struct Fixture {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) registry: Registry,
    /// How the origin of the events is known: by the topic, unless a test changes it.
    pub(crate) provenance: Provenance,
    _folder: Option<TempDir>,
}

impl Fixture {
    /// Opens an embedded log in a new folder.
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let log = EmbeddedEventLog::open(EmbeddedOptions::new(folder.path())).await?;
        Ok(Self {
            _folder: Some(folder),
            ..Self::over(Arc::new(log)).await?
        })
    }

    /// Uses a log that no other test uses.
    pub(crate) async fn over(log: Arc<dyn EventLog>) -> anyhow::Result<Self> {
        let topic = TopicSpec {
            partitions: PARTITIONS,
            retention: Duration::from_hours(24),
        };
        log.create_topic(EVENTS_TOPIC, topic).await?;
        log.create_topic(DEAD_LETTERS_TOPIC, topic).await?;
        Ok(Self {
            log,
            registry: Registry::builtin(),
            provenance: Provenance::Topic(Origin::Bank),
            _folder: None,
        })
    }

    pub(crate) async fn append(&self, events: &[Event]) -> anyhow::Result<()> {
        let records = events.iter().map(record).collect();
        self.log.append(EVENTS_TOPIC, records).await?;
        Ok(())
    }

    pub(crate) async fn ends(&self) -> anyhow::Result<Vec<Position>> {
        Ok(self.log.end_offsets(EVENTS_TOPIC).await?)
    }

    /// Starts a stream with the test settings as changed by `change`.
    pub(crate) fn start(
        &self,
        store: Arc<dyn FeatureStore>,
        change: impl FnOnce(&mut Config),
    ) -> anyhow::Result<Running> {
        let mut config = Config {
            batch_records: 100,
            poll_wait_ms: 5,
            commit_lag_ms: 0,
            longest_pause_ms: 50,
            ..Config::default()
        };
        change(&mut config);
        let deps = Deps {
            log: self.log.clone(),
            provenance: self.provenance.clone(),
            store,
            registry: self.registry.clone(),
            clock: Arc::new(ManualClock::at(NOW)),
        };
        let stream = Stream::new(config, deps)?;
        let progress = stream.progress();
        let shutdown = CancellationToken::new();
        let task = {
            let shutdown = shutdown.clone();
            #[expect(clippy::disallowed_methods, reason = "aborted or awaited by `Running`")]
            tokio::spawn(stream.run(shutdown))
        };
        Ok(Running {
            progress,
            shutdown,
            task,
        })
    }

    /// Returns every entity's expected state: the fold of each partition's events, merged.
    pub(crate) async fn folded(&self) -> anyhow::Result<Folded> {
        let mut states: BTreeMap<(bool, String), BTreeMap<i32, EntityState>> = BTreeMap::new();
        for end in self.ends().await? {
            let mut next = 0;
            while next < end.offset {
                let from = Position {
                    partition: end.partition,
                    offset: next,
                };
                for delivered in self.log.read(EVENTS_TOPIC, from, 1_000).await? {
                    next = delivered.position.offset + 1;
                    let Ok(event) = Event::decode(delivered.record.payload) else {
                        continue;
                    };
                    if self.registry.check_event(&event, NOW).is_err() {
                        continue;
                    }
                    let customer = states.entry((true, event.customer_id.clone())).or_default();
                    let state = customer.entry(end.partition).or_default();
                    self.registry.apply_customer(state, &event);
                    if self.registry.concerns(Entity::Product, &event) {
                        let product = states.entry((false, event.product_id.clone())).or_default();
                        let state = product.entry(end.partition).or_default();
                        self.registry.apply_product(state, &event);
                    }
                }
            }
        }
        let mut folded = Folded::default();
        for ((is_customer, id), parts) in states {
            let entity = if is_customer {
                Entity::Customer
            } else {
                Entity::Product
            };
            let merged = self.registry.merge(entity, parts.into_values().collect());
            if is_customer {
                folded.customers.insert(id, merged);
            } else {
                folded.products.insert(id, merged);
            }
        }
        Ok(folded)
    }

    /// Asserts that the store returns exactly the fold of the log's events.
    pub(crate) async fn assert_folded(&self, store: &dyn FeatureStore) -> anyhow::Result<()> {
        let expected = self.folded().await?;
        anyhow::ensure!(!expected.customers.is_empty(), "the log has events");
        let tenant = TenantId::new("acme")?;
        for (id, state) in &expected.customers {
            let read = store.read_customer(&tenant, &CustomerId::new(id)?).await?;
            let read = read.with_context(|| format!("customer {id} is missing"))?;
            for purpose in Purpose::ALL {
                assert_eq!(
                    self.registry.features_at(&read, NOW, purpose),
                    self.registry.features_at(state, NOW, purpose),
                    "customer {id}, purpose {purpose}"
                );
            }
        }
        for (id, state) in &expected.products {
            let read = store
                .read_product_counters(&tenant, &[ProductId::new(id)?])
                .await?;
            let read = read[0]
                .as_ref()
                .with_context(|| format!("product {id} is missing"))?;
            assert_eq!(
                self.registry.product_features_at(read, NOW),
                self.registry.product_features_at(state, NOW),
                "product {id}"
            );
        }
        Ok(())
    }
}

#[derive(Default)]
pub(crate) struct Folded {
    pub(crate) customers: BTreeMap<String, EntityState>,
    pub(crate) products: BTreeMap<String, EntityState>,
}

/// A running stream.
pub(crate) struct Running {
    pub(crate) progress: ProgressWatch,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Running {
    /// Waits until everything appended so far is visible.
    pub(crate) async fn caught_up(&mut self, fixture: &Fixture) -> anyhow::Result<()> {
        let ends = fixture.ends().await?;
        self.until("everything is visible", |progress| progress.reached(&ends))
            .await
    }

    pub(crate) async fn until(
        &mut self,
        what: &str,
        condition: impl FnMut(&fairlead_stream::Progress) -> bool,
    ) -> anyhow::Result<()> {
        // Turns a hang into a failure.
        let limit = Duration::from_mins(2);
        let reached = tokio::time::timeout(limit, self.progress.until(condition)).await;
        reached
            .with_context(|| format!("waiting until {what}: {:?}", self.progress.now()))?
            .with_context(|| format!("the stream ended before {what}"))?;
        Ok(())
    }

    /// Aborts the stream, which for log and store looks like `kill -9` of its process.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        Ok(self.task.await??)
    }

    /// Waits until the stream ends by itself and returns its error.
    pub(crate) async fn ends(self) -> anyhow::Result<Error> {
        let ended = tokio::time::timeout(Duration::from_mins(2), self.task).await??;
        ended.err().context("the stream ended without an error")
    }
}

pub(crate) fn record(event: &Event) -> Record {
    let key = format!("{}/{}", event.tenant, event.customer_id);
    Record::new(key, event.encode_to_vec())
}

pub(crate) fn event(id: &str, customer: &str, kind: EventKind) -> Event {
    Event {
        event_id: id.into(),
        tenant: "acme".into(),
        customer_id: customer.into(),
        kind: kind.into(),
        event_time_ms: NOW - 60_000,
        ..Event::default()
    }
}

pub(crate) fn click(id: &str, customer: &str, product: &str) -> Event {
    Event {
        product_id: product.into(),
        ..event(id, customer, EventKind::Click)
    }
}

/// The kinds of generated events; impressions are twice as frequent.
const KINDS: [EventKind; 13] = [
    EventKind::Impression,
    EventKind::Impression,
    EventKind::Click,
    EventKind::Application,
    EventKind::Conversion,
    EventKind::HoldingOpened,
    EventKind::HoldingClosed,
    EventKind::Repayment,
    EventKind::Payment,
    EventKind::ProfileUpdated,
    EventKind::ConsentChanged,
    EventKind::AppOpened,
    EventKind::Search,
];

/// Returns seeded events of all kinds: some late, some sent twice, many about few products.
pub(crate) fn events(seed: u64, count: usize, customers: usize) -> Vec<Event> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut events: Vec<Event> = Vec::with_capacity(count);
    while events.len() < count {
        if rng.random_bool(0.05) && !events.is_empty() {
            let from = events.len().saturating_sub(200);
            let again = rng.random_range(from..events.len());
            events.push(events[again].clone());
            continue;
        }
        let kind = *KINDS.choose(&mut rng).expect("some kinds");
        let id = format!("{seed}-{}", events.len());
        let customer = format!("c{}", rng.random_range(0..customers));
        let mut event = event(&id, &customer, kind);
        event.event_time_ms = NOW - rng.random_range(0..29 * DAY) / rng.random_range(1..1_000);
        if (1..=6).contains(&event.kind) {
            event.product_id = format!("P-{}", rng.random_range(0..20));
            event.product_kind = rng.random_range(1..=6);
        }
        match kind {
            EventKind::Payment => {
                event.amount = Some(Money {
                    minor: rng.random_range(1..1_000_000),
                    currency: "CNY".into(),
                });
            }
            EventKind::ProfileUpdated => {
                let income =
                    attribute_value::Value::Number(f64::from(rng.random_range(1..1_000_000)));
                let income = AttributeValue {
                    value: Some(income),
                };
                event
                    .attributes
                    .insert("income_monthly_minor".into(), income);
            }
            EventKind::ConsentChanged => {
                let flag = attribute_value::Value::Flag(rng.random_bool(0.5));
                let flag = AttributeValue { value: Some(flag) };
                event.attributes.insert("personalisation".into(), flag);
            }
            _ => {}
        }
        events.push(event);
    }
    let kinds: BTreeSet<_> = events.iter().map(|event| event.kind).collect();
    assert!(count < 1_000 || kinds.len() >= 12, "all kinds take part");
    events
}
