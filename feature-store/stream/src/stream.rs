//! The stream's main loop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fairlead_chassis::back_off::BackOff;
use fairlead_chassis::clock::Clock;
use fairlead_event_log::{
    Consumer, ConsumerOptions, Delivered, Error as LogError, EventLog, Poll, Position, Provenance,
    TopicPartition,
};
use fairlead_online::{EntityKey, FeatureStore, WriteOutcome};
use fairlead_registry::Registry;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::batch::{Batch, Rules};
use crate::config::Config;
use crate::error::Error;
use crate::fold::Fold;
use crate::meters;
use crate::partition::Partition;
use crate::progress::{Progress, ProgressWatch};

/// The interval at which safe offsets are written to the store and committed.
const COMMIT_INTERVAL: Duration = Duration::from_millis(500);
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// The dependencies of the stream.
#[derive(Clone)]
pub struct Deps {
    /// The log of events and dead letters.
    pub log: Arc<dyn EventLog>,
    /// How the origin of the topic's records is known.
    pub provenance: Provenance,
    /// The store of states.
    pub store: Arc<dyn FeatureStore>,
    /// The definitions of features.
    pub registry: Registry,
    /// The clock that rejects events from the future and measures the delay to visibility.
    pub clock: Arc<dyn Clock>,
}

/// A stream that is ready to run.
pub struct Stream {
    worker: Worker,
    watch: watch::Receiver<Progress>,
}

impl Stream {
    /// Checks the settings and returns the stream.
    pub fn new(config: Config, deps: Deps) -> Result<Self, Error> {
        config.check()?;
        let (progress, watch) = watch::channel(Progress::default());
        let worker = Worker {
            progress_key: EntityKey::progress(&config.group, &config.topic),
            partitions: HashMap::new(),
            progress,
            committed: Instant::now(),
            back_off: BackOff::new(SHORTEST_PAUSE, config.longest_pause()),
            config,
            deps,
        };
        Ok(Self { worker, watch })
    }

    /// Returns a watch of the stream's progress, valid before, during and after the run.
    pub fn progress(&self) -> ProgressWatch {
        ProgressWatch(self.watch.clone())
    }

    /// Runs until `shutdown` is cancelled, then commits the safe offsets and leaves the group. The
    /// stream waits for a store or log that is unavailable.
    ///
    /// # Errors
    /// Returns only errors that waiting cannot resolve.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let mut worker = self.worker;
        let Some(mut consumer) = worker.join(&shutdown).await? else {
            return Ok(());
        };
        let ended = worker.work(&mut *consumer, &shutdown).await;
        if ended.is_ok()
            && let Err(cause) = worker.commit(&mut *consumer).await
        {
            tracing::warn!(%cause, "last commit failed, some records will be read again");
        }
        consumer.close().await?;
        ended
    }
}

pub(crate) struct Worker {
    pub(crate) config: Config,
    pub(crate) deps: Deps,
    pub(crate) partitions: HashMap<i32, Partition>,
    pub(crate) progress_key: EntityKey,
    progress: watch::Sender<Progress>,
    committed: Instant,
    back_off: BackOff,
}

impl Worker {
    /// Joins the group. Returns `None` if `shutdown` is cancelled before.
    async fn join(
        &mut self,
        shutdown: &CancellationToken,
    ) -> Result<Option<Box<dyn Consumer>>, Error> {
        loop {
            let options = ConsumerOptions::new(&self.config.group, [&self.config.topic]);
            match self.deps.log.consumer(options).await {
                Ok(consumer) => return Ok(Some(consumer)),
                Err(cause) if cause.is_transient() => {
                    tracing::warn!(%cause, "event log away, will try again");
                }
                Err(cause) => return Err(cause.into()),
            }
            if !self.back_off.pause_unless(shutdown).await {
                return Ok(None);
            }
        }
    }

