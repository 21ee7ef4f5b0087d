//! The writer's main loop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fairlead_chassis::back_off::BackOff;
use fairlead_event_log::{
    Consumer, ConsumerOptions, Delivered, Error as LogError, Poll, Position, TopicPartition,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::batch::{self, PartitionBuffer, RollCause, RollOutcome};
use super::progress::{Progress, ProgressWatch};
use super::{Deps, start_within_log};
use crate::config::{Config, GROUP, Topics};
use crate::error::Error;
use crate::meters;
use crate::rows::RecordKind;

/// The most records of one poll.
const POLL_RECORDS: usize = 4_000;
const POLL_WAIT: Duration = Duration::from_millis(200);
const LAG_INTERVAL: Duration = Duration::from_secs(5);
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A writer that is ready to run.
pub struct Writer {
    worker: Worker,
    watch: watch::Receiver<Progress>,
}

impl Writer {
    /// Checks the settings and returns the writer.
    pub fn new(config: Config, topics: Topics, deps: Deps) -> Result<Self, Error> {
        config.check()?;
        let (progress, watch) = watch::channel(Progress {
            missing: Some("the consumer group was not joined yet".into()),
            ..Progress::default()
        });
        let worker = Worker {
            config,
            topics,
            deps,
            partitions: BTreeMap::new(),
            progress,
            lag_at: None,
            back_off: BackOff::new(SHORTEST_PAUSE, LONGEST_PAUSE),
        };
        Ok(Self { worker, watch })
    }

    /// Returns a watch of the writer's progress, valid before, during and after the run.
    pub fn progress(&self) -> ProgressWatch {
        ProgressWatch(self.watch.clone())
    }

    /// Runs until `shutdown` is cancelled, then writes the waiting records, commits and leaves the
    /// group. The writer waits for a store or log that is unavailable.
    ///
    /// # Errors
    /// Returns only errors that waiting cannot resolve.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let mut worker = self.worker;
        let Some(mut consumer) = worker.join(&shutdown).await? else {
            return Ok(());
        };
        let mut ended = worker.work(&mut *consumer, &shutdown).await;
        if ended.is_ok() {
            ended = match worker.roll_all(&mut *consumer).await {
                Err(cause) if cause.is_recoverable() => {
                    tracing::warn!(%cause, "what waited was not written, and will be read again");
                    Ok(())
                }
                rolled => rolled,
            };
        }
        consumer.close().await?;
        ended
    }
}

struct Worker {
    config: Config,
    topics: Topics,
    deps: Deps,
    /// The owned partitions, each `None` until it is opened.
    partitions: BTreeMap<TopicPartition, Option<PartitionBuffer>>,
    progress: watch::Sender<Progress>,
    lag_at: Option<Instant>,
    back_off: BackOff,
}

impl Worker {
    /// Joins the group. Returns `None` if `shutdown` is cancelled before.
    async fn join(
        &mut self,
        shutdown: &CancellationToken,
    ) -> Result<Option<Box<dyn Consumer>>, Error> {
        loop {
            let Topics {
                events,
                decisions,
                acceptances,
            } = &self.topics;
            let topics = [events, decisions, acceptances];
            let mut options = ConsumerOptions::new(GROUP, topics);
            options.max_poll_bytes = options.max_poll_bytes.min(self.config.buffer_bytes);
            let joined = match self.deps.store.healthy().await {
                Ok(()) => self.deps.log.consumer(options).await.map_err(Error::from),
                Err(cause) => Err(cause),
            };
            match joined {
                Ok(consumer) => return Ok(Some(consumer)),
                // The gateway creates the topics, and may start later than the lake.
                Err(cause @ Error::Log(LogError::UnknownTopic { .. })) => self.wait_for(&cause),
                Err(cause) if cause.is_recoverable() => self.wait_for(&cause),
                Err(cause) => return Err(cause),
            }
            if !self.back_off.pause_unless(shutdown).await {
                return Ok(None);
            }
        }
    }

