//! Compaction changes no row, survives a crash at any operation, and is invisible to queries.

use std::sync::Arc;

use fairlead_lake::{Config, Error, OffsetRange, Store, compact};
use futures::TryStreamExt as _;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::faults::FailingStore;
use crate::fixture::{
    DAY, Fixture, NOW, assert_exact, by_name, by_query, decisions, events, expected, files,
};
use fairlead_lake::{DECISIONS_TOPIC, EVENTS_TOPIC};

/// Returns settings that merge all small files of any age, a few into one.
fn eager() -> Config {
    Config {
        compact_after_seconds: 0,
        compact_to_bytes: 30_000,
        ..Config::default()
    }
}

async fn copy_of(store: &Store) -> anyhow::Result<Arc<InMemory>> {
    let (from, to) = (store.objects(), Arc::new(InMemory::new()));
    let found: Vec<_> = from.list(None).try_collect().await?;
    for meta in found {
        let bytes = from.get(&meta.location).await?.bytes().await?;
        to.put(&meta.location, bytes.into()).await?;
    }
    Ok(to)
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_files_hold_every_row_of_the_files_that_they_cover() -> anyhow::Result<()> {
    let (fixture, store) = Fixture::filled(400, 20).await?;
    fixture.clock.advance(DAY);
    let before = files(&store).await?;
    let done = compact(&eager(), &store, &fixture.clock()).await?;
    assert_exact(&*fixture.log, &store).await?;
    let after = files(&store).await?;
    assert!(
        done.made > 0 && after.len() < before.len() / 2,
        "{done:?}, {} files",
        after.len()
    );
    assert_eq!(before.len() - done.merged + done.made, after.len());
    for old in &before {
        let holders = after.iter().filter(|new| {
            new.folder == old.folder && new.source == old.source && new.range.covers(old.range)
        });
        assert_eq!(holders.count(), 1, "{old:?}");
    }
    // Records that are written later are merged later.
    fixture.log.append(EVENTS_TOPIC, events(400..500)).await?;
    fixture.catch_up(&store, 20).await?;
    compact(&eager(), &store, &fixture.clock()).await?;
    assert_exact(&*fixture.log, &store).await?;
    // Much later old ledger entries are deleted; the last one still tells where to resume.
    fixture.clock.advance(100 * 365 * DAY);
    assert!(compact(&eager(), &store, &fixture.clock()).await?.pruned > 0);
    assert_eq!(fixture.catch_up(&store, 20).await?, 0);
    assert_exact(&*fixture.log, &store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_operation_of_a_merge_neither_loses_nor_doubles_a_row() -> anyhow::Result<()>
{
    let (fixture, store) = Fixture::filled(100, 25).await?;
    let events = expected(&*fixture.log, EVENTS_TOPIC).await?;
    for answers in [true, false] {
        let mut operations = 0;
        loop {
            let objects = copy_of(&store).await?;
            let failing = Arc::new(FailingStore::after(objects.clone(), operations, answers));
            fixture.clock.set(NOW);
            let (config, clock) = (eager(), fixture.clock());
            let over = Store::over(failing.clone(), "memory://lake");
            let died = compact(&config, &over, &clock).await.is_err();
            assert_eq!(died, !failing.survived());
            let left = Store::over(objects, "memory://lake");
            // Right after the crash: exact for the lake's reader, never twice for other readers.
            assert_eq!(
                by_query(&left, "events").await?,
                events,
                "after {operations}"
            );
            assert!(by_name(&left, "events").await?.len() <= events.len());
            // The next run finishes the interrupted merges.
            fixture.clock.advance(DAY);
            compact(&eager(), &left, &fixture.clock()).await?;
            assert_exact(&*fixture.log, &left).await?;
            assert!(files(&left).await?.iter().all(|file| !file.merging));
            if !died {
                break;
            }
            // Every operation of the first merges, then at growing distances.
            operations += 1 + operations / 40;
        }
        assert!(operations > 50, "only {operations} operations were tried");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_during_a_merge_see_every_row_once() -> anyhow::Result<()> {
    let (fixture, store) = Fixture::filled(1_500, 10).await?;
    let events = expected(&*fixture.log, EVENTS_TOPIC).await?;
    let clock = fixture.clock();
    let merging = async {
        let done = compact(&eager(), &store, &clock).await;
        anyhow::Ok(done?)
    };
    tokio::pin!(merging);
    let mut queries = 0;
    let done = loop {
        tokio::select! {
            biased;
            done = &mut merging => break done?,
            rows = count_rows(&store) => {
                assert_eq!(rows?, events.len());
                queries += 1;
            }
        }
    };
    assert!(
        done.merged > 100 && queries > 0,
        "{done:?}, {queries} queries"
    );
    assert_exact(&*fixture.log, &store).await
}

/// Counts the events with the command's own function, which repeats a query whose files vanished.
async fn count_rows(store: &Store) -> anyhow::Result<usize> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("answer.csv");
    let query = fairlead_lake::Query::new(&Config::default(), store)?;
    let sql =
        "select count(distinct log_partition || '/' || log_offset) as d, count(*) as n from events";
    query
        .answer(sql, fairlead_lake::Format::Csv, Some(&out))
        .await?;
    let text = std::fs::read_to_string(&out)?;
    let line = text.lines().nth(1).unwrap_or_default();
    let (distinct, all) = line.split_once(',').unwrap_or_default();
    anyhow::ensure!(distinct == all, "{distinct} rows, {all} with repeats");
    Ok(all.parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_open_days_and_unfinished_batches_are_not_merged() -> anyhow::Result<()> {
    // The clock's day is that of a third of the events; the files are as old as the test.
    let fixture = Fixture::new(1).await?;
    fixture.log.append(EVENTS_TOPIC, events(0..200)).await?;
    let store = Store::folder(&fixture.lake())?;
    fixture.catch_up(&store, 20).await?;
    compact(&Config::default(), &store, &fixture.clock()).await?;
    let today = format!("day={}", fairlead_lake::Day::from_ms(NOW).expect("a day"));
    let (open, closed): (Vec<_>, Vec<_>) = files(&store)
        .await?
        .into_iter()
        // The other tenant has one record in 84 of a kind and day: too few for this range.
        .filter(|file| file.folder.tenant == "acme")
        .partition(|file| file.folder.to_string().ends_with(&today));
    assert!(
        open.iter()
            .all(|file| file.range.last - file.range.first < 25),
        "not merged"
    );
    assert!(
        closed
            .iter()
            .all(|file| file.range.last - file.range.first > 100),
        "merged"
    );

    // An unfinished batch may be written again, so its files are not merged.
    let fixture = Fixture::new(1).await?;
    fixture.log.append(EVENTS_TOPIC, events(0..200)).await?;
    let objects = Arc::new(InMemory::new());
    let all = Store::over(objects.clone(), "memory://lake");
    fixture.catch_up(&all, 100).await?;
    let paths: Vec<_> = objects
        .list(None)
        .map_ok(|meta| meta.location)
        .try_collect()
        .await?;
    let last_done = paths
        .iter()
        .filter(|path| path.extension() == Some("done"))
        .max();
    objects
        .delete(last_done.expect("batches were done"))
        .await?;
    let done = compact(&eager(), &all, &fixture.clock()).await?;
    assert_eq!(
        done.merged, 0,
        "one file of each folder is settled, one is not"
    );
    let unsettled = OffsetRange {
        first: 100,
        last: 199,
    };
    assert!(
        files(&all)
            .await?
            .iter()
            .any(|file| file.range == unsettled)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_compaction_is_refused_until_the_first_is_over() -> anyhow::Result<()> {
    let (fixture, store) = Fixture::filled(100, 25).await?;
    fixture
        .log
        .append(DECISIONS_TOPIC, decisions(100..120))
        .await?;
    let objects = copy_of(&store).await?;
    // The first one fails while it holds the lease.
    let failing = Store::over(
        Arc::new(FailingStore::after(objects.clone(), 12, true)),
        "memory://lake",
    );
    assert!(compact(&eager(), &failing, &fixture.clock()).await.is_err());
    let left = Store::over(objects, "memory://lake");
    let refused = compact(&eager(), &left, &fixture.clock())
        .await
        .expect_err("refused");
    assert!(matches!(refused, Error::Compacting { .. }), "{refused}");
    fixture.clock.advance(6 * 60_000);
    compact(&eager(), &left, &fixture.clock()).await?;
    Ok(())
}
