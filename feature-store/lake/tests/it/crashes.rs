//! A writer whose store fails at any operation, repeatedly, each time with other settings.

use std::ops::Range;
use std::sync::Arc;

use fairlead_lake::{DECISIONS_TOPIC, EVENTS_TOPIC, Store};
use object_store::memory::InMemory;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::faults::FailingStore;
use crate::fixture::{Fixture, assert_exact, decisions, events};

/// The settings of one run.
#[derive(Debug, Clone)]
struct Run {
    /// The number of operations after which the store fails.
    operations: i64,
    /// True if the last operation is answered.
    answers: bool,
    /// The number of rows of a batch.
    roll_rows: usize,
}

impl Run {
    /// A run whose store does not fail.
    const COMPLETE: Self = Self {
        operations: i64::MAX,
        answers: true,
        roll_rows: 70,
    };
}

/// Generates runs with these ranges of operations and batch sizes.
fn any_run(operations: Range<i64>, roll_rows: Range<usize>) -> impl Strategy<Value = Run> {
    let settings = (operations, any::<bool>(), roll_rows);
    settings.prop_map(|(operations, answers, roll_rows)| Run {
        operations,
        answers,
        roll_rows,
    })
}

/// Writes the log once. Returns true if the store did not fail.
async fn run(fixture: &Fixture, objects: &Arc<InMemory>, run: Run) -> bool {
    let failing = Arc::new(FailingStore::after(
        objects.clone(),
        run.operations,
        run.answers,
    ));
    let store = Store::over(failing.clone(), "memory://lake");
    let ended = fixture.catch_up(&store, run.roll_rows).await;
    assert_eq!(ended.is_ok(), failing.survived(), "{ended:?}");
    ended.is_ok()
}

/// Checks a property in many cases over one log, which is only read.
fn check<S>(cases: u32, strategy: S, case: impl AsyncFn(&Fixture, S::Value) -> anyhow::Result<()>)
where
    S: Strategy,
{
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let fixture = runtime.block_on(async {
        let fixture = Fixture::new(2).await?;
        fixture.log.append(EVENTS_TOPIC, events(0..300)).await?;
        fixture
            .log
            .append(DECISIONS_TOPIC, decisions(0..60))
            .await?;
        anyhow::Ok(fixture)
    });
    let fixture = fixture.expect("a log");
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    };
    let checked = TestRunner::new(config).run(&strategy, |value| {
        let held = runtime.block_on(case(&fixture, value));
        held.map_err(|cause| TestCaseError::fail(format!("{cause:#}")))
    });
    checked.expect("holds in every case");
}

#[test]
fn after_any_crashes_and_batch_sizes_every_row_is_written_once() {
    let runs = proptest::collection::vec(any_run(0..120, 1..200), 1..8);
    check(48, runs, async |fixture, runs| {
        let objects = Arc::new(InMemory::new());
        for one in runs {
            run(fixture, &objects, one).await;
        }
        assert!(run(fixture, &objects, Run::COMPLETE).await);
        let store = Store::over(objects, "memory://lake");
        assert_exact(&*fixture.log, &store).await
    });
}

#[test]
fn concurrent_writers_write_every_row_once() {
    let writer = || any_run(20..400, 5..200);
    check(
        24,
        (writer(), writer(), writer()),
        async |fixture, (one, two, three)| {
            let objects = Arc::new(InMemory::new());
            futures::join!(
                run(fixture, &objects, one),
                run(fixture, &objects, two),
                run(fixture, &objects, three)
            );
            assert!(run(fixture, &objects, Run::COMPLETE).await);
            let store = Store::over(objects, "memory://lake");
            assert_exact(&*fixture.log, &store).await
        },
    );
}
