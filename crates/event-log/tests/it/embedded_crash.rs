//! `kill -9` while appending, and a disk that is really full, in child processes.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fairlead_event_log::{EmbeddedEventLog, EmbeddedOptions, Error, EventLog, Position, Record};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::subject::{spec, total};

const FOLDER: &str = "EVENT_LOG_TEST_FOLDER";
const ROUND: &str = "EVENT_LOG_TEST_ROUND";
const TOPIC: &str = "events";
const PARTITIONS: i32 = 3;

/// Returns the command that runs one ignored test of this binary in a child process.
fn child(test: &str, folder: &Path) -> Command {
    // The shell ignores SIGXFSZ, so that a write beyond the file size limit fails instead of
    // killing the process.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().expect("this test binary"))
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped());
    command
}

fn folder_of_child() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

async fn open(folder: &Path) -> EmbeddedEventLog {
    let log = EmbeddedEventLog::open(EmbeddedOptions::new(folder)).await;
    let log = log.expect("opens");
    let created = log.create_topic(TOPIC, spec(PARTITIONS)).await;
    created.expect("creates the topic");
    log
}

/// Appends for ever from several tasks, and prints what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by kill_9_loses_nothing_acknowledged in a process of its own"]
async fn child_appends() {
    let Some(folder) = folder_of_child() else {
        return;
    };
    let round = std::env::var(ROUND).expect("a round");
    let log = open(&folder).await;
    let appender = |task: usize| {
        let (log, round) = (&log, &round);
        async move {
            for call in 0.. {
                let payload = |index| format!("{round}.{task}.{call}.{index}");
                let records: Vec<Record> = (0..=call % 20)
                    .map(|index| Record::new(format!("{task}.{index}"), payload(index)))
                    .collect();
                let positions = log.append(TOPIC, records).await.expect("appends");
                for (index, at) in positions.iter().enumerate() {
                    println!("acked {} {} {}", at.partition, at.offset, payload(index));
                }
            }
        }
    };
    futures::future::join_all((0..4).map(appender)).await;
}

/// Kills a child after `lines` lines of output and returns what it printed as acknowledged.
fn acknowledged_until_killed(mut process: Child, lines: usize) -> BTreeMap<Position, String> {
    let stdout = BufReader::new(process.stdout.take().expect("piped"));
    let mut acknowledged = BTreeMap::new();
    for (index, line) in stdout.lines().map_while(Result::ok).enumerate() {
        if index == lines {
            // SIGKILL. Lines that are still in the pipe were acknowledged too.
            process.kill().expect("kills");
        }
        // The last line may be cut off.
        let mut words = line.split(' ');
        if let (Some("acked"), Some(partition), Some(offset), Some(payload)) =
            (words.next(), words.next(), words.next(), words.next())
            && payload.split('.').count() == 4
            && index < lines
        {
            let position = Position {
                partition: partition.parse().expect("a partition"),
                offset: offset.parse().expect("an offset"),
            };
            acknowledged.insert(position, payload.to_owned());
        }
    }
    let _killed = process.wait().expect("ends");
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut moments = StdRng::seed_from_u64(20_260_701);
    let mut acknowledged: BTreeMap<Position, String> = BTreeMap::new();
    for round in 0..6 {
        let mut command = child("embedded_crash::child_appends", folder.path());
        let process = command
            .env(ROUND, round.to_string())
            .spawn()
            .expect("starts");
        let lines = moments.random_range(50..3_000);
        let killed = tokio::task::spawn_blocking(move || acknowledged_until_killed(process, lines));
        let of_round = killed.await.expect("reads");
        assert!(of_round.len() > 20, "{} were acknowledged", of_round.len());
        for (position, payload) in of_round {
            let before = acknowledged.insert(position, payload);
            assert_eq!(before, None, "{position:?} was assigned twice");
        }

        let log = open(folder.path()).await;
        for partition in 0..PARTITIONS {
            let from = Position {
                partition,
                offset: 0,
            };
            let records = log.read(TOPIC, from, usize::MAX).await.expect("reads");
            for (offset, delivered) in (0..).zip(&records) {
                assert_eq!(delivered.position.offset, offset, "no gaps");
            }
            let own = acknowledged
                .iter()
                .filter(|(at, _)| at.partition == partition);
            for (position, payload) in own {
                let index = usize::try_from(position.offset).expect("an index");
                let found = records.get(index).map(|found| &found.record.payload[..]);
                assert_eq!(found, Some(payload.as_bytes()), "{position:?}");
            }
        }
        log.close().await.expect("closes");
    }
}

/// Fills the disk up to a file size limit, then lifts the limit.
#[tokio::test]
#[ignore = "run by a_full_disk_is_survived in a process of its own"]
async fn child_fills_the_disk() {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let Some(folder) = folder_of_child() else {
        return;
    };
    let log = open(&folder).await;
    let unlimited = getrlimit(Resource::Fsize);
    let mut small = unlimited;
    small.current = Some(3 << 20);
    setrlimit(Resource::Fsize, small).expect("limits file sizes");

    let batch = |call: usize| -> Vec<Record> {
        (0..100)
            .map(|index| Record::new(format!("{index}"), format!("{call}.{index}").repeat(100)))
            .collect()
    };
    let mut acknowledged = Vec::new();
    let error = loop {
        let call = acknowledged.len();
        assert!(call < 1_000, "the limit was never met");
        match log.append(TOPIC, batch(call)).await {
            Ok(positions) => acknowledged.push(positions),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    assert!(
        error.to_string().contains(&folder.display().to_string()),
        "{error}"
    );

    setrlimit(Resource::Fsize, unlimited).expect("lifts the limit");
    let again = log.append(TOPIC, batch(acknowledged.len())).await;
    acknowledged.push(again.expect("space is back"));
    log.close().await.expect("closes");

    let log = open(&folder).await;
    for (call, positions) in acknowledged.iter().enumerate() {
        for (record, position) in batch(call).iter().zip(positions) {
            let found = log.read(TOPIC, *position, 1).await.expect("reads");
            assert_eq!(found[0].record.payload, record.payload);
        }
    }
    let total = total(&log, TOPIC).await;
    assert_eq!(total, 100 * acknowledged.len(), "nothing half-written");
    println!("survived");
}

#[test]
fn a_full_disk_is_survived() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = child("embedded_crash::child_fills_the_disk", folder.path()).output();
    let output = output.expect("runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("survived"),
        "{printed}"
    );
}
