//! The writer thread: it applies all waiting commands in one transaction and replies after its
//! fsync (group commit). The next batch queues meanwhile, so the cost of a command falls with load.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::WallClock;
use super::command::{Command, Completion, Effect, Operation};
use super::membership::Membership;
use super::metadata::MetadataCache;
use super::space::FreeSpace;
use super::store::Store;
use super::transaction::{OperationResult, Transaction};
use crate::error::Error;
use crate::meters::Meters;

/// The capacity of the command queue; callers wait while it is full.
pub(crate) const QUEUE_CAPACITY: usize = 1_024;

/// The most commands in one transaction.
const MAX_BATCH_COMMANDS: usize = 1_024;
/// The bytes of records above which a transaction takes no further command.
const MAX_BATCH_BYTES: usize = 16 << 20;

/// The writer's state, moved to its thread.
pub(crate) struct Writer {
    pub(crate) store: Arc<Store>,
    pub(crate) metadata: Arc<MetadataCache>,
    pub(crate) membership: Arc<Membership>,
    pub(crate) free_space: FreeSpace,
    pub(crate) clock: WallClock,
    pub(crate) meters: Meters,
}

impl Writer {
    /// Runs until a `Close` command or until all senders are dropped.
    pub(crate) fn run(self, mut commands: mpsc::Receiver<Command>) {
        while let Some(first) = commands.blocking_recv() {
            let batch = collect_batch(first, &mut commands);
            let closing = batch
                .iter()
                .any(|command| matches!(command.operation, Operation::Close));
            if closing {
                // Further sends fail; the commands sent so far are still carried out.
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
        self.membership.notify();
    }

    fn commit(&self, batch: Vec<Command>) {
        let batch = self.refuse_without_space(batch);
        let (mut operations, replies): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|command| (command.operation, command.reply))
            .unzip();
        if operations.is_empty() {
            return;
        }
        let closing = operations
            .iter()
            .any(|operation| matches!(operation, Operation::Close));
        let outcomes = match self.write(&mut operations) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                tracing::error!(%error, "event log write failed");
                self.recover();
                replies.iter().map(|_| Err(error.clone())).collect()
            }
        };
        // This releases the budget of the appends before their callers go on.
        drop(operations);
        if closing {
            self.store.close();
        }
        self.membership.notify();
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            let _nobody_waits = reply.send(outcome);
        }
    }

    /// Refuses appends if the disk is nearly full and returns the other commands. A copy-on-write
    /// store needs space even to delete, so commits and retention need the reserve.
    fn refuse_without_space(&self, batch: Vec<Command>) -> Vec<Command> {
        let is_append = |command: &Command| matches!(command.operation, Operation::Append { .. });
        if !batch.iter().any(is_append) {
            return batch;
        }
        let Err(error) = self.free_space.check(self.store.folder()) else {
            return batch;
        };
        let (refused, others): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_append);
        for command in refused {
            let _nobody_waits = command.reply.send(Err(error.clone()));
        }
        others
    }

    fn write(&self, operations: &mut [Operation]) -> Result<Vec<OperationResult>, Error> {
        if !self.store.is_open() {
            self.reopen()?;
        }
        let now_ms = (self.clock)();
        let (outcomes, effects) = self.store.write("writing events", |txn| {
            let mut txn = Transaction::begin(txn, &self.metadata, &self.membership, now_ms)?;
            let outcomes: Vec<OperationResult> = operations
                .iter_mut()
                .map(|operation| txn.apply(operation))
                .collect::<Result<_, _>>()?;
            Ok((outcomes, txn.finish()?))
        })?;
        for effect in effects {
            self.apply_effect(effect);
        }
        Ok(outcomes)
    }

    fn apply_effect(&self, effect: Effect) {
        match effect {
            Effect::Topic(topic) => self.metadata.add_topic(topic),
            Effect::Retention(topic, retention_ms) => topic.set_retention_ms(retention_ms),
            Effect::OffsetSpan(topic, partition, span) => topic.set_span(partition, span),
            Effect::Committed(group, partition, offset) => {
                self.metadata.set_committed(&group, partition, offset);
            }
            Effect::Forgotten(group) => self.metadata.forget_group(&group),
            Effect::Expired(topic, records) => self.meters.expired(&topic.name, records),
        }
    }

    /// Opens the file again after a failure and loads its content: a commit whose flush failed may
    /// be in it nevertheless.
    fn recover(&self) {
        if let Err(error) = self.reopen() {
            tracing::error!(%error, "event log could not be opened again; the next write tries");
        }
    }

    fn reopen(&self) -> Result<(), Error> {
        self.store.reopen()?;
        self.metadata.load(&self.store)
    }
}

/// Returns `first` and the commands that wait behind it, up to the limits of one batch.
fn collect_batch(first: Command, commands: &mut mpsc::Receiver<Command>) -> Vec<Command> {
    let mut bytes = first.operation.bytes();
    let mut batch = vec![first];
    while batch.len() < MAX_BATCH_COMMANDS && bytes < MAX_BATCH_BYTES {
        let Ok(next) = commands.try_recv() else { break };
        bytes += next.operation.bytes();
        batch.push(next);
    }
    batch
}

impl Operation {
    fn bytes(&self) -> usize {
        match self {
            Self::Append { records, .. } => records
                .iter()
                .flat_map(|partition| &partition.parts)
                .map(|part| part.bytes.len())
                .sum(),
            _ => 0,
        }
    }
}

/// Sends one command and waits until its effect is durable.
pub(crate) async fn submit(
    commands: &mpsc::Sender<Command>,
    operation: Operation,
) -> Result<Completion, Error> {
    let (reply, answer) = tokio::sync::oneshot::channel();
    commands
        .send(Command { operation, reply })
        .await
        .map_err(|_| Error::Closed)?;
    answer.await.map_err(|_| Error::Closed)?
}
