//! Dedicated inference threads behind one bounded queue, with micro-batching.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::batch::{Batch, CheckedBatch, GroupRows};
use crate::concat::{concat, split};
use crate::error::Error;
use crate::model::Model;
use crate::outputs::Outputs;
use crate::queue::{Batchable, Queue, Refused};
use crate::threads::one_thread;

/// The options of an [`Engine`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOptions {
    /// The number of threads that run models, at least 1; each uses one core.
    pub threads: usize,
    /// The most rows (of users, or to score, whichever are more) that a batch holds. A request
    /// that has more by itself is run by itself.
    pub max_rows: usize,
    /// The time that a request may wait for others to join it, in microseconds. 0: never, a batch is
    /// what is queued when a thread becomes free.
    pub max_wait_us: u64,
    /// The number of requests that may be queued, at least 1; one more is refused.
    pub queue: usize,
}

/// Runs requests on its own threads. Dropping it ends them, after the batches that they are in.
#[derive(Debug)]
pub struct Engine {
    queue: Arc<Queue<Job>>,
    options: EngineOptions,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Job {
    model: Arc<Model>,
    batch: CheckedBatch,
    deadline: Option<Instant>,
    queued: Instant,
    answer: oneshot::Sender<Result<Outputs, Error>>,
}

impl Batchable for Job {
    fn goes_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.model, &other.model)
    }

    fn rows(&self) -> usize {
        self.batch.rows().largest()
    }

    fn queued(&self) -> Instant {
        self.queued
    }
}

impl Engine {
    /// Starts the threads. Each sets libtorch to one thread, which is also the default of threads
    /// that use libtorch later in this process: training sets its own number on its own thread.
    pub fn start(options: EngineOptions) -> Result<Self, Error> {
        for (option, value) in [
            ("threads", options.threads),
            ("max_rows", options.max_rows),
            ("queue", options.queue),
        ] {
            if value == 0 {
                return Err(Error::Options {
                    option,
                    value: 0,
                    allowed: "at least 1 is allowed",
                });
            }
        }
        if options.max_wait_us > 1_000_000 {
            return Err(Error::Options {
                option: "max_wait_us",
                value: options.max_wait_us,
                allowed: "0 to 1000000 (a second) are allowed",
            });
        }
        let queue = Arc::new(Queue::new(options.queue));
        let mut engine = Self {
            queue: Arc::clone(&queue),
            options,
            threads: Vec::with_capacity(options.threads),
        };
        for number in 0..options.threads {
            let queue = Arc::clone(&queue);
            let thread = std::thread::Builder::new()
                .name(format!("inference-{number}"))
                .spawn(move || work(&queue, options))
                .map_err(Error::file("inference".as_ref(), "starting a thread"))?;
            engine.threads.push(thread);
        }
        Ok(engine)
    }

    /// Runs `request` on `model`, in one batch with other requests on it.
    ///
    /// # Errors
    /// [`Error::Input`] for a request that does not fit; [`Error::Overloaded`] at once when the
    /// queue is full; [`Error::DeadlineExceeded`] when the deadline passes first, in which case the
    /// request is not run; [`Error::OutputNotFinite`], [`Error::Torch`], [`Error::Panicked`] from
    /// the model.
    pub async fn run(
        &self,
        model: Arc<Model>,
        request: Batch,
        deadline: Option<Instant>,
    ) -> Result<Outputs, Error> {
        let batch = model.check(request)?;
        let (answer, answered) = oneshot::channel();
        let job = Job {
            model,
            batch,
            deadline,
            queued: Instant::now(),
            answer,
        };
        self.queue.push(job).map_err(|refused| match refused {
            Refused::Full => {
                metrics::counter!("fairlead_inference_refused_total").increment(1);
                Error::Overloaded {
                    bound: self.options.queue,
                }
            }
            Refused::Closed => Error::Stopped,
        })?;
        metrics::gauge!("fairlead_inference_queue_depth").set(self.queue.len() as f64);
        let answered = async { answered.await.unwrap_or(Err(Error::Stopped)) };
        match deadline {
            None => answered.await,
            Some(at) => tokio::time::timeout_at(at.into(), answered)
                .await
                .unwrap_or(Err(Error::DeadlineExceeded)),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("an inference thread ended by a panic");
            }
        }
    }
}

fn work(queue: &Queue<Job>, options: EngineOptions) {
    // One core a thread: requests are spread over threads, not one request over cores.
    one_thread();
    let max_wait = Duration::from_micros(options.max_wait_us);
    while let Some(jobs) = queue.take(options.max_rows, max_wait) {
        metrics::gauge!("fairlead_inference_queue_depth").set(queue.len() as f64);
        let now = Instant::now();
        let mut live = Vec::with_capacity(jobs.len());
        for job in jobs {
            if job.deadline.is_some_and(|deadline| deadline <= now) {
                reply(job, Err(Error::DeadlineExceeded));
            } else if !job.answer.is_closed() {
                live.push(job);
            }
        }
        run_together(live);
    }
}

/// Runs the jobs, all of one model, as one batch; if that fails, one by one, so that one request
/// does not fail another.
fn run_together(jobs: Vec<Job>) {
    let Some(first) = jobs.first() else {
        return;
    };
    let model = Arc::clone(&first.model);
    if jobs.len() == 1 {
        run_apart(&model, jobs);
        return;
    }
    let manifest = model.shared_manifest();
    let sizes: Vec<GroupRows> = jobs.iter().map(|job| job.batch.rows()).collect();
    let together = concat(manifest, jobs.iter().map(|job| &job.batch));
    match guarded(&model, &together, Model::run) {
        Ok(raw) => {
            for (job, part) in jobs.into_iter().zip(split(manifest, raw, &sizes)) {
                reply(job, Outputs::new(manifest, part));
            }
        }
        Err(error) => {
            tracing::debug!(%error, requests = jobs.len(), "batch failed, running one by one");
            run_apart(&model, jobs);
        }
    }
}

fn run_apart(model: &Model, jobs: Vec<Job>) {
    for job in jobs {
        let result = guarded(model, &job.batch, Model::answer);
        reply(job, result);
    }
}

/// Runs one forward pass, timed, with a panic turned into an error.
fn guarded<T>(
    model: &Model,
    batch: &CheckedBatch,
    run: impl FnOnce(&Model, &CheckedBatch) -> Result<T, Error>,
) -> Result<T, Error> {
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| run(model, batch)))
        .unwrap_or_else(|panic| Err(Error::panicked(model.manifest().title(), &*panic)));
    let name = &model.manifest().name;
    metrics::histogram!("fairlead_inference_forward_seconds", "model" => name.clone())
        .record(start.elapsed().as_secs_f64());
    metrics::histogram!("fairlead_inference_batch_rows", "model" => name.clone())
        .record(batch.rows().largest() as f64);
    result
}

fn reply(job: Job, result: Result<Outputs, Error>) {
    // An error here only says that whoever asked has left meanwhile.
    let _ = job.answer.send(result);
}
