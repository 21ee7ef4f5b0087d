//! Stages of a decision: each with its share of the time left, a span, a measure and a fallback.

use std::time::{Duration, Instant};

use fairlead_chassis::deadline::Deadline;
use fairlead_proto::decision::v1::Degradation;
use tonic::{Code, Status};
use tracing::Instrument as _;

/// The durations of the stages, and what was degraded.
#[derive(Debug)]
pub(super) struct Stages {
    deadline: Deadline,
    /// Milliseconds by stage.
    pub(super) took: Vec<(&'static str, f64)>,
    /// The stages that failed, with their fallbacks.
    pub(super) degraded: Vec<Degradation>,
}

impl Stages {
    pub(super) fn new(deadline: Deadline) -> Self {
        Self {
            deadline,
            took: Vec::with_capacity(6),
            degraded: Vec::new(),
        }
    }

    /// Runs one stage under its share of the time left, and returns its answer, or `None` if it failed;
    /// the fallback is noted then.
    ///
    /// # Errors
    /// A refusal of the request itself (bad argument).
    pub(super) async fn run<Answer, Calling>(
        &mut self,
        stage: Stage,
        call: impl FnOnce(Deadline) -> Calling,
    ) -> Result<Option<Answer>, Status>
    where
        Calling: Future<Output = Result<Answer, Status>>,
    {
        let by = self.deadline.share(stage.share);
        let span = tracing::info_span!("stage", stage = stage.name);
        let started = Instant::now();
        let outcome = call(by).instrument(span).await;
        self.measure(stage.name, started.elapsed());
        let status = match outcome {
            Ok(answer) => return Ok(Some(answer)),
            Err(status) if status.code() == Code::InvalidArgument => return Err(status),
            Err(status) => status,
        };
        let cause = cause_of(&status);
        metrics::counter!("fairlead_degraded_total", "stage" => stage.name, "cause" => cause)
            .increment(1);
        self.degraded.push(Degradation {
            stage: stage.name.to_owned(),
            cause: cause.to_owned(),
            fallback: stage.fallback.to_owned(),
        });
        Ok(None)
    }

    /// Notes the duration of a stage.
    pub(super) fn measure(&mut self, stage: &'static str, took: Duration) {
        metrics::histogram!("fairlead_stage_seconds", "stage" => stage).record(took.as_secs_f64());
        self.took.push((stage, took.as_secs_f64() * 1e3));
    }
}

/// A stage: its name, its share of the time left, and the fallback in words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) share: f64,
    pub(super) fallback: &'static str,
}

/// Returns the word for a failed call; there are few, so that they can be a label.
fn cause_of(status: &Status) -> &'static str {
    match status.code() {
        Code::DeadlineExceeded | Code::Cancelled => "deadline",
        Code::Unavailable => "unavailable",
        Code::ResourceExhausted => "overloaded",
        Code::FailedPrecondition => "not ready",
        _ => {
            tracing::error!(code = ?status.code(), message = status.message(), "stage failed");
            "error"
        }
    }
}
