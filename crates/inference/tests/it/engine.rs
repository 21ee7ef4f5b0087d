//! Bounds, deadlines and failures of the engine.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fairlead_inference::{
    Batch, Dtype, Engine, EngineOptions, Error, GoldenCase, Model, ModelFolder, RowGroup, Scale,
};
use futures::future::join_all;
use futures::poll;
use tch::Tensor;

use crate::fixtures::{Gate, input, manifest, number, output, trace};

const ONE: EngineOptions = EngineOptions {
    threads: 1,
    max_rows: 8,
    max_wait_us: 0,
    queue: 1,
};

fn engine(queue: usize) -> Engine {
    Engine::start(EngineOptions { queue, ..ONE }).unwrap()
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_then_recovers() {
    let gate = Gate::new();
    let engine = engine(1);
    let run = |x| Box::pin(engine.run(Arc::clone(&gate.model), number(x), None));
    let mut busy = run(1.0);
    assert!(poll!(busy.as_mut()).is_pending());
    gate.entered.recv().unwrap();
    let mut queued = run(2.0);
    assert!(poll!(queued.as_mut()).is_pending());
    let refused = run(3.0).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the inference queue is full: 1 requests are waiting"
    );
    gate.allow(3);
    assert_eq!(busy.await.unwrap().get("y").unwrap(), [-1.0]);
    assert_eq!(queued.await.unwrap().get("y").unwrap(), [-2.0]);
    assert_eq!(run(4.0).await.unwrap().get("y").unwrap(), [-4.0]);
}

#[tokio::test]
async fn a_request_whose_deadline_passed_is_dropped_unrun() {
    let gate = Gate::new();
    let engine = engine(4);
    let run = |deadline| Box::pin(engine.run(Arc::clone(&gate.model), number(1.0), deadline));
    let mut busy = run(None);
    assert!(poll!(busy.as_mut()).is_pending());
    gate.entered.recv().unwrap();
    let late = run(Some(Instant::now())).await;
    assert!(matches!(late, Err(Error::DeadlineExceeded)));
    let mut cancelled = run(None);
    assert!(poll!(cancelled.as_mut()).is_pending());
    drop(cancelled);
    let in_time = run(Some(Instant::now() + Duration::from_hours(1)));
    gate.allow(2);
    busy.await.unwrap();
    in_time.await.unwrap();
    assert_eq!(gate.passes.load(Ordering::SeqCst), 2);
}

/// Three requests in one batch, the middle one making the model panic: two are answered.
#[tokio::test]
async fn a_panic_fails_its_own_request_only() {
    let gate = Gate::new();
    let engine = engine(8);
    let run = |x| engine.run(Arc::clone(&gate.model), number(x), None);
    let mut busy = Box::pin(run(0.0));
    assert!(poll!(busy.as_mut()).is_pending());
    gate.entered.recv().unwrap();
    let mut batch = Box::pin(join_all([1.0, 13.0, 2.0].map(run)));
    assert!(poll!(batch.as_mut()).is_pending());
    // The held one, the batch, and its three requests one by one.
    gate.allow(5);
    busy.await.unwrap();
    let answers = batch.await;
    assert_eq!(answers[0].as_ref().unwrap().get("y").unwrap(), [-1.0]);
    let panic = answers[1].as_ref().unwrap_err();
    assert_eq!(panic.to_string(), "model number v1: a panic: thirteen");
    assert_eq!(answers[2].as_ref().unwrap().get("y").unwrap(), [-2.0]);
}

/// NaN for one request of a batch is that request's error, and names model and output.
#[tokio::test]
async fn nan_fails_its_own_request_only() {
    let gate = Gate::new();
    let engine = engine(8);
    let run = |x| engine.run(Arc::clone(&gate.model), number(x), None);
    let mut busy = Box::pin(run(0.0));
    assert!(poll!(busy.as_mut()).is_pending());
    gate.entered.recv().unwrap();
    let mut batch = Box::pin(join_all([1.0, 14.0].map(run)));
    assert!(poll!(batch.as_mut()).is_pending());
    gate.allow(2);
    busy.await.unwrap();
    let answers = batch.await;
    assert_eq!(answers[0].as_ref().unwrap().get("y").unwrap(), [-1.0]);
    assert_eq!(
        answers[1].as_ref().unwrap_err().to_string(),
        "model number v1, output \"y\": value 0 is NaN; only finite values are allowed"
    );
}

