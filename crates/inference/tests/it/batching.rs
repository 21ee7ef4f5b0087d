//! A request's answer does not depend on what it is batched with.

use std::sync::Arc;

use fairlead_inference::{Engine, EngineOptions, Model};
use futures::future::join_all;
use parking_lot::RwLock;
use proptest::prelude::*;

use crate::fixtures::{
    Gate, ITEM_CATEGORIES, Request, USER_CATEGORIES, assert_close, load_ranker, number, request,
};

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let value = -2.0f32..2.0;
    let user = ([value.clone(), value.clone()], 0..USER_CATEGORIES);
    let request = proptest::collection::vec(user, 1..4).prop_flat_map(move |users| {
        let row = (
            0..users.len(),
            0..ITEM_CATEGORIES,
            [value.clone(), value.clone(), value.clone()],
        );
        proptest::collection::vec(row, 1..9).prop_map(move |rows| Request {
            users: users.clone(),
            rows,
        })
    });
    proptest::collection::vec(request, 1..8)
}

/// Runs all requests while the engine's only thread is held, so that they are queued together and
/// leave in batches of up to `max_rows`.
fn run_batched(
    model: &Arc<Model>,
    requests: &[Request],
    max_rows: usize,
) -> Vec<(Vec<f32>, Vec<f32>)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let gate = Gate::new();
    let options = EngineOptions {
        threads: 1,
        max_rows,
        max_wait_us: 0,
        queue: 64,
    };
    let engine = Engine::start(options).unwrap();
    runtime.block_on(async {
        let holding = engine.run(Arc::clone(&gate.model), number(1.0), None);
        let batched = async {
            let entered = gate.entered.clone();
            tokio::task::yield_now().await;
            // The holding request is the first of the join below: it is queued already.
            entered.recv().unwrap();
            let answers = requests
                .iter()
                .map(|request| engine.run(Arc::clone(model), request.batch(), None));
            let mut answers = Box::pin(join_all(answers));
            assert!(futures::poll!(answers.as_mut()).is_pending());
            gate.allow(1);
            answers.await
        };
        let (held, answers) = futures::join!(holding, batched);
        held.unwrap();
        answers
            .into_iter()
            .map(|answer| {
                let answer = answer.unwrap();
                let get = |name| answer.get(name).unwrap().to_vec();
                (get("click"), get("convert"))
            })
            .collect()
    })
}

#[test]
fn batched_answers_equal_single_ones_and_the_arithmetic() {
    let model = Arc::new(load_ranker("v1", 0.0));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(64));
    runner
        .run(&(requests(), 1usize..40), |(requests, max_rows)| {
            let batched = run_batched(&model, &requests, max_rows);
            for (request, (click, convert)) in requests.iter().zip(&batched) {
                let single = model.forward_once(&request.batch()).unwrap();
                assert_close(click, single.get("click").unwrap());
                assert_close(convert, single.get("convert").unwrap());
                let expected = request.expected(0.0);
                assert_close(click, &expected.0);
                assert_close(convert, &expected.1);
            }
            Ok(())
        })
        .unwrap();
}

/// Requests queued together make one forward pass, as many as fit.
#[tokio::test]
async fn what_is_queued_together_runs_together() {
    let gate = Gate::new();
    let options = EngineOptions {
        threads: 1,
        max_rows: 3,
        max_wait_us: 0,
        queue: 16,
    };
    let engine = Engine::start(options).unwrap();
    let run = |x| engine.run(Arc::clone(&gate.model), number(x), None);
    let mut first = Box::pin(run(0.0));
    assert!(futures::poll!(first.as_mut()).is_pending());
    assert_eq!(gate.entered.recv().unwrap(), 1);
    let mut rest = Box::pin(join_all([1.0, 2.0, 3.0, 4.0, 5.0].map(run)));
    assert!(futures::poll!(rest.as_mut()).is_pending());
    gate.allow(3);
    first.await.unwrap();
    let answers: Vec<f32> = rest
        .await
        .into_iter()
        .map(|answer| answer.unwrap().get("y").unwrap()[0])
        .collect();
    assert_eq!(answers, [-1.0, -2.0, -3.0, -4.0, -5.0]);
    assert_eq!(gate.entered.try_iter().collect::<Vec<_>>(), [3, 2]);
}

/// With a wait, a thread holds a batch open until it is full.
#[tokio::test]
async fn a_batch_that_may_wait_fills_up() {
    let gate = Gate::new();
    let options = EngineOptions {
        threads: 1,
        max_rows: 2,
        max_wait_us: 1_000_000,
        queue: 16,
    };
    let engine = Engine::start(options).unwrap();
    gate.allow(1);
    let run = |x| engine.run(Arc::clone(&gate.model), number(x), None);
    let (one, two) = futures::join!(run(1.0), run(2.0));
    assert_eq!(one.unwrap().get("y").unwrap(), [-1.0]);
    assert_eq!(two.unwrap().get("y").unwrap(), [-2.0]);
    assert_eq!(gate.entered.try_iter().collect::<Vec<_>>(), [2]);
}

/// Many clients at once, several threads: every one gets its own rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_clients_get_their_own_answers() {
    let model = Arc::new(load_ranker("v1", 0.0));
    let options = EngineOptions {
        threads: 2,
        max_rows: 64,
        max_wait_us: 0,
        queue: 256,
    };
    let engine = Arc::new(Engine::start(options).unwrap());
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..8u8 {
        let (model, engine) = (Arc::clone(&model), Arc::clone(&engine));
        clients.spawn(async move {
            for n in 0..100u8 {
                let own = f32::from(client) * 0.1 + f32::from(n) * 0.001;
                let request = Request {
                    users: vec![([own, 0.5], i64::from(client) % USER_CATEGORIES)],
                    rows: vec![
                        (0, i64::from(n) % ITEM_CATEGORIES, [own, own, 1.0]);
                        1 + client as usize
                    ],
                };
                let running = engine.run(Arc::clone(&model), request.batch(), None);
                let answer = running.await.unwrap();
                assert_close(answer.get("click").unwrap(), &request.expected(0.0).0);
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
}

/// Version `n` shifts its clicks by `n`: each answer must be that of the version it names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_exchanged_under_load_lose_nothing_and_mix_nothing() {
    let versions: Vec<_> = [0.0f32, 1.0, 2.0]
        .map(|shift| Arc::new(load_ranker(&format!("{shift}"), shift)))
        .into();
    let options = EngineOptions {
        threads: 2,
        max_rows: 64,
        max_wait_us: 0,
        queue: 256,
    };
    let current = Arc::new(RwLock::new(Arc::clone(&versions[0])));
    let engine = Arc::new(Engine::start(options).unwrap());
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (current, engine) = (Arc::clone(&current), Arc::clone(&engine));
        clients.spawn(async move {
            let mut seen = 0.0f32;
            for _ in 0..300 {
                let model = Arc::clone(&current.read());
                let outputs = engine.run(model, request().batch(), None).await.unwrap();
                let shift: f32 = outputs.manifest().version.parse().unwrap();
                assert_close(outputs.get("click").unwrap(), &request().expected(shift).0);
                assert!(shift >= seen, "went back to an older version");
                seen = shift;
            }
        });
    }
    for version in &versions[1..] {
        for _ in 0..50 {
            let own = Arc::clone(&versions[0]);
            engine.run(own, request().batch(), None).await.unwrap();
        }
        *current.write() = Arc::clone(version);
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let last = Arc::clone(&current.read());
    let last = engine.run(last, request().batch(), None).await.unwrap();
    assert_eq!(last.manifest().version, "2");
}
