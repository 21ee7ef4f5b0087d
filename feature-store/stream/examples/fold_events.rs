//! Measures how fast events become visible: the embedded log, a real Redis, 20,000 customers.
//!
//! `cargo run --release -p fairlead-stream --example fold_events [EVENTS]`
//!
//! Prints events per second, and the CPU time of this process for each event (log reader, stream
//! and Redis client together) beside the time of the fold alone in the same run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fairlead_chassis::clock::{Clock as _, SystemClock};
use fairlead_domain::Origin;
use fairlead_event_log::{
    EmbeddedEventLog, EmbeddedOptions, EventLog, Provenance, Record, TopicSpec,
};
use fairlead_online::OnlineStore;
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::feature::v1::EntityState;
use fairlead_registry::Registry;
use fairlead_stream::{Config, DEAD_LETTERS_TOPIC, Deps, EVENTS_TOPIC, Stream};
use fairlead_testkit::{Durability, RedisServer};
use prost::Message as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio_util::sync::CancellationToken;

const CUSTOMERS: u32 = 20_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let count = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => 300_000,
    };
    let folder = tempfile::tempdir()?;
    let log = Arc::new(EmbeddedEventLog::open(EmbeddedOptions::new(folder.path())).await?);
    let topic = TopicSpec {
        partitions: 8,
        retention: Duration::from_hours(24),
    };
    log.create_topic(EVENTS_TOPIC, topic).await?;
    log.create_topic(DEAD_LETTERS_TOPIC, topic).await?;
    let now_ms = SystemClock.now_ms();
    let events = events(count, now_ms);
    for part in events.chunks(10_000) {
        log.append(EVENTS_TOPIC, part.iter().map(record).collect())
            .await?;
    }
    let ends = log.end_offsets(EVENTS_TOPIC).await?;

    let server = RedisServer::start_with(Durability::AppendOnly)?;
    let store = OnlineStore::connect(&server.url()).await?;
    let deps = Deps {
        log: log.clone(),
        provenance: Provenance::Topic(Origin::Bank),
        store: Arc::new(store.clone()),
        registry: Registry::builtin(),
        clock: Arc::new(SystemClock),
    };
    let stream = Stream::new(Config::default(), deps)?;
    let mut progress = stream.progress();
    let shutdown = CancellationToken::new();
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let (ran, ()) = tokio::join!(stream.run(shutdown.clone()), async {
        progress.caught_up(&ends).await;
        shutdown.cancel();
    });
    ran?;
    let (took, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let counts = progress.now().counts;
    let memory = store.report().await?.used_memory >> 20;
    let fold = fold_seconds(&events);
    let each = |seconds: f64| seconds * 1e6 / count as f64;
    println!("{counts:?}");
    println!(
        "{count} events in {took:.2} s: {:.0} events/s; {:.1} us CPU an event, of which the fold \
         alone {:.1} us; Redis holds {memory} MiB",
        count as f64 / took,
        each(cpu),
        each(fold),
    );
    Ok(())
}

/// Returns the seconds to fold the same events into the same customers, without log, encoding and
/// Redis.
fn fold_seconds(events: &[Event]) -> f64 {
    let registry = Registry::builtin();
    let mut states: std::collections::HashMap<&str, EntityState> = std::collections::HashMap::new();
    let started = Instant::now();
    for event in events {
        let state = states.entry(&event.customer_id).or_default();
        registry.apply_customer(state, event);
    }
    started.elapsed().as_secs_f64()
}

fn record(event: &Event) -> Record {
    Record::new(
        format!("{}/{}", event.tenant, event.customer_id),
        event.encode_to_vec(),
    )
}

fn events(count: usize, now_ms: i64) -> Vec<Event> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let kinds = [
        EventKind::Impression,
        EventKind::Impression,
        EventKind::Impression,
        EventKind::Click,
        EventKind::AppOpened,
        EventKind::Conversion,
    ];
    (0..count)
        .map(|index| {
            let kind = kinds[rng.random_range(0..kinds.len())];
            let about_product = kind != EventKind::AppOpened;
            Event {
                event_id: format!("event-{index}"),
                tenant: "acme".into(),
                customer_id: format!("customer-{}", rng.random_range(0..CUSTOMERS)),
                kind: kind.into(),
                event_time_ms: now_ms - rng.random_range(0..20 * 86_400_000_i64),
                product_id: if about_product {
                    format!("P-{}", rng.random_range(0..300))
                } else {
                    String::new()
                },
                product_kind: if about_product {
                    rng.random_range(1..=6)
                } else {
                    0
                },
                ..Event::default()
            }
        })
        .collect()
}

/// Returns the user and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    // Linux counts in hundredths of a second.
    ticks / 100.0
}
