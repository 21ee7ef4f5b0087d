//! Measures calls to Redis: one customer, many customers, a batch of writes, a firm quote.
//!
//! `cargo run --release -p fairlead-online --example trips [redis://HOST:PORT]`
//!
//! Without an address it starts a `redis-server`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fairlead_domain::{CustomerId, TenantId};
use fairlead_online::{
    CallerKey, EntityKey, FeatureStore, NewAcceptance, NewQuote, OnlineStore, Owner, QuoteStore,
    SourcePartition, Write, WriteOutcome,
};
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::feature::v1::EntityState;
use fairlead_registry::{Entity, Registry};
use fairlead_testkit::RedisServer;

const CUSTOMERS: i64 = 10_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let server = RedisServer::start()?;
    let url = std::env::args().nth(1).unwrap_or_else(|| server.url());
    let store = OnlineStore::connect(&url).await?;
    println!("{:?}", store.report().await?);
    let tenant = TenantId::new("example")?;
    let customers = (0..CUSTOMERS)
        .map(|index| CustomerId::new(&format!("customer-{index}")))
        .collect::<Result<Vec<_>, _>>()?;
    let state = state();
    println!("a state of {} bytes", state.len());

    let writes: Vec<_> = customers
        .iter()
        .map(|customer| Write {
            key: EntityKey::customer(&tenant, customer),
            source: SourcePartition::new("example", 0),
            expected_offset: None,
            offset: 1,
            state: state.clone(),
            ttl: Some(Duration::from_mins(10)),
        })
        .collect();
    let started = Instant::now();
    let outcomes = store.apply(writes).await?;
    let applied = outcomes
        .iter()
        .filter(|outcome| **outcome == WriteOutcome::Applied)
        .count();
    report("compare-and-swap, pipelined", started, CUSTOMERS);
    println!("  {applied} applied (none of them in a second run within ten minutes)");

    let started = Instant::now();
    for customer in &customers {
        store.read_customer(&tenant, customer).await?;
    }
    report("one customer at a time", started, CUSTOMERS);

    let started = Instant::now();
    store.read_customers(&tenant, &customers).await?;
    report("customers, pipelined", started, CUSTOMERS);

    measure_quotes(&store, &tenant).await
}

async fn measure_quotes(store: &OnlineStore, tenant: &TenantId) -> anyhow::Result<()> {
    let quotes = store.quotes();
    let started = Instant::now();
    for index in 0..1_000 {
        let id = format!("quote-{index}");
        let customer = CustomerId::new(&format!("c{index}"))?;
        let owner = Owner {
            tenant,
            customer: &customer,
        };
        let quote = NewQuote {
            owner,
            key: CallerKey {
                caller: "app",
                key: &id,
            },
            quote_id: &id,
            content: Bytes::from_static(b"a quote"),
            record: Bytes::new(),
            ttl: Duration::from_mins(1),
            rate: None,
        };
        quotes.put_if_absent(quote).await?;
        let acceptance = NewAcceptance {
            owner,
            quote_id: &id,
            content: Bytes::from_static(b"accepted"),
            ttl: Duration::from_mins(1),
            lending: None,
        };
        quotes.accept_once(acceptance).await?;
    }
    report("a quote stored and accepted", started, 1_000);
    Ok(())
}

fn report(what: &str, started: Instant, count: i64) {
    let each = started.elapsed().as_secs_f64() * 1e6 / count as f64;
    println!("{what:<30} {each:>7.1} us");
}

/// Returns the encoded state of a customer with fifty clicks over a week.
fn state() -> Bytes {
    let mut state = EntityState::default();
    for index in 0..50 {
        let event = Event {
            event_id: format!("e{index}"),
            kind: EventKind::Click.into(),
            event_time_ms: 1_763_893_050_000 - index * 12_000_000,
            product_id: format!("P-{}", index % 20),
            product_kind: (index % 6 + 1) as i32,
            ..Event::default()
        };
        Registry::builtin().apply_customer(&mut state, &event);
    }
    Registry::builtin()
        .encode(Entity::Customer, &mut state)
        .into()
}
