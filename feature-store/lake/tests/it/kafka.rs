//! The real process on a real Apache Kafka, killed with `kill -9` at several points.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fairlead_event_log::{EventLog, KafkaEventLog, KafkaOptions};
use fairlead_lake::{DECISIONS_TOPIC, EVENTS_TOPIC, Store};
use fairlead_testkit::KafkaBroker;
use tokio::process::{Child, Command};

use crate::fixture::{assert_exact, create_topics, decisions, events};
use crate::sql::fairlead_lake;

const TIMEOUT: Duration = Duration::from_mins(2);

/// Starts a writer of small batches over Kafka.
fn writer(folder: &Path, broker: &KafkaBroker, roll_rows: usize) -> anyhow::Result<Child> {
    let mut command = fairlead_lake(folder, &["write"]);
    command
        .env("FAIRLEAD_EVENTS__KAFKA", broker.bootstrap())
        .env("FAIRLEAD_LAKE__ROLL_ROWS", roll_rows.to_string())
        .env("FAIRLEAD_LAKE__ROLL_SECONDS", "1")
        .env("FAIRLEAD_TELEMETRY__LOG", "warn")
        .stdin(Stdio::null());
    Ok(Command::from(command).kill_on_drop(true).spawn()?)
}

/// Returns the number of files with this ending in the ledger and the tables.
fn count(folder: &Path, ending: &str) -> usize {
    let mut folders = vec![folder.to_owned()];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        // A folder may be created or deleted during the walk.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if entry.file_name().to_string_lossy().ends_with(ending) {
                found += 1;
            }
        }
    }
    found
}

async fn until(
    what: &str,
    mut holds: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut interval = tokio::time::interval(Duration::from_millis(5));
    while !holds().await? {
        anyhow::ensure!(
            started.elapsed() < TIMEOUT,
            "{what}: not within {TIMEOUT:?}"
        );
        interval.tick().await;
    }
    Ok(())
}

