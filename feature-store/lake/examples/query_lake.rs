//! Writes a few events from an embedded log to a lake, merges its files, and runs a query:
//! `cargo run --release -p fairlead-lake --example query_lake`.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::{Clock, SystemClock};
use fairlead_event_log::{EmbeddedEventLog, EmbeddedOptions, EventLog, Record, TopicSpec};
use fairlead_lake::{
    Config, DECISIONS_TOPIC, Deps, EVENTS_TOPIC, Format, Query, Store, Topics, catch_up, compact,
};
use fairlead_proto::event::v1::{Event, EventKind};
use prost::Message as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let options = EmbeddedOptions::new(folder.path().join("log"));
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedEventLog::open(options).await?);
    let spec = TopicSpec {
        partitions: 2,
        retention: Duration::from_hours(24),
    };
    for topic in [EVENTS_TOPIC, DECISIONS_TOPIC] {
        log.create_topic(topic, spec).await?;
    }

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Store::folder(&folder.path().join("lake"))?;
    let deps = Deps {
        log: log.clone(),
        store: store.clone(),
        clock: clock.clone(),
    };
    let config = Config {
        compact_after_seconds: 0,
        ..Config::default()
    };
    for round in 0..3 {
        let records = (0..100).map(|number| event(round * 100 + number, clock.now_ms()));
        log.append(EVENTS_TOPIC, records.collect()).await?;
        let written = catch_up(&config, &Topics::default(), &deps).await?;
        println!("wrote {written} records");
    }
    let done = compact(&config, &store, &clock).await?;
    println!("merged {} files into {}", done.merged, done.made);

    let query = Query::new(&config, &store)?;
    let sql = "select kind, day, count(*) as events, count(distinct customer_id) as customers \
               from events group by kind, day order by kind";
    query.answer(sql, Format::Table, None).await?;
    log.close().await?;
    Ok(())
}

fn event(number: u32, now_ms: i64) -> Record {
    let kinds = [
        EventKind::Impression,
        EventKind::Impression,
        EventKind::Click,
    ];
    let event = Event {
        event_id: format!("event-{number}"),
        tenant: "demo".into(),
        customer_id: format!("customer-{}", number % 20),
        kind: kinds[number as usize % 3].into(),
        event_time_ms: now_ms,
        product_id: "CASH-12".into(),
        ..Event::default()
    };
    Record::new(format!("demo/{}", event.customer_id), event.encode_to_vec())
}