    async fn work(
        &mut self,
        consumer: &mut dyn Consumer,
        shutdown: &CancellationToken,
    ) -> Result<(), Error> {
        while !shutdown.is_cancelled() {
            let polled = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                polled = consumer.poll(self.config.batch_records, self.config.poll_wait()) => polled,
            };
            let done = match polled {
                Ok(poll) => self.process(consumer, poll).await,
                Err(cause) => Err(cause.into()),
            };
            match done {
                Ok(()) => self.back_off.reset(),
                Err(cause) if cause.is_recoverable() => {
                    self.begin_again(consumer, &cause, shutdown).await?;
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }

    /// Processes one poll: changes of ownership, then records, then a commit if it is due.
    async fn process(&mut self, consumer: &mut dyn Consumer, poll: Poll) -> Result<(), Error> {
        self.update_ownership(&poll.revoked, &poll.assigned);
        // Records of partitions that `sync` is about to seek were polled from another offset.
        let records: Vec<_> = poll
            .records
            .into_iter()
            .filter(|record| self.is_synced(record.position.partition))
            .collect();
        self.sync(consumer).await?;
        if !records.is_empty() {
            self.apply(&records).await?;
        }
        if self.committed.elapsed() >= COMMIT_INTERVAL {
            self.commit(consumer).await?;
        }
        Ok(())
    }

    fn is_synced(&self, partition: i32) -> bool {
        self.partitions
            .get(&partition)
            .is_some_and(|partition| partition.synced)
    }

    fn update_ownership(&mut self, revoked: &[TopicPartition], assigned: &[TopicPartition]) {
        for lost in revoked {
            self.partitions.remove(&lost.partition);
            tracing::info!(partition = lost.partition, "partition lost");
        }
        for gained in assigned {
            let partition = Partition::new(gained.partition, &self.config.log_name);
            self.partitions.insert(gained.partition, partition);
        }
        let share = self.config.cached_entities / self.partitions.len().max(1);
        for partition in self.partitions.values_mut() {
            partition.cache.set_capacity(share);
        }
        if !revoked.is_empty() {
            self.publish();
        }
    }

    /// Applies records. When it returns, they are visible and their dead letters durable.
    async fn apply(&mut self, records: &[Delivered]) -> Result<(), Error> {
        let started = Instant::now();
        let now_ms = self.deps.clock.now_ms();
        let mut batch = Batch::default();
        let rules = Rules {
            registry: &self.deps.registry,
            provenance: &self.deps.provenance,
            now_ms,
        };
        let mut ends: HashMap<i32, i64> = HashMap::new();
        for record in records {
            let Position { partition, offset } = record.position;
            let next = self
                .partitions
                .get(&partition)
                .map_or(0, |partition| partition.next);
            batch.add(record, &rules, offset < next);
            ends.insert(partition, offset + 1);
        }
        let letters = std::mem::take(&mut batch.dead_letters);
        if !letters.is_empty() {
            let topic = &self.config.dead_letter_topic;
            self.deps.log.append(topic, letters).await?;
        }
        let mut fold = Fold {
            store: &*self.deps.store,
            registry: &self.deps.registry,
            partitions: &mut self.partitions,
        };
        let counts = fold.apply(&batch).await?;
        let now = Instant::now();
        for (number, end) in ends {
            if let Some(partition) = self.partitions.get_mut(&number) {
                partition.acknowledge(end, now);
            }
        }
        self.write_checkpoints().await?;
        self.progress
            .send_modify(|progress| progress.counts.add(counts));
        self.publish();
        meters::counts(counts);
        meters::batch(started.elapsed(), records.len());
        let visible_ms = self.deps.clock.now_ms();
        for record in records {
            meters::visible(visible_ms - record.record.timestamp_ms);
        }
        Ok(())
    }

    /// Writes each partition's checkpoint to the store, after the states that it covers: what Redis
    /// loses in a crash are the last of its writes.
    async fn write_checkpoints(&mut self) -> Result<(), Error> {
        let mut numbers = Vec::new();
        let mut writes = Vec::new();
        for partition in self.partitions.values() {
            if let Some(write) = partition.checkpoint(&self.progress_key) {
                numbers.push(partition.number);
                writes.push(write);
            }
        }
        if writes.is_empty() {
            return Ok(());
        }
        let offsets: Vec<_> = writes
            .iter()
            .map(|write| (write.expected_offset, write.offset))
            .collect();
        let outcomes = self.deps.store.apply(writes).await?;
        let written = numbers.into_iter().zip(offsets).zip(outcomes);
        for ((number, (expected, offset)), outcome) in written {
            let Some(partition) = self.partitions.get_mut(&number) else {
                continue;
            };
            match outcome {
                WriteOutcome::Applied => partition.checkpoint_written(offset),
                WriteOutcome::Stale { current_offset } if current_offset < expected => {
                    return Err(Error::StoreWentBack {
                        expected: expected.unwrap_or_default(),
                        found: current_offset,
                    });
                }
                // Another stream owns the partition, or did until now. The next checkpoint is
                // compared with the offset that it wrote.
                WriteOutcome::Stale { current_offset } => {
                    partition.checkpoint_offset = current_offset;
                }
            }
        }
        Ok(())
    }

    /// Advances the safe offsets, then writes them to the store and commits them.
    async fn commit(&mut self, consumer: &mut dyn Consumer) -> Result<(), Error> {
        self.committed = Instant::now();
        let lag = self.config.commit_lag();
        let topic: Arc<str> = self.config.topic.as_str().into();
        let mut safe = Vec::new();
        for partition in self.partitions.values_mut() {
            if partition.synced && partition.advance_safe(lag, Instant::now()) {
                let position = Position {
                    partition: partition.number,
                    offset: partition.safe,
                };
                safe.push((topic.clone(), position));
            }
        }
        if !safe.is_empty() {
            self.write_checkpoints().await?;
            self.publish();
            match consumer.commit(&safe).await {
                Ok(()) => {}
                // The next poll reports what is still owned; a repeat changes no state.
                Err(cause @ (LogError::NotAssigned { .. } | LogError::GroupChanged { .. })) => {
                    tracing::debug!(%cause, "commit came too late");
                }
                Err(cause) => return Err(cause.into()),
            }
        }
        if let Ok(records) = consumer.lag().await {
            meters::lag(&self.config.topic, records);
        }
        Ok(())
    }

    /// Waits until store and log answer, then reads again from the safe offsets. It goes on polling
    /// and drops the records, so that the group does not evict this consumer.
    async fn begin_again(
        &mut self,
        consumer: &mut dyn Consumer,
        cause: &Error,
        shutdown: &CancellationToken,
    ) -> Result<(), Error> {
        tracing::warn!(%cause, "reading again from what is safe");
        meters::resync();
        self.progress.send_modify(|progress| progress.resyncs += 1);
        for partition in self.partitions.values_mut() {
            partition.reset();
        }
        while self.back_off.pause_unless(shutdown).await {
            match self.try_again(consumer).await {
                Ok(()) => {
                    tracing::info!("store and log answer again");
                    return Ok(());
                }
                Err(cause) if cause.is_recoverable() => {
                    tracing::debug!(%cause, "still away");
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }

    async fn try_again(&mut self, consumer: &mut dyn Consumer) -> Result<(), Error> {
        let poll = consumer.poll(1, Duration::ZERO).await?;
        self.update_ownership(&poll.revoked, &poll.assigned);
        self.deps.store.healthy().await?;
        self.sync(consumer).await
    }

    /// Publishes the offsets of the owned partitions to the watches.
    pub(crate) fn publish(&self) {
        self.progress.send_modify(|progress| {
            let synced = || {
                self.partitions
                    .values()
                    .filter(|partition| partition.synced)
            };
            progress.next = synced().map(|one| (one.number, one.next)).collect();
            progress.safe = synced().map(|one| (one.number, one.safe)).collect();
        });
    }
}
