//! Data derived in the online store from the records of one topic: entries that a repeat does not
//! change, then the progress that covers them.
//!
//! Where reading goes on is that progress, in the store: a store that lost entries lost the progress
//! behind them, and they are made again, from the oldest record kept if need be. The offsets that the
//! group commits only measure the lag.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fairlead_chassis::back_off::BackOff;
use fairlead_event_log::{
    Consumer, ConsumerOptions, Delivered, Error as LogError, EventLog, Poll, Position,
};
use fairlead_online::{IndexProgress, LogProgress, WriteOutcome};
use tokio_util::sync::CancellationToken;

use crate::error::Error;

const POLL_RECORDS: usize = 4_000;
const POLL_WAIT: Duration = Duration::from_millis(100);
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often the stored progress is compared and the lag is measured.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// Records of a partition that are read again after an error or a new owner: more than a store that
/// keeps an append-only file by the second may have lost.
const REWIND: i64 = 5_000;

/// The data derived from the records of a topic.
pub trait Sink: Send + Sync + 'static {
    /// Returns the topic.
    fn topic(&self) -> &'static str;

    /// Returns how far it is derived.
    fn progress(&self) -> &LogProgress;

    /// Writes the entries of one partition's records, and returns how many records gave one. A repeat
    /// changes nothing.
    fn write(
        &self,
        partition: i32,
        records: &[Delivered],
    ) -> impl Future<Output = Result<usize, Error>> + Send;

    /// Counts records by what was done with them.
    fn count(&self, written: usize, skipped: usize);

    /// Measures the records that wait.
    fn measure_lag(&self, records: u64);
}

/// The derivation of one topic, ready to run.
pub struct Derivation<S> {
    group: String,
    log: Arc<dyn EventLog>,
    sink: S,
    /// The owned partitions, each `None` until its progress is read.
    partitions: HashMap<i32, Option<PartitionProgress>>,
    checked: Instant,
    back_off: BackOff,
}

/// How far a partition is derived.
#[derive(Debug, Clone, Copy)]
struct PartitionProgress {
    /// The offset that the store has as its last, or `None` if it has none.
    stored: Option<i64>,
    time_ms: i64,
}

impl<S: Sink> Derivation<S> {
    pub(crate) fn of(sink: S, group: String, log: Arc<dyn EventLog>) -> Self {
        Self {
            group,
            log,
            sink,
            partitions: HashMap::new(),
            checked: Instant::now(),
            back_off: BackOff::new(SHORTEST_PAUSE, LONGEST_PAUSE),
        }
    }

