//! Merging changes no row, dies anywhere without harm, and is not seen by who asks meanwhile.

use std::sync::Arc;

use fairlead_lake::{Config, Error, OffsetRange, Store, compact};
use futures::TryStreamExt as _;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::faults::Dying;
use crate::world::{
    DAY, NOW, World, assert_exact, by_name, by_query, decisions, events, expected, files,
};
use fairlead_lake::{DECISIONS_TOPIC, EVENTS_TOPIC};

/// Merges everything that is small, whatever its age, a few files into one.
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
async fn merging_keeps_every_row_and_names_what_it_covers() -> anyhow::Result<()> {
    let (world, store) = World::filled(400, 20).await?;
    world.clock.advance(DAY);
    let before = files(&store).await?;
    let done = compact(&eager(), &store, &world.clock()).await?;
    assert_exact(&*world.log, &store).await?;
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
    // What is written later is merged later.
    world.log.append(EVENTS_TOPIC, events(400..500)).await?;
    world.catch_up(&store, 20).await?;
    compact(&eager(), &store, &world.clock()).await?;
    assert_exact(&*world.log, &store).await?;
    // Long after, the ledger forgets; what it keeps says where to go on.
    world.clock.advance(100 * 365 * DAY);
    assert!(compact(&eager(), &store, &world.clock()).await?.pruned > 0);
    assert_eq!(world.catch_up(&store, 20).await?, 0);
    assert_exact(&*world.log, &store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_dies_anywhere_loses_and_doubles_nothing() -> anyhow::Result<()> {
    let (world, store) = World::filled(100, 25).await?;
    let events = expected(&*world.log, EVENTS_TOPIC).await?;
    for answers in [true, false] {
        let mut operations = 0;
        loop {
            let objects = copy_of(&store).await?;
            let dying = Arc::new(Dying::after(objects.clone(), operations, answers));
            world.clock.set(NOW);
            let (config, clock) = (eager(), world.clock());
            let over = Store::over(dying.clone(), "memory://lake");
            let died = compact(&config, &over, &clock).await.is_err();
            assert_eq!(died, !dying.survived());
            let left = Store::over(objects, "memory://lake");
            // In this very state: exact for us, never twice for others.
            assert_eq!(
                by_query(&left, "events").await?,
                events,
                "after {operations}"
            );
            assert!(by_name(&left, "events").await?.len() <= events.len());
            // The next run finishes what this one began.
            world.clock.advance(DAY);
            compact(&eager(), &left, &world.clock()).await?;
            assert_exact(&*world.log, &left).await?;
            assert!(files(&left).await?.iter().all(|file| !file.merging));
            if !died {
                break;
            }
            // Every operation of the first merges, then further apart.
            operations += 1 + operations / 40;
        }
        assert!(operations > 50, "only {operations} operations were tried");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_while_files_are_merged_sees_every_row_once() -> anyhow::Result<()> {
    let (world, store) = World::filled(1_500, 10).await?;
    let events = expected(&*world.log, EVENTS_TOPIC).await?;
    let clock = world.clock();
    let merging = async {
        let done = compact(&eager(), &store, &clock).await;
        anyhow::Ok(done?)
    };
    tokio::pin!(merging);
    let mut asked = 0;
    let done = loop {
        tokio::select! {
            biased;
            done = &mut merging => break done?,
            seen = ask(&store) => {
                assert_eq!(seen?, events.len());
                asked += 1;
            }
        }
    };
    assert!(
        done.merged > 100 && asked > 0,
        "{done:?}, asked {asked} times"
    );
    assert_exact(&*world.log, &store).await
}

/// Through the command's own way, which asks again where files vanished under it.
async fn ask(store: &Store) -> anyhow::Result<usize> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("answer.csv");
    let query = fairlead_lake::Query::new(&Config::default(), store)?;
    let question =
        "select count(distinct log_partition || '/' || log_offset) as d, count(*) as n from events";
    query
        .answer(question, fairlead_lake::Format::Csv, Some(&out))
        .await?;
    let text = std::fs::read_to_string(&out)?;
    let line = text.lines().nth(1).unwrap_or_default();
    let (distinct, all) = line.split_once(',').unwrap_or_default();
    anyhow::ensure!(distinct == all, "{distinct} rows, {all} with repeats");
    Ok(all.parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_still_change_is_left_alone() -> anyhow::Result<()> {
    // The clock stands at the day of a third of the events; files are as old as the test.
    let world = World::new(1).await?;
    world.log.append(EVENTS_TOPIC, events(0..200)).await?;
    let store = Store::folder(&world.lake())?;
    world.catch_up(&store, 20).await?;
    compact(&Config::default(), &store, &world.clock()).await?;
    let today = format!("day={}", fairlead_lake::Day::of_ms(NOW).expect("a day"));
    let (open, closed): (Vec<_>, Vec<_>) = files(&store)
        .await?
        .into_iter()
        // The other tenant has one record in 84 of a kind and day: too few to reach so far.
        .filter(|file| file.folder.tenant == "acme")
        .partition(|file| file.folder.to_string().ends_with(&today));
    assert!(
        open.iter()
            .all(|file| file.range.last - file.range.first < 25),
        "left as they were"
    );
    assert!(
        closed
            .iter()
            .all(|file| file.range.last - file.range.first > 100),
        "merged"
    );

    // A batch that was claimed and not finished may be written again: its offsets are not merged.
    let world = World::new(1).await?;
    world.log.append(EVENTS_TOPIC, events(0..200)).await?;
    let objects = Arc::new(InMemory::new());
    let all = Store::over(objects.clone(), "memory://lake");
    world.catch_up(&all, 100).await?;
    let notes: Vec<_> = objects
        .list(None)
        .map_ok(|meta| meta.location)
        .try_collect()
        .await?;
    let last_done = notes
        .iter()
        .filter(|path| path.extension() == Some("done"))
        .max();
    objects
        .delete(last_done.expect("batches were done"))
        .await?;
    let done = compact(&eager(), &all, &world.clock()).await?;
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
    let (world, store) = World::filled(100, 25).await?;
    world
        .log
        .append(DECISIONS_TOPIC, decisions(100..120))
        .await?;
    let objects = copy_of(&store).await?;
    // The first one dies while it holds the lake.
    let dying = Store::over(
        Arc::new(Dying::after(objects.clone(), 12, true)),
        "memory://lake",
    );
    assert!(compact(&eager(), &dying, &world.clock()).await.is_err());
    let left = Store::over(objects, "memory://lake");
    let refused = compact(&eager(), &left, &world.clock())
        .await
        .expect_err("refused");
    assert!(matches!(refused, Error::Compacting { .. }), "{refused}");
    world.clock.advance(6 * 60_000);
    compact(&eager(), &left, &world.clock()).await?;
    Ok(())
}
