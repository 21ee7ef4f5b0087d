//! Tests of the log on a disk that fails: full at any write, or with a power cut at any moment.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use proptest::prelude::*;
use redb::{Database, StorageBackend};

use super::store::Opener;
use super::{EmbeddedEventLog, EmbeddedOptions};
use crate::error::Error;
use crate::log::{EventLog, TopicSpec};
use crate::record::{Delivered, Position, Record};

const TOPIC: &str = "events";
const PARTITIONS: i32 = 2;
/// The number of records of one append; they fall into both partitions.
const APPEND: usize = 5;

#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::SetLen(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
            Self::Write(at, data) => {
                let at = usize::try_from(*at).unwrap();
                bytes.resize(bytes.len().max(at + data.len()), 0);
                bytes[at..at + data.len()].copy_from_slice(data);
            }
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// The bytes that a running process sees.
    seen: Vec<u8>,
    /// The bytes that survive a power cut.
    durable: Vec<u8>,
    /// The changes since the last flush.
    unflushed: Vec<Change>,
    /// The number of writes, resizes and flushes so far.
    operations: u64,
    /// The number of operations after which all fail, or `None` if none fails.
    fails_from: Option<u64>,
}

/// A disk in memory.
#[derive(Debug, Clone, Default)]
struct Disk(Arc<Mutex<State>>);

impl Disk {
    fn opener(&self) -> Opener {
        let disk = self.clone();
        Box::new(move |_: &Path| Database::builder().create_with_backend(disk.clone()))
    }

    fn fail_from(&self, operation: Option<u64>) {
        self.0.lock().fails_from = operation;
    }

    fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// Returns the disk as it may be after a power cut: with all flushed changes and with those
    /// unflushed ones for whose index `survives` is true.
    fn after_power_cut(&self, survives: impl Fn(usize) -> bool) -> Self {
        let state = self.0.lock();
        let mut bytes = state.durable.clone();
        for (index, change) in state.unflushed.iter().enumerate() {
            if survives(index) {
                change.apply(&mut bytes);
            }
        }
        Self(Arc::new(Mutex::new(State {
            seen: bytes.clone(),
            durable: bytes,
            ..State::default()
        })))
    }

    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.0.lock();
        state.operate()?;
        change.apply(&mut state.seen);
        state.unflushed.push(change);
        Ok(())
    }
}

