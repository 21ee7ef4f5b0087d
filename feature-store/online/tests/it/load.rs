//! A load of writers, each the only writer of one customer, which check what they read.

use std::ops::AddAssign;
use std::time::Duration;

use bytes::Bytes;
use fairlead_online::{EntityKey, Error, FeatureStore, OnlineStore, SourcePartition, WriteOutcome};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::stores::{customer, tenant, write};

/// The longest time that a test waits for an event.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(1);

/// The only writer of one customer's state.
pub(crate) struct Owner {
    store: OnlineStore,
    pub(crate) id: String,
    /// The offset of the last acknowledged write.
    pub(crate) offset: Option<i64>,
}

/// The outcomes of some steps.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Steps that were acknowledged and read back.
    pub(crate) done: usize,
    /// Calls that failed with a transient error.
    pub(crate) failed: usize,
    /// Acknowledged states that were lost.
    pub(crate) lost: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.done += other.done;
        self.failed += other.failed;
        self.lost += other.lost;
    }
}

/// Returns the only correct state of a customer at an offset.
fn state(id: &str, offset: i64) -> Bytes {
    format!("{id} at {offset}").into()
}

impl Owner {
    pub(crate) fn new(store: &OnlineStore, id: impl Into<String>) -> Self {
        Self {
            store: store.clone(),
            id: id.into(),
            offset: None,
        }
    }

    pub(crate) fn key(&self) -> EntityKey {
        EntityKey::customer(&tenant(), &customer(&self.id))
    }

    /// Writes once and reads back.
    pub(crate) async fn step(&mut self) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        let next = self.offset.map_or(0, |offset| offset + 1);
        let wanted = write(&self.id, 0, self.offset, next, state(&self.id, next));
        match self.store.apply(vec![wanted]).await?[0] {
            WriteOutcome::Applied => self.offset = Some(next),
            // The write was carried out before and its reply was lost.
            WriteOutcome::Stale { current_offset } if current_offset == Some(next) => {
                self.offset = Some(next);
            }
            WriteOutcome::Stale { current_offset } => {
                assert!(
                    current_offset < self.offset,
                    "{} found {current_offset:?}",
                    self.id
                );
                tally.lost += 1;
                self.offset = current_offset;
                return Ok(tally);
            }
        }
        tally.done += 1;
        let before = self.offset;
        self.read().await?;
        if self.offset != before {
            tally.lost += 1;
        }
        Ok(tally)
    }

    /// Reads the stored state and its offset. The state must be correct for the offset, and the
    /// offset must be the last acknowledged one, or a lower one after the loss of a master.
    pub(crate) async fn read(&mut self) -> Result<(), Error> {
        let field = [(self.key(), SourcePartition::new("log", 0))];
        let found = self.store.read_fields(&field).await?.remove(0);
        if let Some(found) = &found {
            assert_eq!(found.state, state(&self.id, found.offset), "{}", self.id);
        }
        let offset = found.map(|found| found.offset);
        assert!(
            offset <= self.offset,
            "{} reads a state that was never written",
            self.id
        );
        self.offset = offset;
        Ok(())
    }

    /// Repeats steps until `stop` is cancelled, and counts transient failures.
    pub(crate) async fn run_until(mut self, stop: CancellationToken) -> (Self, Tally) {
        let mut tally = Tally::default();
        while !stop.is_cancelled() {
            match self.step().await {
                Ok(step) => tally += step,
                Err(error) => {
                    assert!(error.is_transient(), "{error}");
                    tally.failed += 1;
                }
            }
        }
        (self, tally)
    }
}

/// A running load.
pub(crate) struct Load {
    owners: JoinSet<(Owner, Tally)>,
    stop: CancellationToken,
}

impl Load {
    pub(crate) fn start(owners: Vec<Owner>) -> Self {
        let stop = CancellationToken::new();
        let mut set = JoinSet::new();
        for owner in owners {
            set.spawn(owner.run_until(stop.clone()));
        }
        Self { owners: set, stop }
    }

    /// Stops the load and returns the owners and the sum of their outcomes.
    pub(crate) async fn stop(self) -> (Vec<Owner>, Tally) {
        self.stop.cancel();
        let mut all = Tally::default();
        let mut owners = Vec::new();
        for (owner, tally) in self.owners.join_all().await {
            assert!(tally.done > 0, "{} did nothing", owner.id);
            all += tally;
            owners.push(owner);
        }
        (owners, all)
    }
}
