//! Stages of a request inside one service: a span each, and its duration in the service's own
//! histogram under the label `stage`.

use std::time::Instant;

use tracing::Instrument as _;

/// The stages of one service.
#[derive(Debug, Clone, Copy)]
pub struct Stages {
    histogram: &'static str,
}

impl Stages {
    /// Stages whose durations, in seconds, go into `histogram`.
    pub const fn measured_as(histogram: &'static str) -> Self {
        Self { histogram }
    }

    /// Runs a stage that waits for others.
    pub async fn wait<T>(self, stage: &'static str, work: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let span = tracing::info_span!("stage", otel.name = stage);
        let made = work.instrument(span).await;
        self.record(stage, started);
        made
    }

    /// Runs a stage that only computes.
    pub fn run<T>(self, stage: &'static str, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let made = tracing::info_span!("stage", otel.name = stage).in_scope(work);
        self.record(stage, started);
        made
    }

    fn record(self, stage: &'static str, started: Instant) {
        metrics::histogram!(self.histogram, "stage" => stage)
            .record(started.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn a_stage_is_measured_under_its_name_in_the_services_own_histogram() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        let stages = Stages::measured_as("fairlead_example_stage_seconds");
        let made = metrics::with_local_recorder(&recorder, || {
            let waited = futures::executor::block_on(stages.wait("fetch", async { 1 }));
            waited + stages.run("merge", || 2)
        });
        assert_eq!(made, 3);
        let page = metrics.render();
        for stage in ["fetch", "merge"] {
            let line = format!("fairlead_example_stage_seconds_count{{stage=\"{stage}\"}} 1");
            assert!(page.contains(&line), "{page}");
        }
    }
}
