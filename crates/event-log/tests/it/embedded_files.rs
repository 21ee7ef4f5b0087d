//! Files that are in use, of another kind or damaged, and folders that cannot be created.

use std::fs;
use std::path::Path;

use fairlead_event_log::{EmbeddedEventLog, EmbeddedOptions, Error, EventLog, Position};
use proptest::prelude::*;

use crate::subject::{Member, numbered, numbers, spec};

const TOPIC: &str = "events";

async fn open(folder: &Path) -> Result<EmbeddedEventLog, Error> {
    EmbeddedEventLog::open(EmbeddedOptions::new(folder)).await
}

fn refused(opened: Result<EmbeddedEventLog, Error>) -> Error {
    opened.err().expect("refused")
}

/// Returns a folder with a log of 1,000 records that was closed properly.
async fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let log = open(folder.path()).await.expect("opens");
    log.create_topic(TOPIC, spec(2)).await.expect("creates");
    for from in 0..20 {
        log.append(TOPIC, numbered(from * 50, 50))
            .await
            .expect("appends");
    }
    log.close().await.expect("closes");
    folder
}

#[tokio::test]
async fn a_second_opener_is_told_which_file_is_in_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = open(folder.path()).await.expect("opens");
    let error = refused(open(folder.path()).await);
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    let path = folder.path().join("event-log.redb");
    assert!(
        error.to_string().contains(&path.display().to_string()),
        "{error}"
    );
    first.healthy().await.expect("the first goes on");
    first.close().await.expect("closes");
    open(folder.path()).await.expect("free again");
}

#[tokio::test]
async fn a_closed_log_keeps_its_records_and_groups() {
    let folder = filled().await;
    let log: std::sync::Arc<dyn EventLog> =
        std::sync::Arc::new(open(folder.path()).await.expect("opens"));
    let mut member = Member::join(&log, "readers", TOPIC).await;
    member.receive(1_000).await;
    member.commit().await;
    log.append(TOPIC, numbered(1_000, 5))
        .await
        .expect("appends");
    let error = {
        log.close().await.expect("closes");
        let polled = member.consumer.poll(1, std::time::Duration::ZERO).await;
        polled.expect_err("the log is closed")
    };
    assert!(matches!(error, Error::Closed), "{error}");
    drop((member, log));

    let log: std::sync::Arc<dyn EventLog> =
        std::sync::Arc::new(open(folder.path()).await.expect("opens"));
    let mut member = Member::join(&log, "readers", TOPIC).await;
    member.receive(5).await;
    assert_eq!(numbers(&member.received), (1_000..1_005).collect());
}

#[tokio::test]
async fn a_foreign_file_is_refused_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("event-log.redb");
    for content in [b"short".to_vec(), vec![0x5a; 100_000]] {
        fs::write(&path, &content).expect("writes");
        let error = refused(open(folder.path()).await);
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
        assert!(
            error.to_string().contains(&path.display().to_string()),
            "{error}"
        );
        assert_eq!(fs::read(&path).expect("reads"), content);
    }
}

#[tokio::test]
async fn an_empty_file_is_a_new_log() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("event-log.redb"), "").expect("writes");
    let log = open(folder.path()).await.expect("opens");
    log.create_topic(TOPIC, spec(1)).await.expect("creates");
}

#[tokio::test]
async fn a_folder_that_cannot_be_created_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let occupied = folder.path().join("occupied");
    fs::write(&occupied, "a file").expect("writes");
    let error = refused(open(&occupied).await);
    assert!(matches!(error, Error::Storage { .. }), "{error}");
    assert!(error.to_string().contains("occupied"), "{error}");
}

#[tokio::test]
async fn below_the_reserve_appends_are_refused_and_reads_work() {
    let folder = filled().await;
    let mut options = EmbeddedOptions::new(folder.path());
    options.reserve_bytes = u64::MAX;
    let log = EmbeddedEventLog::open(options).await.expect("opens");
    let error = log
        .append(TOPIC, numbered(0, 1))
        .await
        .expect_err("no reserve");
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&folder.path().display().to_string()),
        "{error}"
    );
    let log: std::sync::Arc<dyn EventLog> = std::sync::Arc::new(log);
    let mut member = Member::join(&log, "readers", TOPIC).await;
    member.receive(1_000).await;
    member.commit().await;
    log.healthy().await.expect("is healthy");
}

/// Opens a damaged log, reads all of it and returns the number of records, or the first error.
async fn open_and_read(folder: &Path) -> Result<usize, Error> {
    let log = open(folder).await?;
    let mut total = 0;
    for range in log.offsets(TOPIC).await? {
        let from = Position {
            partition: range.partition,
            offset: range.start,
        };
        total += log.read(TOPIC, from, usize::MAX).await?.len();
    }
    log.append(TOPIC, numbered(0, 10)).await?;
    log.close().await?;
    Ok(total)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_damaged_file_is_an_error_and_never_a_panic(
        kept in 0.0_f64..1.0,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let folder = filled().await;
            let path = folder.path().join("event-log.redb");
            let mut content = fs::read(&path).expect("reads");
            let truncated = flips.is_empty();
            if truncated {
                content.truncate((content.len() as f64 * kept) as usize);
            }
            for (at, bits) in &flips {
                let at = at.index(content.len());
                content[at] ^= bits;
            }
            let emptied = content.is_empty();
            fs::write(&path, &content).expect("writes");
            match open_and_read(folder.path()).await {
                // Flipped bits may lie in unused space; a truncated file never opens in full.
                Ok(records) => {
                    assert!(!truncated && records == 1_000 || emptied, "{records} records");
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        });
    }
}