    fn wait_for(&self, cause: &Error) {
        tracing::warn!(%cause, "not writing, will try again");
        self.progress
            .send_modify(|progress| progress.missing = Some(cause.to_string()));
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
                polled = consumer.poll(POLL_RECORDS, POLL_WAIT) => polled,
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

    /// Processes one poll: changes of ownership, then records, then batches that are due.
    async fn process(&mut self, consumer: &mut dyn Consumer, poll: Poll) -> Result<(), Error> {
        self.update_ownership(&poll.revoked, &poll.assigned);
        // Records of partitions that are opened below were polled from another offset.
        let records: Vec<Delivered> = poll
            .records
            .into_iter()
            .filter(|one| matches!(self.partitions.get(&source(one)), Some(Some(_))))
            .collect();
        for record in &records {
            self.push(consumer, record).await?;
        }
        self.open(consumer).await?;
        self.roll_due(consumer).await?;
        self.report(consumer).await;
        Ok(())
    }

    fn update_ownership(&mut self, revoked: &[TopicPartition], assigned: &[TopicPartition]) {
        for lost in revoked {
            // Its new owner reads the waiting records again.
            self.partitions.remove(lost);
            tracing::info!(topic = %lost.topic, partition = lost.partition, "partition lost");
        }
        for gained in assigned {
            self.partitions.insert(gained.clone(), None);
        }
    }

    async fn push(&mut self, consumer: &mut dyn Consumer, record: &Delivered) -> Result<(), Error> {
        let source = source(record);
        let now_ms = self.deps.clock.now_ms();
        let Some(Some(waiting)) = self.partitions.get_mut(&source) else {
            return Ok(());
        };
        waiting.push(record, now_ms);
        let due = waiting.due(&self.config, now_ms);
        match due {
            Some(cause @ (RollCause::Rows | RollCause::Bytes)) => {
                self.roll(consumer, &source, cause).await
            }
            _ => Ok(()),
        }
    }

    /// Opens the owned partitions that are not open yet.
    async fn open(&mut self, consumer: &mut dyn Consumer) -> Result<(), Error> {
        let closed = self.partitions.iter().filter(|(_, open)| open.is_none());
        let closed: Vec<TopicPartition> = closed.map(|(source, _)| source.clone()).collect();
        for source in closed {
            let kind = if *source.topic == *self.topics.events {
                RecordKind::Events
            } else {
                RecordKind::Decisions
            };
            let Deps { log, store, .. } = &self.deps;
            let mut waiting = batch::open(store, &**log, source.clone(), kind).await?;
            let offsets = log.offsets(&source.topic).await?;
            let kept = offsets.iter().find(|one| one.partition == source.partition);
            if let Some(kept) = kept {
                start_within_log(store, &mut waiting, *kept)?;
            }
            let position = Position {
                partition: source.partition,
                offset: waiting.seen,
            };
            consumer.seek(&source.topic, position).await?;
            commit(consumer, &waiting).await?;
            self.partitions.insert(source, Some(waiting));
        }
        Ok(())
    }

    /// Writes the batches that are due, then the largest ones until the rest fits in memory.
    async fn roll_due(&mut self, consumer: &mut dyn Consumer) -> Result<(), Error> {
        let now_ms = self.deps.clock.now_ms();
        let due = self.open_partitions().filter_map(|one| {
            let cause = one.due(&self.config, now_ms)?;
            Some((one.source.clone(), cause))
        });
        for (source, cause) in due.collect::<Vec<_>>() {
            self.roll(consumer, &source, cause).await?;
        }
        while self.buffered() > self.config.buffer_bytes {
            let largest = self.open_partitions().max_by_key(|one| one.bytes);
            let Some(source) = largest.map(|one| one.source.clone()) else {
                break;
            };
            self.roll(consumer, &source, RollCause::Memory).await?;
        }
        Ok(())
    }

    async fn roll_all(&mut self, consumer: &mut dyn Consumer) -> Result<(), Error> {
        let waiting = self.open_partitions().filter(|one| !one.is_empty());
        for source in waiting.map(|one| one.source.clone()).collect::<Vec<_>>() {
            self.roll(consumer, &source, RollCause::Stop).await?;
        }
        Ok(())
    }

    async fn roll(
        &mut self,
        consumer: &mut dyn Consumer,
        source: &TopicPartition,
        cause: RollCause,
    ) -> Result<(), Error> {
        let Some(open) = self.partitions.get_mut(source) else {
            return Ok(());
        };
        let Some(waiting) = open else {
            return Ok(());
        };
        match batch::roll(&self.deps.store, waiting, cause).await? {
            RollOutcome::Written => commit(consumer, waiting).await?,
            RollOutcome::Taken => {
                tracing::info!(partition = source.partition, "another writer was here");
                *open = None;
            }
        }
        Ok(())
    }

    fn open_partitions(&self) -> impl Iterator<Item = &PartitionBuffer> {
        self.partitions.values().flatten()
    }

    fn buffered(&self) -> usize {
        self.open_partitions().map(|one| one.bytes).sum()
    }

    async fn report(&mut self, consumer: &mut dyn Consumer) {
        meters::buffered(self.buffered());
        self.progress.send_modify(|progress| {
            let open = || self.partitions.values().flatten();
            progress.next = open().map(|one| (one.source.clone(), one.next)).collect();
            progress.seen = open().map(|one| (one.source.clone(), one.seen)).collect();
            progress.missing = None;
        });
        if self.lag_at.is_none_or(|at| at.elapsed() >= LAG_INTERVAL) {
            self.lag_at = Some(Instant::now());
            if let Ok(records) = consumer.lag().await {
                meters::lag(records);
            }
        }
    }

    /// Waits until store and log answer, then reads again after the last written offset. It goes on
    /// polling and drops the records, so that the group does not evict this consumer.
    async fn begin_again(
        &mut self,
        consumer: &mut dyn Consumer,
        cause: &Error,
        shutdown: &CancellationToken,
    ) -> Result<(), Error> {
        meters::resync();
        self.wait_for(cause);
        for open in self.partitions.values_mut() {
            *open = None;
        }
        while self.back_off.pause_unless(shutdown).await {
            match self.try_again(consumer).await {
                Ok(()) => {
                    tracing::info!("store and log answer again");
                    return Ok(());
                }
                Err(cause) if cause.is_recoverable() => self.wait_for(&cause),
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }

    async fn try_again(&mut self, consumer: &mut dyn Consumer) -> Result<(), Error> {
        let poll = consumer.poll(1, Duration::ZERO).await?;
        self.update_ownership(&poll.revoked, &poll.assigned);
        self.deps.store.healthy().await?;
        self.open(consumer).await
    }
}

/// Commits the written offset to the group, for the measure of its lag. Writing resumes at the
/// ledger's offset, so a lost commit does no harm.
async fn commit(consumer: &mut dyn Consumer, waiting: &PartitionBuffer) -> Result<(), Error> {
    let position = Position {
        partition: waiting.source.partition,
        // Without waiting records, those that the log dropped count as read.
        offset: if waiting.is_empty() {
            waiting.seen
        } else {
            waiting.next
        },
    };
    let topic = Arc::clone(&waiting.source.topic);
    match consumer.commit(&[(topic, position)]).await {
        Err(cause @ (LogError::NotAssigned { .. } | LogError::GroupChanged { .. })) => {
            tracing::debug!(%cause, "commit came too late");
            Ok(())
        }
        committed => Ok(committed?),
    }
}

fn source(record: &Delivered) -> TopicPartition {
    TopicPartition {
        topic: Arc::clone(&record.topic),
        partition: record.position.partition,
    }
}
