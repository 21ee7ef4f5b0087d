//! Writers that never stop, each the owner of one customer, and check what they read.

use std::ops::AddAssign;
use std::time::Duration;

use bytes::Bytes;
use fairlead_online::{EntityKey, Error, FeatureStore, OnlineStore, SourcePartition, WriteOutcome};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::stores::{customer, tenant, write};

/// No test waits longer for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The owner of one customer's state.
pub(crate) struct Owner {
    store: OnlineStore,
    pub(crate) id: String,
    /// The mark that was acknowledged last.
    pub(crate) mark: Option<i64>,
}

/// What became of some steps.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Steps that were acknowledged and read back.
    pub(crate) done: usize,
    /// Calls that failed for now.
    pub(crate) failed: usize,
    /// Acknowledged states that were gone.
    pub(crate) lost: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.done += other.done;
        self.failed += other.failed;
        self.lost += other.lost;
    }
}

/// What stands at a mark: whoever reads something else reads a wrong value.
fn state(id: &str, mark: i64) -> Bytes {
    format!("{id} at {mark}").into()
}

impl Owner {
    pub(crate) fn new(store: &OnlineStore, id: impl Into<String>) -> Self {
        Self {
            store: store.clone(),
            id: id.into(),
            mark: None,
        }
    }

    pub(crate) fn key(&self) -> EntityKey {
        EntityKey::customer(&tenant(), &customer(&self.id))
    }

    /// One write, and the read that must show it.
    pub(crate) async fn step(&mut self) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        let next = self.mark.map_or(0, |mark| mark + 1);
        let wanted = write(&self.id, 0, self.mark, next, state(&self.id, next));
        match self.store.apply(vec![wanted]).await?[0] {
            WriteOutcome::Applied => self.mark = Some(next),
            // It had been carried out, and its answer was lost.
            WriteOutcome::Stale { current_mark } if current_mark == Some(next) => {
                self.mark = Some(next);
            }
            WriteOutcome::Stale { current_mark } => {
                assert!(
                    current_mark < self.mark,
                    "{} found {current_mark:?}",
                    self.id
                );
                tally.lost += 1;
                self.mark = current_mark;
                return Ok(tally);
            }
        }
        tally.done += 1;
        let before = self.mark;
        self.look().await?;
        if self.mark != before {
            tally.lost += 1;
        }
        Ok(tally)
    }

    /// Reads what stands; it is whole, and as new as what was acknowledged, or older where a
    /// master was lost.
    pub(crate) async fn look(&mut self) -> Result<(), Error> {
        let field = [(self.key(), SourcePartition::new("log", 0))];
        let found = self.store.read_fields(&field).await?.remove(0);
        if let Some(found) = &found {
            assert_eq!(found.state, state(&self.id, found.mark), "{}", self.id);
        }
        let mark = found.map(|found| found.mark);
        assert!(mark <= self.mark, "{} reads what nobody wrote", self.id);
        self.mark = mark;
        Ok(())
    }

    /// Steps until told to stop; failures that pass are counted.
    pub(crate) async fn until(mut self, stop: CancellationToken) -> (Self, Tally) {
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

/// Owners at work.
pub(crate) struct Load {
    owners: JoinSet<(Owner, Tally)>,
    stop: CancellationToken,
}

impl Load {
    pub(crate) fn start(owners: Vec<Owner>) -> Self {
        let stop = CancellationToken::new();
        let mut set = JoinSet::new();
        for owner in owners {
            set.spawn(owner.until(stop.clone()));
        }
        Self { owners: set, stop }
    }

    /// Stops it; the owners, and what became of all their steps.
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
