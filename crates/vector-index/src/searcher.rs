//! The searcher: dedicated threads behind a bounded queue, outside the async reactor.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use tokio::sync::oneshot;

use crate::error::Error;
use crate::filter::Filter;
use crate::index::Searchable;
use crate::score::Hit;

/// The options of a [`Searcher`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearcherOptions {
    /// The number of threads that search, at least 1; each search uses one.
    pub threads: usize,
    /// The number of searches that may wait, at least 1; one more is refused as
    /// [`Error::Overloaded`].
    pub queue: usize,
}

/// A search.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// The query: as many values as the index has dimensions.
    pub query: Vec<f32>,
    /// The largest number of hits.
    pub k: usize,
    /// The rows that may be returned, or `None` for all. It must be made from the index that is
    /// searched.
    pub filter: Option<Arc<Filter>>,
    /// The instant after which the answer is of no use, or `None` for no deadline.
    pub deadline: Option<Instant>,
}

/// Dedicated search threads. Dropping it ends them after their current searches.
#[derive(Debug)]
pub struct Searcher<S: Searchable + 'static> {
    bound: usize,
    /// `Some` until the searcher is dropped; the threads end when the queue is closed.
    queue: Option<Sender<Job<S>>>,
    threads: Vec<JoinHandle<()>>,
}

/// A search in the queue.
#[derive(Debug)]
struct Job<S> {
    index: Arc<S>,
    request: SearchRequest,
    answer: oneshot::Sender<Result<Vec<Hit>, Error>>,
}

impl<S: Searchable + 'static> Searcher<S> {
    /// Starts the threads.
    ///
    /// # Errors
    /// Returns [`Error::Options`] for an option of 0, [`Error::File`] if a thread cannot be started.
    pub fn start(options: SearcherOptions) -> Result<Self, Error> {
        for (option, value) in [("threads", options.threads), ("queue", options.queue)] {
            if value == 0 {
                return Err(Error::Options { option, value });
            }
        }
        let (queue, jobs) = crossbeam_channel::bounded(options.queue);
        let mut searcher = Self {
            bound: options.queue,
            queue: Some(queue),
            threads: Vec::with_capacity(options.threads),
        };
        for number in 0..options.threads {
            let jobs = jobs.clone();
            let thread = std::thread::Builder::new()
                .name(format!("vector-search-{number}"))
                .spawn(move || work(&jobs))
                .map_err(Error::file("vector-search".as_ref(), "starting a thread"))?;
            searcher.threads.push(thread);
        }
        Ok(searcher)
    }

    /// Searches `index` and returns its hits, best first. The filter must be made from the same
    /// index.
    ///
    /// # Errors
    /// Returns the errors of [`Searchable::search`], [`Error::Overloaded`] at once if the queue is
    /// full, [`Error::DeadlineExceeded`] if the deadline passes first, [`Error::Panicked`] if the
    /// search panics, and [`Error::Stopped`] if the searcher stops.
    pub async fn search(&self, index: Arc<S>, request: SearchRequest) -> Result<Vec<Hit>, Error> {
        let Some(queue) = &self.queue else {
            return Err(Error::Stopped);
        };
        let deadline = request.deadline;
        let (answer, answered) = oneshot::channel();
        let job = Job {
            index,
            request,
            answer,
        };
        queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => {
                metrics::counter!("fairlead_vector_search_refused_total").increment(1);
                Error::Overloaded { bound: self.bound }
            }
            TrySendError::Disconnected(_) => Error::Stopped,
        })?;
        metrics::gauge!("fairlead_vector_search_queue_depth").set(queue.len() as f64);
        let answered = async { answered.await.unwrap_or(Err(Error::Stopped)) };
        match deadline {
            None => answered.await,
            Some(at) => tokio::time::timeout_at(at.into(), answered)
                .await
                .unwrap_or(Err(Error::DeadlineExceeded)),
        }
    }
}

impl<S: Searchable + 'static> Drop for Searcher<S> {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a vector search thread ended by a panic");
            }
        }
    }
}

/// Answers jobs until the queue is closed.
fn work<S: Searchable>(jobs: &Receiver<Job<S>>) {
    while let Ok(job) = jobs.recv() {
        metrics::gauge!("fairlead_vector_search_queue_depth").set(jobs.len() as f64);
        // The caller no longer waits: its deadline passed, or the request was cancelled.
        if job.answer.is_closed() {
            continue;
        }
        let result = answer(&*job.index, &job.request);
        // An error only means that the caller stopped waiting meanwhile.
        let _ = job.answer.send(result);
    }
}

/// Runs one search; converts a panic into an error.
fn answer<S: Searchable>(index: &S, request: &SearchRequest) -> Result<Vec<Hit>, Error> {
    let start = Instant::now();
    if request.deadline.is_some_and(|deadline| deadline <= start) {
        return Err(Error::DeadlineExceeded);
    }
    let search = || index.search(&request.query, request.k, request.filter.as_deref());
    let result = catch_unwind(AssertUnwindSafe(search)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|&text| text.to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Err(Error::Panicked { message })
    });
    metrics::histogram!("fairlead_vector_search_seconds").record(start.elapsed().as_secs_f64());
    result
}
