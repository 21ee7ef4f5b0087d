//! The stores under test, and the states written to them.

use std::net::SocketAddr;

use bytes::Bytes;
use fairlead_domain::{CustomerId, ProductId, TenantId};
use fairlead_online::{
    EntityKey, FeatureStore, MemoryStore, OnlineStore, QuoteStore, SourcePartition, Write,
};
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::feature::v1::EntityState;
use fairlead_registry::{Entity, Registry};
use fairlead_testkit::{RedisCluster, RedisServer};
use redis::aio::MultiplexedConnection;
use tokio::sync::{Mutex, MutexGuard};

pub(crate) const NOW: i64 = 1_763_893_050_000;

pub(crate) async fn redis() -> anyhow::Result<(RedisServer, OnlineStore)> {
    let server = RedisServer::start()?;
    let store = OnlineStore::connect(&server.url()).await?;
    Ok((server, store))
}

/// Runs a test of the conformance suite against every store.
pub(crate) async fn with_each<F>(
    test: impl Fn(Box<dyn FeatureStore>, Box<dyn QuoteStore>) -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let memory = MemoryStore::new(Registry::builtin());
    test(Box::new(memory.clone()), Box::new(memory)).await?;
    let (_server, store) = redis().await?;
    let quotes = store.quotes();
    test(Box::new(store), Box::new(quotes)).await?;
    let (_exclusive, store) = cluster().await?;
    let quotes = store.quotes();
    test(Box::new(store), Box::new(quotes)).await
}

/// Returns the shared cluster, emptied, with a guard of exclusive use: all tests use the same keys.
pub(crate) async fn cluster() -> anyhow::Result<(MutexGuard<'static, ()>, OnlineStore)> {
    static EXCLUSIVE: Mutex<()> = Mutex::const_new(());
    let exclusive = EXCLUSIVE.lock().await;
    let cluster = tokio::task::spawn_blocking(RedisCluster::shared).await??;
    for addr in cluster.addrs().into_iter().take(3) {
        let mut master = node(addr).await?;
        redis::cmd("FLUSHALL").exec_async(&mut master).await?;
    }
    let store = OnlineStore::connect(&cluster.url()).await?;
    Ok((exclusive, store))
}

/// Returns a connection to one node.
pub(crate) async fn node(addr: SocketAddr) -> anyhow::Result<MultiplexedConnection> {
    let client = redis::Client::open(format!("redis://{addr}"))?;
    Ok(client.get_multiplexed_async_connection().await?)
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new("acme").expect("a tenant")
}

pub(crate) fn customer(id: &str) -> CustomerId {
    CustomerId::new(id).expect("a customer")
}

pub(crate) fn product(id: &str) -> ProductId {
    ProductId::new(id).expect("a product")
}

/// Returns a state of `count` clicks, an hour apart.
pub(crate) fn clicks(prefix: &str, count: i64) -> EntityState {
    let mut state = EntityState::default();
    for index in 0..count {
        let event = Event {
            event_id: format!("{prefix}{index}"),
            tenant: "acme".into(),
            customer_id: "anna".into(),
            kind: EventKind::Click.into(),
            event_time_ms: NOW - index * 3_600_000,
            product_id: "CL-1".into(),
            ..Event::default()
        };
        Registry::builtin().apply_customer(&mut state, &event);
    }
    state
}

pub(crate) fn bytes(state: &EntityState) -> Bytes {
    Registry::builtin()
        .encode(Entity::Customer, &mut state.clone())
        .into()
}

/// Returns a write of a customer's state from a partition of the log "log".
pub(crate) fn write(
    id: &str,
    partition: i32,
    expected: Option<i64>,
    offset: i64,
    state: Bytes,
) -> Write {
    Write {
        key: EntityKey::customer(&tenant(), &customer(id)),
        source: SourcePartition::new("log", partition),
        expected_offset: expected,
        offset,
        state,
        ttl: Some(std::time::Duration::from_secs(1_000)),
    }
}