    /// Runs until `shutdown` is cancelled. It waits for a store or log that is unavailable, and for the
    /// topic.
    ///
    /// # Errors
    /// Returns only errors that waiting cannot resolve.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        let Some(mut consumer) = self.join(&shutdown).await? else {
            return Ok(());
        };
        let ended = self.work(&mut *consumer, &shutdown).await;
        consumer.close().await?;
        ended
    }

    /// Joins the group. Returns `None` if `shutdown` is cancelled before.
    async fn join(
        &mut self,
        shutdown: &CancellationToken,
    ) -> Result<Option<Box<dyn Consumer>>, Error> {
        loop {
            let options = ConsumerOptions::new(&self.group, [self.sink.topic()]);
            match self.log.consumer(options).await {
                Ok(consumer) => return Ok(Some(consumer)),
                Err(cause)
                    if cause.is_transient() || matches!(cause, LogError::UnknownTopic { .. }) =>
                {
                    let topic = self.sink.topic();
                    tracing::warn!(%cause, topic, "records cannot be read, will try again");
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
                polled = consumer.poll(POLL_RECORDS, POLL_WAIT) => polled,
            };
            let done = match polled {
                Ok(poll) => self.process(consumer, poll).await,
                Err(cause) => Err(cause.into()),
            };
            match done {
                Ok(()) => self.back_off.reset(),
                Err(cause) if cause.is_recoverable() => {
                    let topic = self.sink.topic();
                    tracing::warn!(%cause, topic, "records are read again from what is stored");
                    // Records of a partition without progress are dropped: the polls go on meanwhile,
                    // so that the group does not evict this consumer.
                    self.forget();
                    self.back_off.pause_unless(shutdown).await;
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }

    /// Processes one poll: changes of ownership, then records, then the check of what is stored.
    async fn process(&mut self, consumer: &mut dyn Consumer, poll: Poll) -> Result<(), Error> {
        for lost in &poll.revoked {
            self.partitions.remove(&lost.partition);
        }
        for gained in &poll.assigned {
            self.partitions.insert(gained.partition, None);
        }
        let mut records: HashMap<i32, Vec<Delivered>> = HashMap::new();
        for record in poll.records {
            let partition = record.position.partition;
            // What was polled before the partition's position was set is read again.
            if matches!(self.partitions.get(&partition), Some(Some(_))) {
                records.entry(partition).or_default().push(record);
            }
        }
        for (partition, records) in records {
            self.derive(consumer, partition, &records).await?;
        }
        self.open(consumer).await?;
        if self.checked.elapsed() >= CHECK_INTERVAL {
            self.checked = Instant::now();
            self.check_stored().await?;
            if let Ok(records) = consumer.lag().await {
                self.sink.measure_lag(records);
            }
        }
        Ok(())
    }

    /// Reads the progress of the partitions that were gained, and seeks to it.
    async fn open(&mut self, consumer: &mut dyn Consumer) -> Result<(), Error> {
        let gained = self.partitions.iter().filter(|(_, open)| open.is_none());
        let gained: Vec<i32> = gained.map(|(partition, _)| *partition).collect();
        if gained.is_empty() {
            return Ok(());
        }
        let stored = self.sink.progress().read(&gained).await?;
        let kept = self.log.offsets(self.sink.topic()).await?;
        for (partition, stored) in gained.into_iter().zip(stored) {
            let Some(kept) = kept.iter().find(|one| one.partition == partition) else {
                continue;
            };
            let offset = match stored {
                Some(progress) if progress.last_offset < kept.end => {
                    (progress.last_offset + 1 - REWIND).max(kept.start)
                }
                // The store has no progress, or that of a log that was begun anew.
                _ => kept.start,
            };
            let position = Position { partition, offset };
            consumer.seek(self.sink.topic(), position).await?;
            let progress = PartitionProgress {
                stored: stored.map(|progress| progress.last_offset),
                time_ms: stored.map_or(0, |progress| progress.time_ms),
            };
            self.partitions.insert(partition, Some(progress));
            let topic = self.sink.topic();
            tracing::info!(
                topic,
                partition,
                offset,
                "records are derived from, from here on"
            );
        }
        Ok(())
    }

    /// Writes what one partition's records give, then its progress.
    async fn derive(
        &mut self,
        consumer: &mut dyn Consumer,
        partition: i32,
        records: &[Delivered],
    ) -> Result<(), Error> {
        let (Some(last), Some(Some(progress))) =
            (records.last(), self.partitions.get(&partition).copied())
        else {
            return Ok(());
        };
        let count = self.sink.write(partition, records).await?;
        let last_offset = last.position.offset;
        let newest = records.iter().map(|one| one.record.timestamp_ms).max();
        let to = IndexProgress {
            last_offset,
            time_ms: progress.time_ms.max(newest.unwrap_or_default()),
        };
        // What is read again moves nothing, unless the log was begun anew.
        let ahead = progress.stored.is_none_or(|stored| stored < last_offset);
        if ahead || self.is_past_end(partition, progress.stored).await? {
            self.advance(partition, progress, to).await?;
        }
        self.sink.count(count, records.len() - count);
        let next = Position {
            partition,
            offset: last_offset + 1,
        };
        match consumer.commit(&[(self.sink.topic().into(), next)]).await {
            Err(LogError::NotAssigned { .. } | LogError::GroupChanged { .. }) => Ok(()),
            committed => Ok(committed?),
        }
    }

    /// Returns true if the stored progress is behind the end of the log: it is that of another log.
    async fn is_past_end(&self, partition: i32, stored: Option<i64>) -> Result<bool, Error> {
        let ends = self.log.end_offsets(self.sink.topic()).await?;
        let end = ends.iter().find(|end| end.partition == partition);
        Ok(end.is_some_and(|end| stored.is_some_and(|stored| stored >= end.offset)))
    }

    async fn advance(
        &mut self,
        partition: i32,
        from: PartitionProgress,
        to: IndexProgress,
    ) -> Result<(), Error> {
        let outcome = self
            .sink
            .progress()
            .advance(partition, from.stored, to)
            .await?;
        let stored = match outcome {
            WriteOutcome::Applied => Some(to.last_offset),
            WriteOutcome::Stale { current_offset } if current_offset < from.stored => {
                return Err(Error::StoreWentBack {
                    expected: from.stored.unwrap_or_default(),
                    found: current_offset,
                });
            }
            // Another one owns the partition, or did until now.
            WriteOutcome::Stale { current_offset } => current_offset,
        };
        let time_ms = to.time_ms;
        self.partitions
            .insert(partition, Some(PartitionProgress { stored, time_ms }));
        Ok(())
    }

    /// Compares the stored progress with what was stored: a store that was emptied while no record
    /// comes is filled again.
    async fn check_stored(&self) -> Result<(), Error> {
        let open = self.partitions.iter();
        let open = open.filter_map(|(partition, open)| Some((*partition, open.as_ref()?.stored?)));
        let (partitions, expected): (Vec<i32>, Vec<i64>) = open.unzip();
        if partitions.is_empty() {
            return Ok(());
        }
        let stored = self.sink.progress().read(&partitions).await?;
        for (expected, stored) in expected.into_iter().zip(stored) {
            let found = stored.map(|progress| progress.last_offset);
            if found < Some(expected) {
                return Err(Error::StoreWentBack { expected, found });
            }
        }
        Ok(())
    }

    fn forget(&mut self) {
        for open in self.partitions.values_mut() {
            *open = None;
        }
    }
}
