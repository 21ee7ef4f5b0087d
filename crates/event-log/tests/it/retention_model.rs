//! Retention against a model: in any order of steps, no record is dropped that is too young or
//! that a group has not read, and every record that may be dropped is dropped in the end.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fairlead_event_log::{
    EmbeddedEventLog, EmbeddedOptions, EventLog, Position, Record, TopicSpec, partition_for,
};
use proptest::prelude::*;

use crate::subject::{Member, next_offsets};

const TOPIC: &str = "events";
const PARTITIONS: i32 = 2;
const RETENTION_MS: i64 = 1_000;

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    AdvanceClock(i64),
    /// The group reads up to `count` records and commits them.
    Read {
        group: usize,
        count: usize,
    },
    Forget(usize),
    Expire,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..30_usize).prop_map(Step::Append),
        3 => (1..RETENTION_MS).prop_map(Step::AdvanceClock),
        4 => (0..3_usize, 1..40_usize).prop_map(|(group, count)| Step::Read { group, count }),
        1 => (0..3_usize).prop_map(Step::Forget),
        3 => Just(Step::Expire),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..40)
}

/// The state that the log should have.
#[derive(Default)]
struct Model {
    /// Per partition, the time and number of every record ever appended.
    records: BTreeMap<i32, Vec<(i64, usize)>>,
    /// Per group, the next offset of each partition.
    committed: BTreeMap<usize, BTreeMap<i32, i64>>,
    appended: usize,
}

impl Model {
    fn append(&mut self, count: usize, now_ms: i64) -> Vec<Record> {
        let numbers = self.appended..self.appended + count;
        self.appended += count;
        let records = numbers.map(|number| {
            let record = Record::new(number.to_string(), number.to_string());
            let partition = partition_for(&record.key, PARTITIONS);
            self.records
                .entry(partition)
                .or_default()
                .push((now_ms, number));
            record
        });
        records.collect()
    }

    /// Returns true if the record at `offset` may be dropped.
    fn may_be_dropped(&self, partition: i32, offset: i64, now_ms: i64) -> bool {
        let index = usize::try_from(offset).expect("an index");
        let (appended_at_ms, _) = self.records[&partition][index];
        let read_by_all = self
            .committed
            .values()
            .all(|offsets| offsets.get(&partition).is_some_and(|next| *next > offset));
        appended_at_ms + RETENTION_MS <= now_ms && read_by_all
    }
}

struct Run<'a> {
    folder: &'a Path,
    now_ms: Arc<AtomicI64>,
    log: Arc<EmbeddedEventLog>,
    members: BTreeMap<usize, Member>,
    model: Model,
    /// Per partition, the oldest offset kept after the last expiry. Dropped records stay dropped,
    /// whatever a group that joins later has read.
    start: BTreeMap<i32, i64>,
}

async fn open(folder: &Path, now_ms: &Arc<AtomicI64>) -> Arc<EmbeddedEventLog> {
    let mut options = EmbeddedOptions::new(folder);
    let clock = Arc::clone(now_ms);
    options.clock = Arc::new(move || clock.load(Ordering::SeqCst));
    let log = EmbeddedEventLog::open(options).await.expect("opens");
    let spec = TopicSpec {
        partitions: PARTITIONS,
        retention: Duration::from_millis(RETENTION_MS.unsigned_abs()),
    };
    log.create_topic(TOPIC, spec).await.expect("creates");
    Arc::new(log)
}

