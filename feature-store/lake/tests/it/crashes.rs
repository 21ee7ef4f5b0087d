//! A writer that dies at any operation, again and again, each time with other settings.

use std::sync::Arc;

use fairlead_lake::{DECISIONS_TOPIC, EVENTS_TOPIC, Store};
use object_store::memory::InMemory;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::faults::Dying;
use crate::world::{World, assert_exact, decisions, events};

/// How one run goes: operations until the store dies, whether the last of them is answered, and
/// how many rows a batch has.
type Run = (i64, bool, usize);

async fn run(world: &World, objects: &Arc<InMemory>, run: Run) -> bool {
    let (operations, answers, roll_rows) = run;
    let dying = Arc::new(Dying::after(objects.clone(), operations, answers));
    let store = Store::over(dying.clone(), "memory://lake");
    let ended = world.catch_up(&store, roll_rows).await;
    assert_eq!(ended.is_ok(), dying.survived(), "{ended:?}");
    ended.is_ok()
}

/// Runs cases of a property over one log, which is only read.
fn check<S>(cases: u32, strategy: S, case: impl AsyncFn(&World, S::Value) -> anyhow::Result<()>)
where
    S: Strategy,
{
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let world = runtime.block_on(async {
        let world = World::new(2).await?;
        world.log.append(EVENTS_TOPIC, events(0..300)).await?;
        world.log.append(DECISIONS_TOPIC, decisions(0..60)).await?;
        anyhow::Ok(world)
    });
    let world = world.expect("a world");
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    };
    let checked = TestRunner::new(config).run(&strategy, |value| {
        let held = runtime.block_on(case(&world, value));
        held.map_err(|cause| TestCaseError::fail(format!("{cause:#}")))
    });
    checked.expect("holds in every case");
}

#[test]
fn whenever_it_dies_and_however_batches_are_cut_every_row_is_there_once() {
    let runs = proptest::collection::vec((0_i64..120, any::<bool>(), 1_usize..200), 1..8);
    check(48, runs, async |world, runs| {
        let objects = Arc::new(InMemory::new());
        for one in runs {
            run(world, &objects, one).await;
        }
        assert!(run(world, &objects, (i64::MAX, true, 70)).await);
        let store = Store::over(objects, "memory://lake");
        assert_exact(&*world.log, &store).await
    });
}

#[test]
fn writers_that_do_not_know_of_each_other_write_every_row_once() {
    let writer = || (20_i64..400, any::<bool>(), 5_usize..200);
    check(
        24,
        (writer(), writer(), writer()),
        async |world, (one, two, three)| {
            let objects = Arc::new(InMemory::new());
            futures::join!(
                run(world, &objects, one),
                run(world, &objects, two),
                run(world, &objects, three)
            );
            assert!(run(world, &objects, (i64::MAX, true, 70)).await);
            let store = Store::over(objects, "memory://lake");
            assert_exact(&*world.log, &store).await
        },
    );
}
