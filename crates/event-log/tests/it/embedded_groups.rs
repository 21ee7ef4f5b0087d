//! Groups of the embedded log: their lag, their effect on retention, their eviction.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fairlead_event_log::{
    ConsumerOptions, EmbeddedEventLog, EmbeddedOptions, Error, EventLog, GroupLag, TopicSpec,
};

use crate::subject::{Member, next_offsets, numbered, numbers};

const TOPIC: &str = "events";
const RETENTION_MS: i64 = 60_000;

struct Fixture {
    log: Arc<EmbeddedEventLog>,
    dyn_log: Arc<dyn EventLog>,
    now_ms: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    // Later than the real clock, which dates the records.
    let now_ms = Arc::new(AtomicI64::new(4_000_000_000_000));
    let mut options = EmbeddedOptions::new(folder.path());
    let clock = Arc::clone(&now_ms);
    options.clock = Arc::new(move || clock.load(Ordering::SeqCst));
    let log = Arc::new(EmbeddedEventLog::open(options).await.expect("opens"));
    let spec = TopicSpec {
        partitions: 2,
        retention: Duration::from_millis(RETENTION_MS.unsigned_abs()),
    };
    log.create_topic(TOPIC, spec).await.expect("creates");
    Fixture {
        dyn_log: Arc::clone(&log) as Arc<dyn EventLog>,
        log,
        now_ms,
        _folder: folder,
    }
}

impl Fixture {
    fn advance_clock(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Returns the number of records that the log keeps.
    async fn kept(&self) -> i64 {
        let ranges = self.log.offsets(TOPIC).await.expect("offsets");
        ranges.iter().map(|range| range.end - range.start).sum()
    }
}

#[tokio::test]
async fn records_expire_after_the_retention_time_when_no_group_needs_them() {
    let fixture = fixture().await;
    fixture
        .log
        .append(TOPIC, numbered(0, 100))
        .await
        .expect("appends");
    fixture.advance_clock(RETENTION_MS - 1);
    assert_eq!(fixture.log.expire().await.expect("expires"), 0);
    fixture.advance_clock(1);
    assert_eq!(fixture.log.expire().await.expect("expires"), 100);
    assert_eq!(fixture.kept().await, 0);
    let ends = fixture.log.end_offsets(TOPIC).await.expect("ends");
    assert_eq!(
        ends.iter().map(|end| end.offset).sum::<i64>(),
        100,
        "offsets go on"
    );
}

#[tokio::test]
async fn records_are_kept_until_every_group_has_read_them_or_is_forgotten() {
    let fixture = fixture().await;
    let mut reader = Member::join(&fixture.dyn_log, "reader", TOPIC).await;
    drop(Member::join(&fixture.dyn_log, "gone", TOPIC).await);
    fixture
        .log
        .append(TOPIC, numbered(0, 100))
        .await
        .expect("appends");
    fixture.advance_clock(100 * RETENTION_MS);
    assert_eq!(fixture.log.expire().await.expect("expires"), 0);

    let mut groups = fixture.log.groups();
    groups.sort_by(|a, b| a.group.cmp(&b.group));
    let lag = |group: &str, active| GroupLag {
        group: group.to_owned(),
        lag: 100,
        active,
    };
    assert_eq!(groups, [lag("gone", false), lag("reader", true)]);

    let error = fixture.log.forget_group("reader").await;
    let error = error.expect_err("has a member");
    assert!(matches!(error, Error::GroupInUse { .. }), "{error}");
    reader.receive(100).await;
    reader.commit().await;
    assert_eq!(
        fixture.log.expire().await.expect("expires"),
        0,
        "the other has not read"
    );
    assert!(fixture.log.forget_group("gone").await.expect("forgets"));
    assert!(!fixture.log.forget_group("gone").await.expect("is gone"));
    assert_eq!(fixture.log.expire().await.expect("expires"), 100);
}

#[tokio::test]
async fn a_new_group_begins_with_the_oldest_record_kept() {
    let fixture = fixture().await;
    fixture
        .log
        .append(TOPIC, numbered(0, 50))
        .await
        .expect("appends");
    fixture.advance_clock(RETENTION_MS);
    fixture
        .log
        .append(TOPIC, numbered(50, 50))
        .await
        .expect("appends");
    assert_eq!(fixture.log.expire().await.expect("expires"), 50);
    let mut member = Member::join(&fixture.dyn_log, "late", TOPIC).await;
    member.receive(50).await;
    assert_eq!(numbers(&member.received), (50..100).collect());
}

#[tokio::test]
async fn a_shorter_retention_applies_to_an_existing_topic() {
    let fixture = fixture().await;
    fixture
        .log
        .append(TOPIC, numbered(0, 10))
        .await
        .expect("appends");
    fixture.advance_clock(1_000);
    assert_eq!(fixture.log.expire().await.expect("expires"), 0);
    let shorter = TopicSpec {
        partitions: 2,
        retention: Duration::from_secs(1),
    };
    fixture
        .log
        .create_topic(TOPIC, shorter)
        .await
        .expect("is there");
    assert_eq!(fixture.log.expire().await.expect("expires"), 10);
}

#[tokio::test]
async fn a_member_that_does_not_poll_is_evicted_and_joins_again() {
    let fixture = fixture().await;
    fixture
        .log
        .append(TOPIC, numbered(0, 20))
        .await
        .expect("appends");
    let mut options = ConsumerOptions::new("group", [TOPIC]);
    options.max_poll_interval = Duration::from_millis(200);
    let mut silent = Member::with(&fixture.dyn_log, options.clone()).await;
    silent.receive(20).await;
    let upto = next_offsets(&silent.received);

    options.max_poll_interval = Duration::from_mins(5);
    let mut other = Member::with(&fixture.dyn_log, options).await;
    other.own(2).await;
    let error = silent.consumer.commit(&upto).await.expect_err("too late");
    assert!(matches!(error, Error::NotAssigned { .. }), "{error}");
    other.receive(20).await;
    other.commit().await;

    // It learns what it lost, and gets a share again once the other has polled.
    silent.poll(Duration::ZERO).await;
    assert!(silent.owned.is_empty());
    silent.received.clear();
    while silent.owned.is_empty() {
        other.poll(Duration::ZERO).await;
        silent.poll(Duration::ZERO).await;
    }
    assert_eq!(
        silent.received.len(),
        0,
        "what the other committed does not come again"
    );
}

#[tokio::test]
async fn a_member_that_waits_long_in_one_poll_is_not_evicted() {
    let fixture = fixture().await;
    let mut options = ConsumerOptions::new("group", [TOPIC]);
    options.max_poll_interval = Duration::from_millis(200);
    let mut patient = Member::with(&fixture.dyn_log, options.clone()).await;
    patient.own(2).await;
    let mut other = Member::with(&fixture.dyn_log, options).await;
    // Both wait in polls several times as long as they may stay silent.
    let wait = Duration::from_millis(700);
    for _ in 0..3 {
        tokio::join!(patient.poll(wait), other.poll(wait));
    }
    assert_eq!((patient.owned.len(), other.owned.len()), (1, 1));
}