impl Run<'_> {
    fn now(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Append(count) => {
                let records = self.model.append(count, self.now());
                self.log.append(TOPIC, records).await.expect("appends");
            }
            Step::AdvanceClock(ms) => {
                self.now_ms.fetch_add(ms, Ordering::SeqCst);
            }
            Step::Read { group, count } => self.read(group, count).await,
            Step::Forget(group) => {
                self.members.remove(&group);
                let name = format!("group-{group}");
                let known = self.log.forget_group(&name).await.expect("forgets");
                assert_eq!(known, self.model.committed.remove(&group).is_some());
            }
            Step::Expire => self.expire().await,
            Step::Reopen => {
                self.members.clear();
                self.log.close().await.expect("closes");
                self.log = open(self.folder, &self.now_ms).await;
            }
        }
        self.check_content().await;
    }

    async fn read(&mut self, group: usize, count: usize) {
        if !self.members.contains_key(&group) {
            let log = Arc::clone(&self.log) as Arc<dyn EventLog>;
            let member = Member::join(&log, &format!("group-{group}"), TOPIC).await;
            self.members.insert(group, member);
            // From here on the group is registered, beginning with the oldest record kept.
            let ranges = self.log.offsets(TOPIC).await.expect("offsets");
            let starts = ranges.iter().map(|range| (range.partition, range.start));
            self.model
                .committed
                .entry(group)
                .or_insert_with(|| starts.collect());
        }
        let member = self.members.get_mut(&group).expect("is there");
        let poll = member
            .consumer
            .poll(count, Duration::ZERO)
            .await
            .expect("polls");
        let committed = self.model.committed.get_mut(&group).expect("is known");
        for delivered in &poll.records {
            let next = committed
                .get_mut(&delivered.position.partition)
                .expect("known");
            assert_eq!(delivered.position.offset, *next, "in order, none left out");
            *next += 1;
        }
        member
            .consumer
            .commit(&next_offsets(&poll.records))
            .await
            .expect("commits");
    }

    async fn expire(&mut self) {
        let before = self.log.offsets(TOPIC).await.expect("offsets");
        let dropped = self.log.expire().await.expect("expires");
        let after = self.log.offsets(TOPIC).await.expect("offsets");
        let mut expected = 0;
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before.end, after.end, "the end stays");
            for offset in before.start..after.start {
                let may_be_dropped = self
                    .model
                    .may_be_dropped(after.partition, offset, self.now());
                assert!(
                    may_be_dropped,
                    "partition {} offset {offset}",
                    after.partition
                );
                expected += 1;
            }
            self.start.insert(after.partition, after.start);
        }
        assert_eq!(dropped, expected);
    }

    /// Asserts that the log holds the appended records from the start left by the last expiry.
    async fn check_content(&self) {
        for range in self.log.offsets(TOPIC).await.expect("offsets") {
            let start = self.start.get(&range.partition).copied().unwrap_or(0);
            assert_eq!(range.start, start, "only expiry drops");
            let from = Position {
                partition: range.partition,
                offset: range.start,
            };
            let found = self.log.read(TOPIC, from, usize::MAX).await.expect("reads");
            let found: Vec<usize> = found.iter().map(crate::subject::number).collect();
            let all = self.model.records.get(&range.partition);
            let all = all.map(Vec::as_slice).unwrap_or_default();
            let index = usize::try_from(range.start).expect("an index");
            let expected: Vec<usize> = all[index..].iter().map(|(_, number)| *number).collect();
            assert_eq!(found, expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_record_is_dropped_too_early_and_all_are_dropped_in_the_end(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let folder = tempfile::tempdir().expect("a folder");
            let now_ms = Arc::new(AtomicI64::new(4_000_000_000_000));
            let log = open(folder.path(), &now_ms).await;
            let mut run = Run {
                folder: folder.path(),
                now_ms,
                log,
                members: BTreeMap::new(),
                model: Model::default(),
                start: BTreeMap::new(),
            };
            for step in steps {
                run.step(step).await;
            }
            // Once all groups have read everything and the retention has passed, none is left.
            for group in run.model.committed.keys().copied().collect::<Vec<_>>() {
                for _ in 0..2 {
                    run.read(group, usize::MAX).await;
                }
            }
            run.step(Step::AdvanceClock(RETENTION_MS)).await;
            run.step(Step::Expire).await;
            for range in run.log.offsets(TOPIC).await.expect("offsets") {
                assert_eq!(range.start, range.end);
            }
        });
    }
}
