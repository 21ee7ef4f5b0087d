//! Measures the log against a baseline: the same bytes written to a plain file, flushed as often.
//!
//! ```sh
//! cargo run --release -p fairlead-event-log --example throughput [host:port]
//! ```

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fairlead_event_log::{
    ConsumerOptions, EmbeddedEventLog, EmbeddedOptions, EventLog, KafkaEventLog, KafkaOptions,
    Position, Record, TopicSpec,
};

const RECORDS: usize = 300_000;
const BATCH: usize = 1_000;
const PAYLOAD: usize = 150;
const SINGLES: usize = 1_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let bootstrap = std::env::args().nth(1);
    let embedded = bootstrap.is_none();
    let log: Arc<dyn EventLog> = match bootstrap {
        Some(bootstrap) => Arc::new(KafkaEventLog::connect(KafkaOptions::new(bootstrap)).await?),
        None => Arc::new(EmbeddedEventLog::open(EmbeddedOptions::new(folder.path())).await?),
    };
    let topic = format!("throughput-{}", std::process::id());
    let spec = TopicSpec {
        partitions: 8,
        retention: Duration::from_hours(24),
    };
    log.create_topic(&topic, spec).await?;

    let baseline = measure_baseline(folder.path())?;
    report(
        "baseline: write and flush each batch",
        RECORDS,
        baseline,
        baseline,
    );
    let one = append_batches(&log, &topic, 1).await?;
    report("append, one caller", RECORDS, one, baseline);
    let eight = append_batches(&log, &topic, 8).await?;
    report("append, eight callers", RECORDS, eight, baseline);
    let poll = poll_all(&log, &topic, 2 * RECORDS).await?;
    report("poll", 2 * RECORDS, poll, baseline * 2);
    let read = read_all(&log, &topic).await?;
    report("read ranges", 2 * RECORDS, read, baseline * 2);

    let mut waits = Vec::with_capacity(SINGLES);
    for number in 0..SINGLES {
        let began = Instant::now();
        log.append(&topic, vec![record(number)]).await?;
        waits.push(began.elapsed());
    }
    waits.sort_unstable();
    let (p50, p99) = (waits[SINGLES / 2], waits[SINGLES * 99 / 100]);
    println!("append of a single record: p50 {p50:?}, p99 {p99:?}");
    log.close().await?;
    if embedded {
        let bytes = std::fs::metadata(folder.path().join("event-log.redb"))?.len();
        let began = Instant::now();
        EmbeddedEventLog::open(EmbeddedOptions::new(folder.path())).await?;
        println!(
            "open, with the check of {} MiB: {:.2?}",
            bytes >> 20,
            began.elapsed()
        );
    }
    Ok(())
}

fn report(what: &str, records: usize, took: Duration, baseline: Duration) {
    let rate = records as f64 / took.as_secs_f64();
    let ratio = took.as_secs_f64() / baseline.as_secs_f64();
    println!("{what}: {records} records in {took:.2?}, {rate:.0}/s, {ratio:.2} x the baseline");
}

fn record(number: usize) -> Record {
    let payload: Vec<u8> = (0..PAYLOAD)
        .map(|at| (number * 31 + at * 7) as u8)
        .collect();
    Record::new(format!("tenant-1/user-{}", number % 10_000), payload)
}

fn measure_baseline(folder: &Path) -> anyhow::Result<Duration> {
    let mut file = std::fs::File::create(folder.join("baseline"))?;
    let began = Instant::now();
    for batch in 0..RECORDS / BATCH {
        let bytes: Vec<u8> = (batch * BATCH..(batch + 1) * BATCH)
            .flat_map(|number| record(number).payload.to_vec())
            .collect();
        file.write_all(&bytes)?;
        file.sync_data()?;
    }
    Ok(began.elapsed())
}

async fn append_batches(
    log: &Arc<dyn EventLog>,
    topic: &str,
    callers: usize,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let (log, topic) = (Arc::clone(log), topic.to_owned());
        tasks.spawn(async move {
            for batch in (caller..RECORDS / BATCH).step_by(callers) {
                let records = (batch * BATCH..(batch + 1) * BATCH).map(record).collect();
                log.append(&topic, records).await?;
            }
            Ok::<_, fairlead_event_log::Error>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(began.elapsed())
}

async fn poll_all(log: &Arc<dyn EventLog>, topic: &str, count: usize) -> anyhow::Result<Duration> {
    let options = ConsumerOptions::new("throughput", [topic]);
    let mut consumer = log.consumer(options).await?;
    let began = Instant::now();
    let mut received = 0;
    while received < count {
        let poll = consumer.poll(10_000, Duration::from_secs(1)).await?;
        received += poll.records.len();
    }
    let took = began.elapsed();
    consumer.close().await?;
    Ok(took)
}

async fn read_all(log: &Arc<dyn EventLog>, topic: &str) -> anyhow::Result<Duration> {
    let began = Instant::now();
    for range in log.offsets(topic).await? {
        let mut offset = range.start;
        while offset < range.end {
            let partition = range.partition;
            let from = Position { partition, offset };
            offset += i64::try_from(log.read(topic, from, 10_000).await?.len())?;
        }
    }
    Ok(began.elapsed())
}
