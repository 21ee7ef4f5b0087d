//! The loop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fairlead_chassis::back_off::BackOff;
use fairlead_chassis::clock::Clock;
use fairlead_event_log::{
    Consumer, ConsumerOptions, Delivered, Error as LogError, EventLog, Poll, Position,
    TopicPartition,
};
use fairlead_online::{EntityKey, FeatureStore, WriteOutcome};
use fairlead_registry::Registry;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::batch::Batch;
use crate::config::Config;
use crate::error::Error;
use crate::fold::Fold;
use crate::meters;
use crate::partition::Partition;
use crate::progress::{Progress, ProgressWatch};

/// How often what became safe is noted and committed.
const COMMIT_EVERY: Duration = Duration::from_millis(500);
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// What the stream works with.
#[derive(Clone)]
pub struct Deps {
    /// Where events come from and dead letters go.
    pub log: Arc<dyn EventLog>,
    /// Where states go.
    pub store: Arc<dyn FeatureStore>,
    /// What events mean.
    pub registry: Registry,
    /// Judges events from the future, and measures how long they took to become visible.
    pub clock: Arc<dyn Clock>,
}

/// The stream, ready to run.
pub struct Stream {
    worker: Worker,
    watch: watch::Receiver<Progress>,
}

impl Stream {
    /// Checks the settings.
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

    /// Watches how far the stream has come; works before, while and after it runs.
    pub fn progress(&self) -> ProgressWatch {
        ProgressWatch(self.watch.clone())
    }

    /// Runs until told to stop, then notes and commits what is safe and leaves the group. A store
    /// or log that is away is waited for; ends with an error only where waiting cannot help.
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
    /// Joins the group; nothing when told to stop before.
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
                Ok(poll) => self.take(consumer, poll).await,
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

    /// One poll: ownership first, then records, then what is due.
    async fn take(&mut self, consumer: &mut dyn Consumer, poll: Poll) -> Result<(), Error> {
        self.own(&poll.revoked, &poll.assigned);
        // Records of partitions that are synced just now were polled from another place.
        let records: Vec<_> = poll
            .records
            .into_iter()
            .filter(|record| self.is_synced(record.position.partition))
            .collect();
        self.sync(consumer).await?;
        if !records.is_empty() {
            self.apply(&records).await?;
        }
        if self.committed.elapsed() >= COMMIT_EVERY {
            self.commit(consumer).await?;
        }
        Ok(())
    }

    fn is_synced(&self, partition: i32) -> bool {
        self.partitions
            .get(&partition)
            .is_some_and(|partition| partition.synced)
    }

    fn own(&mut self, revoked: &[TopicPartition], assigned: &[TopicPartition]) {
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
            partition.cache.limit(share);
        }
        if !revoked.is_empty() {
            self.publish();
        }
    }

    /// Applies records; when this returns they are visible and their dead letters durable.
    async fn apply(&mut self, records: &[Delivered]) -> Result<(), Error> {
        let started = Instant::now();
        let now_ms = self.deps.clock.now_ms();
        let mut batch = Batch::default();
        let mut ends: HashMap<i32, i64> = HashMap::new();
        for record in records {
            let Position { partition, offset } = record.position;
            let next = self
                .partitions
                .get(&partition)
                .map_or(0, |known| known.next);
            batch.take(record, &self.deps.registry, now_ms, offset < next);
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
        self.note().await?;
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

    /// Notes in the store how far each partition has come. After the states that it covers: what
    /// Redis forgets in a crash is a tail of what it was told.
    async fn note(&mut self) -> Result<(), Error> {
        let mut numbers = Vec::new();
        let mut writes = Vec::new();
        for partition in self.partitions.values() {
            if let Some(write) = partition.note(&self.progress_key) {
                numbers.push(partition.number);
                writes.push(write);
            }
        }
        if writes.is_empty() {
            return Ok(());
        }
        let marks: Vec<_> = writes
            .iter()
            .map(|write| (write.expected_mark, write.mark))
            .collect();
        let outcomes = self.deps.store.apply(writes).await?;
        for ((number, (expected, mark)), outcome) in numbers.into_iter().zip(marks).zip(outcomes) {
            let Some(partition) = self.partitions.get_mut(&number) else {
                continue;
            };
            match outcome {
                WriteOutcome::Applied => partition.noted(mark),
                WriteOutcome::Stale { current_mark } if current_mark < expected => {
                    return Err(Error::WentBack {
                        expected: expected.unwrap_or_default(),
                        found: current_mark,
                    });
                }
                // Another stream owns the partition, or did until now; the next note says more.
                WriteOutcome::Stale { current_mark } => partition.noted_mark = current_mark,
            }
        }
        Ok(())
    }

    /// Notes and commits what has become safe.
    async fn commit(&mut self, consumer: &mut dyn Consumer) -> Result<(), Error> {
        self.committed = Instant::now();
        let lag = self.config.commit_lag();
        let topic: Arc<str> = self.config.topic.as_str().into();
        let mut safe = Vec::new();
        for partition in self.partitions.values_mut() {
            if partition.synced && partition.settle(lag, Instant::now()) {
                let position = Position {
                    partition: partition.number,
                    offset: partition.safe,
                };
                safe.push((topic.clone(), position));
            }
        }
        if !safe.is_empty() {
            self.note().await?;
            self.publish();
            match consumer.commit(&safe).await {
                Ok(()) => {}
                // The next poll says what is still owned; marks make a repeat change nothing.
                Err(cause @ (LogError::NotAssigned { .. } | LogError::GroupChanged { .. })) => {
                    tracing::debug!(%cause, "commit came too late");
                }
                Err(cause) => return Err(cause.into()),
            }
        }
        if let Ok(records) = consumer.lag().await {
            meters::lag(records);
        }
        Ok(())
    }

    /// Waits until store and log answer, then reads again from what is safe. Polls go on, so that
    /// the group does not take the partitions away; what they bring is dropped.
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
            partition.forget();
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
        self.own(&poll.revoked, &poll.assigned);
        self.deps.store.healthy().await?;
        self.sync(consumer).await
    }

    /// Tells watchers how far the owned partitions have come.
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
