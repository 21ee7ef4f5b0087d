//! The one thread that writes: it takes whatever waits, does it in one transaction, and answers
//! after the one fsync. While that runs, the next batch gathers; so the more there is to do, the
//! less each costs.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::WallClock;
use super::command::{Command, Done, Effect, Work};
use super::directory::Directory;
use super::membership::Membership;
use super::space::FreeSpace;
use super::store::Store;
use super::transaction::{Outcome, Transaction};
use crate::error::Error;
use crate::meters::Meters;

/// Commands that wait for the writer at most; more wait with their callers.
pub(crate) const QUEUE: usize = 1_024;

/// Commands in one transaction at most.
const BATCH_COMMANDS: usize = 1_024;
/// Bytes of records in one transaction beyond which it takes no further command.
const BATCH_BYTES: usize = 16 << 20;

/// The writer's state, moved to its thread.
pub(crate) struct Writer {
    pub(crate) store: Arc<Store>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) membership: Arc<Membership>,
    pub(crate) free_space: FreeSpace,
    pub(crate) clock: WallClock,
    pub(crate) meters: Meters,
}

impl Writer {
    /// Works until told to close, or until nobody can ask any more.
    pub(crate) fn run(self, mut commands: mpsc::Receiver<Command>) {
        while let Some(first) = commands.blocking_recv() {
            let batch = gather(first, &mut commands);
            let closing = batch
                .iter()
                .any(|command| matches!(command.work, Work::Close));
            if closing {
                // Whoever sends now learns that the log is closed; what was sent is still done.
                commands.close();
            }
            self.commit(batch);
            if closing {
                break;
            }
        }
        while let Some(late) = commands.blocking_recv() {
            let _nobody_waits = late.reply.send(Err(Error::Closed));
        }
        self.store.close();
        self.membership.ring();
    }

    fn commit(&self, batch: Vec<Command>) {
        let batch = self.refuse_without_space(batch);
        let (mut works, replies): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|command| (command.work, command.reply))
            .unzip();
        if works.is_empty() {
            return;
        }
        let closing = works.iter().any(|work| matches!(work, Work::Close));
        let outcomes = match self.write(&mut works) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                tracing::error!(%error, "event log write failed");
                self.recover();
                replies.iter().map(|_| Err(error.clone())).collect()
            }
        };
        // The budget of the appends is free before their callers go on.
        drop(works);
        if closing {
            self.store.close();
        }
        self.membership.ring();
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            let _nobody_waits = reply.send(outcome);
        }
    }

    /// A store that copies on write needs space even to delete: appends are refused while some
    /// is left, so that commits and retention go on.
    fn refuse_without_space(&self, batch: Vec<Command>) -> Vec<Command> {
        let appends = |command: &Command| matches!(command.work, Work::Append { .. });
        if !batch.iter().any(appends) {
            return batch;
        }
        let Err(error) = self.free_space.check(self.store.folder()) else {
            return batch;
        };
        let (refused, others): (Vec<_>, Vec<_>) = batch.into_iter().partition(appends);
        for command in refused {
            let _nobody_waits = command.reply.send(Err(error.clone()));
        }
        others
    }

    fn write(&self, works: &mut [Work]) -> Result<Vec<Outcome>, Error> {
        if !self.store.is_open() {
            self.reopen()?;
        }
        let now_ms = (self.clock)();
        let (outcomes, effects) = self.store.write("writing events", |txn| {
            let mut txn = Transaction::begin(txn, &self.directory, &self.membership, now_ms)?;
            let outcomes: Vec<Outcome> = works
                .iter_mut()
                .map(|work| txn.apply(work))
                .collect::<Result<_, _>>()?;
            Ok((outcomes, txn.finish()?))
        })?;
        for effect in effects {
            self.publish(effect);
        }
        Ok(outcomes)
    }

    fn publish(&self, effect: Effect) {
        match effect {
            Effect::Topic(topic) => self.directory.add_topic(topic),
            Effect::Retention(topic, retention_ms) => topic.set_retention_ms(retention_ms),
            Effect::Span(topic, partition, span) => topic.set_span(partition, span),
            Effect::Committed(group, partition, offset) => {
                self.directory.set_committed(&group, partition, offset);
            }
            Effect::Forgotten(group) => self.directory.forget_group(&group),
            Effect::Expired(topic, records) => self.meters.expired(&topic.name, records),
        }
    }

    /// After a failure the file is opened anew, and what it holds is taken over: a commit whose
    /// flush failed may have reached it nevertheless.
    fn recover(&self) {
        if let Err(error) = self.reopen() {
            tracing::error!(%error, "event log could not be opened again; the next write tries");
        }
    }

    fn reopen(&self) -> Result<(), Error> {
        self.store.reopen()?;
        self.directory.load(&self.store)
    }
}

fn gather(first: Command, commands: &mut mpsc::Receiver<Command>) -> Vec<Command> {
    let mut bytes = first.work.bytes();
    let mut batch = vec![first];
    while batch.len() < BATCH_COMMANDS && bytes < BATCH_BYTES {
        let Ok(next) = commands.try_recv() else { break };
        bytes += next.work.bytes();
        batch.push(next);
    }
    batch
}

impl Work {
    fn bytes(&self) -> usize {
        match self {
            Self::Append { segments, .. } => segments
                .iter()
                .flat_map(|(_, segments)| segments)
                .map(|segment| segment.bytes.len())
                .sum(),
            _ => 0,
        }
    }
}

/// Sends one command and waits for its durable effect.
pub(crate) async fn submit(commands: &mpsc::Sender<Command>, work: Work) -> Result<Done, Error> {
    let (reply, answer) = tokio::sync::oneshot::channel();
    commands
        .send(Command { work, reply })
        .await
        .map_err(|_| Error::Closed)?;
    answer.await.map_err(|_| Error::Closed)?
}