/// Returns true if the ledger covers all records of the log.
async fn is_covered(log: &dyn EventLog, lake: &Path) -> anyhow::Result<bool> {
    for topic in [EVENTS_TOPIC, DECISIONS_TOPIC] {
        for end in log.end_offsets(topic).await? {
            let ledger = lake.join(format!("_ledger/{topic}/{}", end.partition));
            let dones = std::fs::read_dir(&ledger).into_iter().flatten().flatten();
            let last = dones
                .filter_map(|entry| {
                    let name = entry.file_name().into_string().ok()?;
                    name.strip_suffix(".done").map(ToOwned::to_owned)
                })
                .max();
            let covered = last.and_then(|first| {
                let text = std::fs::read(ledger.join(format!("{first}.json"))).ok()?;
                let entry: serde_json::Value = serde_json::from_slice(&text).ok()?;
                entry["last"].as_i64()
            });
            if end.offset > 0 && covered.is_none_or(|last| last + 1 < end.offset) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

async fn kill9(mut child: Child) -> anyhow::Result<()> {
    child.kill().await?;
    Ok(())
}

async fn terminate(mut child: Child) -> anyhow::Result<()> {
    let id = child.id().context("it runs")?;
    let sent = Command::new("kill")
        .args(["-TERM", &id.to_string()])
        .status()
        .await?;
    anyhow::ensure!(sent.success(), "kill -TERM {id}");
    let ended = tokio::time::timeout(TIMEOUT, child.wait()).await??;
    anyhow::ensure!(ended.success(), "it ended with {ended}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_it_writes_every_record_once() -> anyhow::Result<()> {
    let broker = tokio::task::spawn_blocking(KafkaBroker::start).await??;
    let log = KafkaEventLog::connect(KafkaOptions::new(broker.bootstrap())).await?;
    create_topics(&log, 3).await?;
    log.append(EVENTS_TOPIC, events(0..12_000)).await?;
    log.append(DECISIONS_TOPIC, decisions(0..2_000)).await?;
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");

    // After a claim, between two files of a batch, between two batches.
    for (round, ending) in [".json", ".parquet", ".done"].iter().enumerate() {
        let child = writer(folder.path(), &broker, 150 + 37 * round)?;
        let before = count(&lake, ending);
        until("it writes", async || {
            Ok(count(&lake, ending) > before + 7 * round)
        })
        .await?;
        kill9(child).await?;
    }
    assert!(
        !is_covered(&log, &lake).await?,
        "it was killed before the end"
    );

    // Two at once, one of which is killed.
    let (first, second) = (
        writer(folder.path(), &broker, 211)?,
        writer(folder.path(), &broker, 307)?,
    );
    log.append(EVENTS_TOPIC, events(12_000..16_000)).await?;
    let before = count(&lake, ".done");
    until(
        "they write",
        async || Ok(count(&lake, ".done") > before + 3),
    )
    .await?;
    kill9(first).await?;
    until("all is written", async || is_covered(&log, &lake).await).await?;

    // The waiting records are written on SIGTERM.
    log.append(EVENTS_TOPIC, events(16_000..16_100)).await?;
    terminate(second).await?;
    let mut last = fairlead_lake(folder.path(), &["write", "--until-end"]);
    last.env("FAIRLEAD_EVENTS__KAFKA", broker.bootstrap());
    let ended = Command::from(last).status().await?;
    anyhow::ensure!(ended.success(), "the rest: {ended}");
    assert!(is_covered(&log, &lake).await?);

    let store = Store::folder(&lake)?;
    assert_exact(&log, &store).await?;
    log.close().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_metrics_show_what_is_missing_and_what_was_written() -> anyhow::Result<()> {
    let broker = tokio::task::spawn_blocking(KafkaBroker::start).await??;
    let log = KafkaEventLog::connect(KafkaOptions::new(broker.bootstrap())).await?;
    let folder = tempfile::tempdir()?;
    let mut command = fairlead_lake(folder.path(), &["write"]);
    command
        .env("FAIRLEAD_EVENTS__KAFKA", broker.bootstrap())
        .env("FAIRLEAD_LAKE__ROLL_SECONDS", "1")
        .env("FAIRLEAD_TELEMETRY__LOG_JSON", "true")
        .stderr(Stdio::piped());
    let mut child = Command::from(command).kill_on_drop(true).spawn()?;
    let address = address(&mut child).await?;

    assert_eq!(get(&address, "/live").await?.0, 200);
    until("it says what is missing", async || {
        let (status, text) = get(&address, "/ready").await?;
        Ok(status == 503 && text.contains("topic") && text.contains(EVENTS_TOPIC))
    })
    .await?;
    create_topics(&log, 1).await?;
    until("it is ready", async || {
        Ok(get(&address, "/ready").await?.0 == 200)
    })
    .await?;
    log.append(EVENTS_TOPIC, events(0..100)).await?;
    until("it counted", async || {
        let text = get(&address, "/metrics").await?.1;
        Ok(
            text.contains("fairlead_lake_rows_total{table=\"events\"} 98")
                && text.contains("fairlead_lake_unreadable_total{topic=\"fairlead.events.v1\"} 2")
                && text.contains("fairlead_lake_lag_records"),
        )
    })
    .await?;
    terminate(child).await?;
    log.close().await?;
    Ok(())
}

/// Returns the address that the process logs when it listens.
async fn address(child: &mut Child) -> anyhow::Result<String> {
    use tokio::io::{AsyncBufReadExt as _, BufReader};
    let mut lines = BufReader::new(child.stderr.take().context("piped")?).lines();
    while let Some(line) = lines.next_line().await? {
        let line: serde_json::Value = serde_json::from_str(&line)?;
        if line["message"] == "listening" {
            // The pipe stays open, so that the process can go on logging.
            tokio_util::task::TaskTracker::new()
                .spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(line["address"].as_str().context("an address")?.to_owned());
        }
    }
    anyhow::bail!("it ended without listening")
}

async fn get(address: &str, path: &str) -> anyhow::Result<(u16, String)> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).context("a status")?.parse()?;
    Ok((status, answer))
}
