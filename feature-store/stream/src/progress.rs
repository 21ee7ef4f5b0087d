//! The progress of the stream, and a watch for callers that wait for it.

use std::collections::BTreeMap;

use fairlead_event_log::Position;
use fairlead_proto::event::v1::EventKind;
use tokio::sync::watch;

/// The numbers of events by outcome since the stream was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that changed their customer's state.
    pub applied: u64,
    /// Events that were sent twice.
    pub duplicates: u64,
    /// Events older than everything that they could change.
    pub too_late: u64,
    /// Events that change nothing in a customer's state.
    pub irrelevant: u64,
    /// Events that were in the store already and were read again, after a restart say.
    pub replayed: u64,
    /// Records that could not be applied and went to the dead letters.
    pub dead_lettered: u64,
    /// The applied events about offers, by kind.
    pub outcomes: Outcomes,
}

/// The numbers of applied events about offers, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Offers seen.
    pub impressions: u64,
    /// Offers opened.
    pub clicks: u64,
    /// Offers applied for.
    pub applications: u64,
    /// Offers taken.
    pub conversions: u64,
}

impl Outcomes {
    pub(crate) fn count(&mut self, kind: EventKind) {
        match kind {
            EventKind::Impression => self.impressions += 1,
            EventKind::Click => self.clicks += 1,
            EventKind::Application => self.applications += 1,
            EventKind::Conversion => self.conversions += 1,
            _ => {}
        }
    }
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.applied += other.applied;
        self.duplicates += other.duplicates;
        self.too_late += other.too_late;
        self.irrelevant += other.irrelevant;
        self.replayed += other.replayed;
        self.dead_lettered += other.dead_lettered;
        let (outcomes, more) = (&mut self.outcomes, other.outcomes);
        outcomes.impressions += more.impressions;
        outcomes.clicks += more.clicks;
        outcomes.applications += more.applications;
        outcomes.conversions += more.conversions;
    }
}

/// The progress of the stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The next offset of each owned partition. Everything below is visible in the store.
    pub next: BTreeMap<i32, i64>,
    /// The safe offset of each owned partition. Nothing below is ever read again.
    pub safe: BTreeMap<i32, i64>,
    /// The numbers of events by outcome.
    pub counts: Counts,
    /// The number of times that reading began again from the safe offset.
    pub resyncs: u64,
}

impl Progress {
    /// Returns true if everything below these positions (ends of partitions, say) is visible.
    pub fn reached(&self, ends: &[Position]) -> bool {
        reached(&self.next, ends)
    }

    /// Returns true if nothing below these positions will be read again.
    pub fn settled(&self, ends: &[Position]) -> bool {
        reached(&self.safe, ends)
    }
}

fn reached(offsets: &BTreeMap<i32, i64>, ends: &[Position]) -> bool {
    ends.iter().all(|end| {
        end.offset == 0
            || offsets
                .get(&end.partition)
                .is_some_and(|offset| *offset >= end.offset)
    })
}

/// Watches the progress of a stream; clones are independent.
#[derive(Debug, Clone)]
pub struct ProgressWatch(pub(crate) watch::Receiver<Progress>);

impl ProgressWatch {
    /// Returns the current progress.
    pub fn now(&self) -> Progress {
        self.0.borrow().clone()
    }

    /// Waits until a condition holds and returns the progress then, or `None` if the stream ended
    /// before.
    pub async fn until(&mut self, condition: impl FnMut(&Progress) -> bool) -> Option<Progress> {
        let progress = self.0.wait_for(condition).await.ok()?;
        Some(progress.clone())
    }

    /// Waits until everything below these positions is visible and returns the progress then, or
    /// `None` if the stream ended before. Pass the log's `end_offsets` to wait for all that was
    /// appended so far. The stream must own all partitions of `ends`.
    pub async fn caught_up(&mut self, ends: &[Position]) -> Option<Progress> {
        self.until(|progress| progress.reached(ends)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reached_requires_every_partition() {
        let mut progress = Progress::default();
        let end = |partition, offset| Position { partition, offset };
        assert!(
            progress.reached(&[end(0, 0), end(1, 0)]),
            "empty partitions"
        );
        assert!(!progress.reached(&[end(0, 5)]));
        progress.next.insert(0, 5);
        assert!(progress.reached(&[end(0, 5), end(1, 0)]));
        assert!(!progress.reached(&[end(0, 5), end(1, 1)]));
    }
}
