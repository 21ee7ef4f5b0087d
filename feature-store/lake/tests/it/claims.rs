//! The writer as a member of its group, on the embedded log: batches by time, stops, lost members.

use fairlead_event_log::Record;
use fairlead_lake::{
    Config, DECISIONS_TOPIC, EVENTS_TOPIC, Error, Progress, Store, Topics, Writer, catch_up,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::fixture::{Fixture, assert_exact, by_name, decisions, events, expected};

/// A running writer.
struct Running {
    progress: fairlead_lake::ProgressWatch,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Running {
    fn start(fixture: &Fixture, store: &Store, config: Config) -> anyhow::Result<Self> {
        let writer = Writer::new(config, Topics::default(), fixture.deps(store))?;
        let (progress, shutdown) = (writer.progress(), CancellationToken::new());
        let task = TaskTracker::new().spawn(writer.run(shutdown.clone()));
        Ok(Self {
            progress,
            shutdown,
            task,
        })
    }

    async fn until(&mut self, condition: impl FnMut(&Progress) -> bool) -> anyhow::Result<()> {
        let reached = tokio::time::timeout(
            std::time::Duration::from_mins(1),
            self.progress.until(condition),
        );
        anyhow::ensure!(reached.await?.is_some(), "the writer ended");
        Ok(())
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        Ok(self.task.await??)
    }
}

fn records_read(progress: &Progress) -> i64 {
    progress.seen.values().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_written_after_its_time_and_when_the_writer_stops() -> anyhow::Result<()> {
    let fixture = Fixture::new(2).await?;
    let store = Store::folder(&fixture.lake())?;
    let mut writer = Running::start(&fixture, &store, Config::default())?;
    fixture.log.append(EVENTS_TOPIC, events(0..40)).await?;
    writer
        .until(|progress| records_read(progress) == 40)
        .await?;
    assert!(
        by_name(&store, "events").await?.is_empty(),
        "it waits for more"
    );

    fixture.clock.advance(300_000);
    let ends = fixture.log.end_offsets(EVENTS_TOPIC).await?;
    writer
        .until(|progress| progress.reached(EVENTS_TOPIC, &ends))
        .await?;
    assert_exact(&*fixture.log, &store).await?;

    fixture
        .log
        .append(DECISIONS_TOPIC, decisions(0..40))
        .await?;
    writer
        .until(|progress| records_read(progress) == 80)
        .await?;
    writer.stop().await?;
    assert_exact(&*fixture.log, &store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_joins_late_and_one_that_is_lost_change_nothing() -> anyhow::Result<()> {
    let fixture = Fixture::new(4).await?;
    let store = Store::folder(&fixture.lake())?;
    let small = Config {
        roll_rows: 7,
        ..Config::default()
    };
    let mut first = Running::start(&fixture, &store, small.clone())?;
    fixture.log.append(EVENTS_TOPIC, events(0..400)).await?;
    first.until(|progress| records_read(progress) > 100).await?;
    let mut second = Running::start(
        &fixture,
        &store,
        Config {
            roll_rows: 11,
            ..small
        },
    )?;
    second.until(|progress| !progress.next.is_empty()).await?;
    fixture.log.append(EVENTS_TOPIC, events(400..800)).await?;
    // Aborted, as in a crash: the waiting records of its partitions are read again.
    first.task.abort();
    let ends = fixture.log.end_offsets(EVENTS_TOPIC).await?;
    second
        .until(|progress| {
            ends.iter().all(|end| {
                progress.seen.iter().any(|(source, seen)| {
                    *source.topic == *EVENTS_TOPIC
                        && source.partition == end.partition
                        && *seen >= end.offset
                })
            })
        })
        .await?;
    second.stop().await?;
    assert_exact(&*fixture.log, &store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_records_are_skipped_and_count_as_written() -> anyhow::Result<()> {
    let fixture = Fixture::new(1).await?;
    let store = Store::folder(&fixture.lake())?;
    let event = crate::fixture::event(1);
    use prost::Message as _;
    let broken = [
        fairlead_proto::event::v1::Event {
            tenant: "a/b".into(),
            ..event.clone()
        },
        fairlead_proto::event::v1::Event {
            tenant: String::new(),
            ..event.clone()
        },
        fairlead_proto::event::v1::Event {
            kind: 0,
            ..event.clone()
        },
        fairlead_proto::event::v1::Event {
            kind: 99,
            ..event.clone()
        },
        fairlead_proto::event::v1::Event {
            event_time_ms: i64::MAX,
            ..event.clone()
        },
        fairlead_proto::event::v1::Event {
            event_time_ms: -1,
            ..event.clone()
        },
    ];
    let mut records: Vec<_> = broken
        .iter()
        .map(|one| Record::new("k", one.encode_to_vec()))
        .collect();
    records.push(Record::new("k", ""));
    records.push(Record::new("k", vec![0xff; 9]));
    records.push(Record::new("k", event.encode_to_vec()));
    fixture.log.append(EVENTS_TOPIC, records).await?;
    assert_eq!(fixture.catch_up(&store, 4).await?, 9);
    let rows = by_name(&store, "events").await?;
    assert_eq!(
        rows.into_iter().collect::<Vec<_>>(),
        [((0, 8), "e-1".into())]
    );
    assert_eq!(fixture.catch_up(&store, 4).await?, 0, "all are written");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_log_over_an_old_lake_is_refused() -> anyhow::Result<()> {
    let (fixture, store) = Fixture::filled(100, 30).await?;
    let other = Fixture::new(2).await?;
    other.log.append(EVENTS_TOPIC, events(0..10)).await?;
    let refused = catch_up(&Config::default(), &Topics::default(), &other.deps(&store)).await;
    let refused = refused.expect_err("refused").to_string();
    assert!(
        refused.contains("begun anew") && refused.contains("lake.url"),
        "{refused}"
    );
    let expected = expected(&*fixture.log, EVENTS_TOPIC).await?;
    assert_eq!(
        by_name(&store, "events").await?,
        expected,
        "nothing was touched"
    );
    Ok(())
}