/// A table of three rows, looked up by an id that the manifest does not bound, and a logarithm.
fn native_model() -> Model {
    let manifest = manifest(
        "lookup",
        vec![
            input("id", Dtype::I64, None, RowGroup::Row),
            input("x", Dtype::F32, Some(1), RowGroup::Row),
        ],
        vec![output("y", RowGroup::Row, None, Scale::Value)],
    );
    let table = Tensor::from_slice(&[1.0f32, 2.0, 3.0]).view([3, 1]);
    let example = [
        Tensor::from_slice(&[0i64, 1]),
        Tensor::from_slice(&[1.0f32, 1.0]).view([2, 1]),
    ];
    let module = trace(&example, |inputs| {
        let looked_up = Tensor::embedding(&table, &inputs[0], -1, false, false);
        vec![(looked_up + inputs[1].log()).squeeze_dim(1)]
    });
    let folder = tempfile::tempdir().unwrap();
    let golden =
        GoldenCase::record("one", &manifest, &lookup(2, 1.0), &[("y", &[3.0])], 1e-6).unwrap();
    let folder = ModelFolder::write(folder.path().join("m"), &manifest, &[golden], |path| {
        Ok(module.save(path)?)
    })
    .unwrap();
    Model::load(&folder, None).unwrap()
}

fn lookup(id: i64, x: f32) -> Batch {
    Batch::new().index("id", vec![id]).f32("x", 1, vec![x])
}

/// An exception of libtorch, and a NaN that it computes, is the error of its own request.
#[tokio::test]
async fn a_native_failure_fails_its_own_request_only() {
    let gate = Gate::new();
    let engine = engine(8);
    let model = Arc::new(native_model());
    let mut busy = Box::pin(engine.run(Arc::clone(&gate.model), number(0.0), None));
    assert!(poll!(busy.as_mut()).is_pending());
    gate.entered.recv().unwrap();
    let requests = [(0, 1.0), (99, 1.0), (1, -1.0), (1, 1.0)];
    let mut batch =
        Box::pin(join_all(requests.map(|(id, x)| {
            engine.run(Arc::clone(&model), lookup(id, x), None)
        })));
    assert!(poll!(batch.as_mut()).is_pending());
    gate.allow(1);
    busy.await.unwrap();
    let answers = batch.await;
    assert_eq!(answers[0].as_ref().unwrap().get("y").unwrap(), [1.0]);
    let thrown = answers[1].as_ref().unwrap_err().to_string();
    assert!(
        thrown.starts_with("lookup v1: running TorchScript: ")
            && thrown.contains("index out of range"),
        "{thrown}"
    );
    assert!(!thrown.contains('\n'), "{thrown}");
    assert!(matches!(answers[2], Err(Error::OutputNotFinite { .. })));
    assert_eq!(answers[3].as_ref().unwrap().get("y").unwrap(), [2.0]);
}

#[tokio::test]
async fn a_request_that_does_not_fit_is_refused_before_it_is_queued() {
    let gate = Gate::new();
    let engine = engine(1);
    let nan = engine.run(Arc::clone(&gate.model), number(f32::NAN), None);
    let nan = nan.await.unwrap_err();
    assert_eq!(
        nan.to_string(),
        "model number v1, input \"x\": row 0, column 0 is NaN; only finite values are allowed"
    );
    assert_eq!(gate.passes.load(Ordering::SeqCst), 0);
}

#[test]
fn bad_options_are_named() {
    let bad = |options| Engine::start(options).unwrap_err().to_string();
    assert_eq!(
        bad(EngineOptions { threads: 0, ..ONE }),
        "engine option threads is 0; at least 1 is allowed"
    );
    assert!(bad(EngineOptions { queue: 0, ..ONE }).contains("queue"));
    assert!(bad(EngineOptions { max_rows: 0, ..ONE }).contains("max_rows"));
    let wait = EngineOptions {
        max_wait_us: 2_000_000,
        ..ONE
    };
    assert!(bad(wait).contains("max_wait_us is 2000000"));
}