impl State {
    fn operate(&mut self) -> io::Result<()> {
        self.operations += 1;
        match self.fails_from {
            Some(from) if self.operations > from => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock();
        let at = usize::try_from(offset).unwrap();
        let bytes = state.seen.get(at..at + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::SetLen(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        state.operate()?;
        state.durable = state.seen.clone();
        state.unflushed.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Write(offset, data.to_vec()))
    }
}

fn options(folder: &Path) -> EmbeddedOptions {
    EmbeddedOptions {
        reserve_bytes: 0,
        ..EmbeddedOptions::new(folder)
    }
}

async fn open(disk: &Disk, folder: &Path) -> EmbeddedEventLog {
    EmbeddedEventLog::open_with(options(folder), disk.opener())
        .await
        .expect("opens")
}

async fn create(log: &EmbeddedEventLog) -> Result<(), Error> {
    let spec = TopicSpec {
        partitions: PARTITIONS,
        retention: Duration::from_hours(1),
    };
    log.create_topic(TOPIC, spec).await
}

/// Returns the records of the append with this number; each payload holds append and index. Every
/// second append is large enough for several chunks, so that appends differ in shape.
fn records(number: usize) -> Vec<Record> {
    let padding = if number % 2 == 1 { 70_000 } else { 0 };
    (0..APPEND)
        .map(|index| {
            let payload = format!("{number}/{index}/{}", "x".repeat(padding));
            Record::new(format!("key-{index}"), payload)
        })
        .collect()
}

async fn read_all(log: &EmbeddedEventLog) -> Vec<Delivered> {
    let mut all = Vec::new();
    for partition in 0..PARTITIONS {
        let from = Position {
            partition,
            offset: 0,
        };
        let records = log.read(TOPIC, from, usize::MAX).await.expect("reads");
        let expected = (0_i64..).zip(&records);
        for (offset, delivered) in expected {
            assert_eq!(
                delivered.position,
                Position { partition, offset },
                "no gaps"
            );
        }
        all.extend(records);
    }
    all
}

/// Asserts that every acknowledged append is at its positions, and that every other append is
/// there completely or not at all.
async fn check(log: &EmbeddedEventLog, acknowledged: &[(usize, Vec<Position>)], appends: usize) {
    let found = read_all(log).await;
    for number in 0..appends {
        let appended = records(number);
        let kept: Vec<&Delivered> = found
            .iter()
            .filter(|d| appended.iter().any(|r| r.payload == d.record.payload))
            .collect();
        match acknowledged.iter().find(|(acked, _)| *acked == number) {
            Some((_, positions)) => {
                for (record, position) in appended.iter().zip(positions) {
                    let at = found.iter().find(|d| d.position == *position);
                    let payload = at.map(|d| &d.record.payload);
                    assert!(payload == Some(&record.payload), "append {number}");
                    // A read at the position finds the same record as a read from the start.
                    let direct = log.read(TOPIC, *position, 1).await.expect("reads");
                    assert!(
                        direct[0].record.payload == record.payload,
                        "append {number}"
                    );
                }
                assert_eq!(kept.len(), APPEND);
            }
            None => assert!(
                kept.is_empty() || kept.len() == APPEND,
                "append {number} is there in part"
            ),
        }
    }
}

#[tokio::test]
async fn a_disk_that_is_full_at_any_moment_loses_nothing_and_recovers() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut failures = 0;
    for full_after in 0.. {
        let disk = Disk::default();
        let log = open(&disk, folder.path()).await;
        create(&log).await.expect("creates");
        disk.fail_from(Some(disk.operations() + full_after));
        let mut acknowledged = Vec::new();
        let mut failed = false;
        for number in 0..4 {
            match log.append(TOPIC, records(number)).await {
                Ok(positions) => acknowledged.push((number, positions)),
                Err(error) => {
                    failed = true;
                    let message = error.to_string();
                    let names = message.contains(&folder.path().display().to_string());
                    assert!(names, "{message}");
                    assert!(error.is_transient(), "{message}");
                }
            }
        }
        disk.fail_from(None);
        let positions = log.append(TOPIC, records(4)).await.expect("space is back");
        acknowledged.push((4, positions));
        check(&log, &acknowledged, 5).await;
        log.close().await.expect("closes");

        let log = open(&disk, folder.path()).await;
        check(&log, &acknowledged, 5).await;
        log.close().await.expect("closes");
        if !failed {
            break;
        }
        failures += 1;
    }
    assert!(failures > 10, "the disk failed {failures} times only");
}

#[tokio::test]
async fn a_full_disk_is_named_as_such() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Disk::default();
    let log = open(&disk, folder.path()).await;
    create(&log).await.expect("creates");
    disk.fail_from(Some(0));
    let error = log.append(TOPIC, records(0)).await.expect_err("full");
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    log.append(TOPIC, records(1)).await.expect_err("still full");
    disk.fail_from(None);
    log.healthy().await.expect("space is back");
    assert_eq!(read_all(&log).await.len(), 0, "nothing half-written");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_power_cut_at_any_moment_loses_nothing(
        cut_after in 0_u64..80,
        mask in prop::collection::vec(any::<bool>(), 64),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let folder = tempfile::tempdir().expect("a folder");
            let disk = Disk::default();
            let log = open(&disk, folder.path()).await;
            create(&log).await.expect("creates");
            // From here on nothing reaches the disk, as after a power cut.
            disk.fail_from(Some(disk.operations() + cut_after));
            let mut acknowledged = Vec::new();
            for number in 0..10 {
                match log.append(TOPIC, records(number)).await {
                    Ok(positions) => acknowledged.push((number, positions)),
                    Err(_) => break,
                }
            }
            let disk = disk.after_power_cut(|index| mask[index % mask.len()]);
            let log = open(&disk, folder.path()).await;
            check(&log, &acknowledged, 10).await;
            let positions = log.append(TOPIC, records(10)).await.expect("goes on");
            acknowledged.push((10, positions));
            check(&log, &acknowledged, 11).await;
        });
    }
}
