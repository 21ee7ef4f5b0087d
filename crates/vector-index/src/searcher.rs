//! Searches off the reactor: dedicated threads behind a bounded queue, over an index that can be
//! swapped while they run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use tokio::sync::oneshot;

use crate::error::Error;
use crate::filter::Filter;
use crate::index::Searchable;
use crate::score::Hit;

/// How a [`Searcher`] runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearcherOptions {
    /// Threads that search, at least 1; each search uses one.
    pub threads: usize,
    /// How many searches may wait, at least 1; one more is refused as [`Error::Overloaded`].
    pub queue: usize,
}

/// One search.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// As many values as the index has dimensions.
    pub query: Vec<f32>,
    /// How many hits, at most.
    pub k: usize,
    /// Which rows may be returned; all when absent. Must be made from the index that is searched.
    pub filter: Option<Arc<Filter>>,
    /// When the answer is no longer of use.
    pub deadline: Option<Instant>,
}

/// Hits, with the index whose rows they number.
#[derive(Debug, Clone)]
pub struct Found<S> {
    /// The index that was searched.
    pub index: Arc<S>,
    /// Best first.
    pub hits: Vec<Hit>,
}

/// Dedicated search threads. Dropping it ends them, after the searches that they are in.
#[derive(Debug)]
pub struct Searcher<S: Searchable + 'static> {
    current: ArcSwap<S>,
    bound: usize,
    /// `Some` until dropped; the threads end when it is gone.
    queue: Option<Sender<Job<S>>>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Job<S> {
    index: Arc<S>,
    request: SearchRequest,
    answer: oneshot::Sender<Result<Vec<Hit>, Error>>,
}

impl<S: Searchable + 'static> Searcher<S> {
    /// Starts the threads over `index`.
    pub fn start(options: SearcherOptions, index: Arc<S>) -> Result<Self, Error> {
        for (option, value) in [("threads", options.threads), ("queue", options.queue)] {
            if value == 0 {
                return Err(Error::Options { option, value });
            }
        }
        let (queue, jobs) = crossbeam_channel::bounded(options.queue);
        let mut searcher = Self {
            current: ArcSwap::new(index),
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

    /// The index that [`search`](Self::search) uses now. Take it once for one request: the filter
    /// and the product ids must come from the index that is searched.
    pub fn current(&self) -> Arc<S> {
        self.current.load_full()
    }

    /// Searches that start from now on use `index`; gives the one used so far.
    pub fn swap(&self, index: Arc<S>) -> Arc<S> {
        self.current.swap(index)
    }

    /// Searches the current index.
    pub async fn search(&self, request: SearchRequest) -> Result<Found<S>, Error> {
        let index = self.current();
        let hits = self.search_on(Arc::clone(&index), request).await?;
        Ok(Found { index, hits })
    }

    /// Searches `index`, which [`current`](Self::current) gave.
    ///
    /// Errors: those of [`Searchable::search`]; [`Error::Overloaded`] at once when the queue is
    /// full; [`Error::DeadlineExceeded`] when the deadline passes first.
    pub async fn search_on(
        &self,
        index: Arc<S>,
        request: SearchRequest,
    ) -> Result<Vec<Hit>, Error> {
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

fn work<S: Searchable>(jobs: &Receiver<Job<S>>) {
    while let Ok(job) = jobs.recv() {
        metrics::gauge!("fairlead_vector_search_queue_depth").set(jobs.len() as f64);
        // Whoever asked has left: by a deadline, or because the request was cancelled.
        if job.answer.is_closed() {
            continue;
        }
        let result = answer(&*job.index, &job.request);
        // An error here only says that whoever asked has left meanwhile.
        let _ = job.answer.send(result);
    }
}

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
