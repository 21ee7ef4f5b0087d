//! A bounded queue from which a thread takes several jobs that go together.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// A job that can be run together with others.
pub(crate) trait Batchable {
    /// Returns true if the two can be run as one.
    fn goes_with(&self, other: &Self) -> bool;
    /// Returns the number of rows of a batch that the job fills.
    fn rows(&self) -> usize;
    /// Returns the instant at which it was queued.
    fn queued(&self) -> Instant;
}

/// First in, first out, except that jobs that go with the first are taken along with it.
#[derive(Debug)]
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
    bound: usize,
}

#[derive(Debug)]
struct State<J> {
    jobs: VecDeque<J>,
    closed: bool,
}

/// The reason for which a job was not queued.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Full,
    Closed,
}

impl<J: Batchable> Queue<J> {
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            state: Mutex::new(State {
                jobs: VecDeque::with_capacity(bound),
                closed: false,
            }),
            changed: Condvar::new(),
            bound,
        }
    }

    pub(crate) fn push(&self, job: J) -> Result<(), Refused> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.jobs.len() >= self.bound {
            return Err(Refused::Full);
        }
        state.jobs.push_back(job);
        // All: a thread that fills up a batch may wake for a job that it leaves to another.
        self.changed.notify_all();
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.state.lock().jobs.len()
    }

    /// Wakes all threads; jobs still queued are dropped.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.jobs.clear();
        self.changed.notify_all();
    }

    /// Takes the oldest job, and those behind it that go with it, up to `max_rows` in all (the oldest is
    /// taken whatever its size). Blocks while there is none; then waits for the batch to fill up
    /// until the oldest has been queued for `max_wait`. Returns `None` once the queue is
    /// closed.
    pub(crate) fn take(&self, max_rows: usize, max_wait: Duration) -> Option<Vec<J>> {
        let mut state = self.state.lock();
        let first = loop {
            if state.closed {
                return None;
            }
            match state.jobs.pop_front() {
                Some(job) => break job,
                None => self.changed.wait(&mut state),
            }
        };
        let until = first.queued() + max_wait;
        let mut rows = first.rows();
        let mut batch = vec![first];
        loop {
            let full = state.gather(&mut batch, &mut rows, max_rows);
            if full || rows >= max_rows || state.closed || Instant::now() >= until {
                return Some(batch);
            }
            self.changed.wait_until(&mut state, until);
        }
    }
}

impl<J: Batchable> State<J> {
    /// Moves what goes with `batch` into it. Returns true if one that does found no room. That one ends
    /// the batch: those behind it must not overtake it for ever.
    fn gather(&mut self, batch: &mut Vec<J>, rows: &mut usize, max_rows: usize) -> bool {
        let mut at = 0;
        while let Some(job) = self.jobs.get(at) {
            if !job.goes_with(&batch[0]) {
                at += 1;
                continue;
            }
            if *rows + job.rows() > max_rows {
                return true;
            }
            *rows += job.rows();
            batch.extend(self.jobs.remove(at));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Job {
        number: usize,
        model: u8,
        rows: usize,
        queued: Instant,
    }

    impl Batchable for Job {
        fn goes_with(&self, other: &Self) -> bool {
            self.model == other.model
        }
        fn rows(&self) -> usize {
            self.rows
        }
        fn queued(&self) -> Instant {
            self.queued
        }
    }

    fn job(number: usize, model: u8, rows: usize) -> Job {
        let queued = Instant::now();
        Job {
            number,
            model,
            rows,
            queued,
        }
    }

    proptest! {
        /// Every job that is queued comes out once, in order within its model, in batches of one model
        /// that are no larger than allowed unless they are a single job.
        #[test]
        fn nothing_is_lost_mixed_or_reordered(
            jobs in proptest::collection::vec((0u8..3, 1usize..6), 0..40), max_rows in 1usize..9,
        ) {
            let queue = Queue::new(64);
            for (number, &(model, rows)) in jobs.iter().enumerate() {
                prop_assert_eq!(queue.push(job(number, model, rows)), Ok(()));
            }
            let mut taken: Vec<Job> = Vec::new();
            while queue.len() > 0 {
                let oldest = queue.state.lock().jobs[0].number;
                let batch = queue.take(max_rows, Duration::ZERO).unwrap();
                prop_assert_eq!(batch[0].number, oldest);
                prop_assert!(batch.iter().all(|job| job.model == batch[0].model));
                let rows: usize = batch.iter().map(Job::rows).sum();
                prop_assert!(rows <= max_rows || batch.len() == 1);
                taken.extend(batch);
            }
            prop_assert_eq!(taken.len(), jobs.len());
            for model in 0..3 {
                let numbers = taken.iter().filter(|job| job.model == model).map(|job| job.number);
                prop_assert!(numbers.is_sorted());
            }
        }
    }

    #[test]
    fn full_and_closed_refuse() {
        let queue = Queue::new(1);
        assert_eq!(queue.push(job(0, 0, 1)), Ok(()));
        assert_eq!(queue.push(job(1, 0, 1)), Err(Refused::Full));
        queue.close();
        assert_eq!(queue.push(job(2, 0, 1)), Err(Refused::Closed));
        assert!(queue.take(8, Duration::ZERO).is_none());
    }

    #[test]
    fn a_batch_waits_for_company_and_leaves_once_full() {
        let queue = Queue::new(8);
        assert_eq!(queue.push(job(0, 0, 1)), Ok(()));
        std::thread::scope(|threads| {
            let taker = threads.spawn(|| queue.take(2, Duration::from_hours(1)));
            // Another model's job wakes the taker, which must leave it where it is.
            assert_eq!(queue.push(job(1, 1, 1)), Ok(()));
            assert_eq!(queue.push(job(2, 0, 1)), Ok(()));
            let batch = taker.join().unwrap().unwrap();
            assert_eq!(
                batch.iter().map(|job| job.number).collect::<Vec<_>>(),
                [0, 2]
            );
        });
        assert_eq!(queue.len(), 1);
    }
}
