//! A stage of a request: a span, and its duration as `fairlead_recall_stage_seconds`.

use std::time::Instant;

use tracing::Instrument as _;

/// Runs a stage that waits for others.
pub(crate) async fn wait<T>(stage: &'static str, work: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let made = work
        .instrument(tracing::info_span!("stage", otel.name = stage))
        .await;
    record(stage, started);
    made
}

/// Runs a stage that only computes.
pub(crate) fn run<T>(stage: &'static str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let made = tracing::info_span!("stage", otel.name = stage).in_scope(work);
    record(stage, started);
    made
}

fn record(stage: &'static str, started: Instant) {
    metrics::histogram!("fairlead_recall_stage_seconds", "stage" => stage)
        .record(started.elapsed().as_secs_f64());
}
