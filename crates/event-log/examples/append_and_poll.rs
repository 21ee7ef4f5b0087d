//! Appends some events and reads them back through a consumer group.
//!
//! ```sh
//! cargo run --release -p fairlead-event-log --example append_and_poll                  # embedded
//! cargo run --release -p fairlead-event-log --example append_and_poll localhost:9092   # Kafka
//! ```

use std::sync::Arc;
use std::time::Duration;

use fairlead_event_log::{
    ConsumerOptions, EmbeddedEventLog, EmbeddedOptions, EventLog, KafkaEventLog, KafkaOptions,
    Position, Record, TopicSpec,
};

const TOPIC: &str = "fairlead.example.v1";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let log: Arc<dyn EventLog> = match std::env::args().nth(1) {
        Some(bootstrap) => Arc::new(KafkaEventLog::connect(KafkaOptions::new(bootstrap)).await?),
        None => Arc::new(EmbeddedEventLog::open(EmbeddedOptions::new(folder.path())).await?),
    };
    let spec = TopicSpec {
        partitions: 4,
        retention: Duration::from_hours(7 * 24),
    };
    log.create_topic(TOPIC, spec).await?;

    let events = ["view", "click", "apply"];
    let records = events.map(|event| Record::new("tenant-1/user-7", event));
    let positions = log.append(TOPIC, records.to_vec()).await?;
    println!("appended at {positions:?}");

    let mut consumer = log
        .consumer(ConsumerOptions::new("example", [TOPIC]))
        .await?;
    let mut received = 0;
    while received < events.len() {
        let poll = consumer.poll(100, Duration::from_secs(1)).await?;
        for partition in poll.assigned {
            println!("owns {} partition {}", partition.topic, partition.partition);
        }
        let mut next = Vec::new();
        for delivered in &poll.records {
            println!(
                "got {:?} at {:?}",
                delivered.record.payload, delivered.position
            );
            let position = Position {
                offset: delivered.position.offset + 1,
                ..delivered.position
            };
            next.push((Arc::clone(&delivered.topic), position));
        }
        // The last entry of a partition counts, so one entry for each record is fine.
        consumer.commit(&next).await?;
        received += poll.records.len();
    }
    println!("lag {}", consumer.lag().await?);
    consumer.close().await?;
    log.close().await?;
    Ok(())
}
