//! Calls to the other services: each with its share of the time left, a span, and a measure.

use std::time::{Duration, Instant};

use fairlead_chassis::deadline::Deadline;
use fairlead_proto::decision::v1::Degradation;
use tonic::{Code, Request, Response, Status};
use tracing::Instrument as _;

/// What each stage took and what was degraded.
#[derive(Debug)]
pub(super) struct Stages {
    deadline: Deadline,
    /// Milliseconds by stage.
    pub(super) took: Vec<(&'static str, f64)>,
    /// What did not work and what was done instead.
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

    /// Runs one stage under its share of the time left. On failure the fallback is noted and
    /// nothing is given; a refusal of the request itself (bad argument) is passed on.
    pub(super) async fn run<Ask, Answer, Calling>(
        &mut self,
        stage: Stage,
        ask: Ask,
        call: impl FnOnce(Request<Ask>) -> Calling,
    ) -> Result<Option<Answer>, Status>
    where
        Calling: Future<Output = Result<Response<Answer>, Status>>,
    {
        let limit = self.deadline.share(stage.share);
        let mut request = Request::new(ask);
        limit.apply(&mut request);
        let span = tracing::info_span!("stage", stage = stage.name);
        let started = Instant::now();
        let outcome = tokio::time::timeout(limit.remaining(), call(request))
            .instrument(span)
            .await;
        self.measure(stage.name, started.elapsed());
        let cause = match outcome {
            Ok(Ok(answer)) => return Ok(Some(answer.into_inner())),
            Ok(Err(refusal)) if refusal.code() == Code::InvalidArgument => return Err(refusal),
            Ok(Err(status)) => cause_of(&status),
            Err(_) => "deadline",
        };
        metrics::counter!("fairlead_degraded_total", "stage" => stage.name, "cause" => cause)
            .increment(1);
        self.degraded.push(Degradation {
            stage: stage.name.to_owned(),
            cause: cause.to_owned(),
            fallback: stage.fallback.to_owned(),
        });
        Ok(None)
    }

    /// Notes what a stage of this process took.
    pub(super) fn measure(&mut self, stage: &'static str, took: Duration) {
        metrics::histogram!("fairlead_stage_seconds", "stage" => stage).record(took.as_secs_f64());
        self.took.push((stage, took.as_secs_f64() * 1e3));
    }
}

/// A stage: its name, its share of the time left, what is done without it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) share: f64,
    pub(super) fallback: &'static str,
}

/// A bounded word for a failed call.
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
