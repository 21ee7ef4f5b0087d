//! The loop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fairlead_chassis::back_off::BackOff;
use fairlead_event_log::{
    Consumer, ConsumerOptions, Delivered, Error as LogError, Poll, Position, TopicPartition,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::batch::{self, Cause, Rolled, Waiting};
use super::progress::{Progress, ProgressWatch};
use super::{Deps, begin};
use crate::config::{Config, GROUP, Topics};
use crate::error::Error;
use crate::meters;
use crate::name::Source;
use crate::rows::Content;

/// Records asked of the log at a time.
const POLL_RECORDS: usize = 4_000;
const POLL_WAIT: Duration = Duration::from_millis(200);
const LAG_EVERY: Duration = Duration::from_secs(5);
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The writer, ready to run.
pub struct Writer {
    worker: Worker,
    watch: watch::Receiver<Progress>,
}

impl Writer {
    /// Checks the settings.
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

    /// Watches how far the writer has come; works before, while and after it runs.
    pub fn progress(&self) -> ProgressWatch {
        ProgressWatch(self.watch.clone())
    }

    /// Runs until told to stop, then writes what waits, commits and leaves the group. A store or log
    /// that is away is waited for; ends with an error only where waiting cannot help.
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
    /// What is owned; nothing stands for a partition that is not opened yet.
    partitions: BTreeMap<Source, Option<Waiting>>,
    progress: watch::Sender<Progress>,
    lag_at: Option<Instant>,
    back_off: BackOff,
}

impl Worker {
    /// Joins the group; nothing when told to stop before.
    async fn join(
        &mut self,
        shutdown: &CancellationToken,
    ) -> Result<Option<Box<dyn Consumer>>, Error> {
        loop {
            let topics = [&self.topics.events, &self.topics.decisions];
            let mut options = ConsumerOptions::new(GROUP, topics);
            options.max_poll_bytes = options.max_poll_bytes.min(self.config.buffer_bytes);
            let joined = match self.deps.store.healthy().await {
                Ok(()) => self.deps.log.consumer(options).await.map_err(Error::from),
                Err(cause) => Err(cause),
            };
            match joined {
                Ok(consumer) => return Ok(Some(consumer)),
                // The gateway makes the topics: it may start later than the lake.
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
        // Partitions that are opened below are read from another place than these came from.
        let fresh: Vec<Delivered> = poll
            .records
            .into_iter()
            .filter(|one| matches!(self.partitions.get(&source_of(one)), Some(Some(_))))
            .collect();
        for record in &fresh {
            self.push(consumer, record).await?;
        }
        self.open(consumer).await?;
        self.roll_due(consumer).await?;
        self.report(consumer).await;
        Ok(())
    }

    fn own(&mut self, revoked: &[TopicPartition], assigned: &[TopicPartition]) {
        for lost in revoked {
            // What waits of it is read again by its new owner.
            self.partitions.remove(&named(lost));
            tracing::info!(topic = %lost.topic, partition = lost.partition, "partition lost");
        }
        for gained in assigned {
            self.partitions.insert(named(gained), None);
        }
    }

    async fn push(&mut self, consumer: &mut dyn Consumer, record: &Delivered) -> Result<(), Error> {
        let source = source_of(record);
        let now_ms = self.deps.clock.now_ms();
        let Some(Some(waiting)) = self.partitions.get_mut(&source) else {
            return Ok(());
        };
        waiting.push(record, now_ms);
        let due = waiting.due(&self.config, now_ms);
        match due {
            Some(cause @ (Cause::Rows | Cause::Bytes)) => self.roll(consumer, &source, cause).await,
            _ => Ok(()),
        }
    }

    /// Opens what is owned and not open yet.
    async fn open(&mut self, consumer: &mut dyn Consumer) -> Result<(), Error> {
        let closed = self.partitions.iter().filter(|(_, open)| open.is_none());
        let closed: Vec<Source> = closed.map(|(source, _)| source.clone()).collect();
        for source in closed {
            let content = if source.topic == self.topics.events {
                Content::Events
            } else {
                Content::Decisions
            };
            let Deps { log, store, .. } = &self.deps;
            let mut waiting = batch::open(store, &**log, source.clone(), content).await?;
            let offsets = log.offsets(&source.topic).await?;
            let kept = offsets.iter().find(|one| one.partition == source.partition);
            if let Some(kept) = kept {
                begin(store, &mut waiting, *kept)?;
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

    /// What has waited long enough, and the largest until what waits fits in memory.
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
            self.roll(consumer, &source, Cause::Memory).await?;
        }
        Ok(())
    }

    async fn roll_all(&mut self, consumer: &mut dyn Consumer) -> Result<(), Error> {
        let full = self.open_partitions().filter(|one| !one.is_empty());
        for source in full.map(|one| one.source.clone()).collect::<Vec<_>>() {
            self.roll(consumer, &source, Cause::Stop).await?;
        }
        Ok(())
    }

    async fn roll(
        &mut self,
        consumer: &mut dyn Consumer,
        source: &Source,
        cause: Cause,
    ) -> Result<(), Error> {
        let Some(open) = self.partitions.get_mut(source) else {
            return Ok(());
        };
        let Some(waiting) = open else {
            return Ok(());
        };
        match batch::roll(&self.deps.store, waiting, cause).await? {
            Rolled::Written => commit(consumer, waiting).await?,
            Rolled::Taken => {
                tracing::info!(partition = source.partition, "another writer was here");
                *open = None;
            }
        }
        Ok(())
    }

    fn open_partitions(&self) -> impl Iterator<Item = &Waiting> {
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
        if self.lag_at.is_none_or(|at| at.elapsed() >= LAG_EVERY) {
            self.lag_at = Some(Instant::now());
            if let Ok(records) = consumer.lag().await {
                meters::lag(records);
            }
        }
    }

    /// Waits until store and log answer, then reads again from what is in the lake. Polls go on, so
    /// that the group does not take the partitions away; what they bring is dropped.
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
        self.own(&poll.revoked, &poll.assigned);
        self.deps.store.healthy().await?;
        self.open(consumer).await
    }
}

/// Tells the group how far the lake has come: what its lag is measured by. Where to go on is asked
/// of the ledger, so that a commit that is lost costs nothing.
async fn commit(consumer: &mut dyn Consumer, waiting: &Waiting) -> Result<(), Error> {
    let position = Position {
        partition: waiting.source.partition,
        // Where nothing waits, what the log dropped before it counts as read.
        offset: if waiting.is_empty() {
            waiting.seen
        } else {
            waiting.next
        },
    };
    let topic: Arc<str> = waiting.source.topic.as_str().into();
    match consumer.commit(&[(topic, position)]).await {
        Err(cause @ (LogError::NotAssigned { .. } | LogError::GroupChanged { .. })) => {
            tracing::debug!(%cause, "commit came too late");
            Ok(())
        }
        committed => Ok(committed?),
    }
}

fn named(partition: &TopicPartition) -> Source {
    Source {
        topic: partition.topic.to_string(),
        partition: partition.partition,
    }
}

fn source_of(record: &Delivered) -> Source {
    Source {
        topic: record.topic.to_string(),
        partition: record.position.partition,
    }
}
