//! The buffer of a partition's records, and the writing of a batch of them as files.

use bytes::Bytes;
use fairlead_event_log::{Delivered, EventLog, Position, TopicPartition};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::config::Config;
use crate::error::Error;
use crate::ledger::{self, ClaimOutcome, LedgerHead};
use crate::meters;
use crate::name::{FileName, OffsetRange};
use crate::rows::{EncodedFile, RawRecord, RecordKind, encode};
use crate::store::{CreateOutcome, Store};

/// The most files of one batch that are written at the same time.
const CONCURRENT_PUTS: usize = 8;
/// The most records of one read while a batch is made again.
const REREAD_RECORDS: usize = 2_000;

/// The reason why a batch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RollCause {
    Rows,
    Bytes,
    Time,
    Memory,
    Stop,
}

impl RollCause {
    fn label(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Bytes => "bytes",
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Stop => "stop",
        }
    }
}

/// A partition with the records that wait to be written.
#[derive(Debug)]
pub(crate) struct PartitionBuffer {
    pub(crate) source: TopicPartition,
    pub(crate) kind: RecordKind,
    /// The first offset that is not in the lake.
    pub(crate) next: i64,
    /// The next offset to read from the log.
    pub(crate) seen: i64,
    records: Vec<RawRecord>,
    /// The size of the waiting records.
    pub(crate) bytes: usize,
    /// The time at which the first waiting record was added.
    since_ms: i64,
}

impl PartitionBuffer {
    pub(crate) fn new(source: TopicPartition, kind: RecordKind, next: i64) -> Self {
        Self {
            source,
            kind,
            next,
            seen: next,
            records: Vec::new(),
            bytes: 0,
            since_ms: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Adds a record, unless it was added before.
    pub(crate) fn push(&mut self, delivered: &Delivered, now_ms: i64) {
        let offset = delivered.position.offset;
        if offset < self.seen {
            return;
        }
        if self.records.is_empty() {
            self.since_ms = now_ms;
        }
        // A copy, because the record shares its allocation with all records of the poll.
        let payload = Bytes::copy_from_slice(&delivered.record.payload);
        self.bytes += payload.len() + size_of::<RawRecord>();
        self.records.push(RawRecord {
            offset,
            appended_ms: delivered.record.timestamp_ms,
            payload,
        });
        self.seen = offset + 1;
    }

    /// Returns the reason to write the batch now, or `None` if it can wait.
    pub(crate) fn due(&self, config: &Config, now_ms: i64) -> Option<RollCause> {
        if self.records.is_empty() {
            None
        } else if self.records.len() >= config.roll_rows {
            Some(RollCause::Rows)
        } else if self.bytes >= config.roll_bytes {
            Some(RollCause::Bytes)
        } else {
            let waited = u64::try_from(now_ms - self.since_ms).unwrap_or(0);
            (u128::from(waited) >= config.roll_after().as_millis()).then_some(RollCause::Time)
        }
    }
}

/// The outcome of writing a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RollOutcome {
    /// The batch is in the lake.
    Written,
    /// Another writer claimed these offsets. The partition must be opened again.
    Taken,
}

/// Opens a partition: finishes a batch that was written incompletely, and returns an empty buffer
/// that begins at the first offset not in the lake.
pub(crate) async fn open(
    store: &Store,
    log: &dyn EventLog,
    source: TopicPartition,
    kind: RecordKind,
) -> Result<PartitionBuffer, Error> {
    let LedgerHead { next, open } = ledger::head(store, &source).await?;
    if let Some(range) = open {
        tracing::info!(topic = %source.topic, partition = source.partition, "finishing a batch");
        let records = reread(log, &source, range).await?;
        write(store, &source, kind, range, records).await?;
        ledger::mark_done(store, &source, range.first).await?;
    }
    Ok(PartitionBuffer::new(source, kind, next))
}

/// Writes the waiting records: claims their offsets, writes the files, and marks the batch as done.
pub(crate) async fn roll(
    store: &Store,
    waiting: &mut PartitionBuffer,
    cause: RollCause,
) -> Result<RollOutcome, Error> {
    let range = OffsetRange {
        first: waiting.next,
        last: waiting.seen - 1,
    };
    if ledger::claim(store, &waiting.source, range).await? == ClaimOutcome::Taken {
        return Ok(RollOutcome::Taken);
    }
    let records = std::mem::take(&mut waiting.records);
    waiting.bytes = 0;
    write(store, &waiting.source, waiting.kind, range, records).await?;
    ledger::mark_done(store, &waiting.source, range.first).await?;
    waiting.next = waiting.seen;
    meters::rolled(cause.label());
    Ok(RollOutcome::Written)
}

/// Writes the files of a claimed batch. A file that exists already has the same rows: its name holds
/// the same offsets, and a batch's offsets never change.
async fn write(
    store: &Store,
    source: &TopicPartition,
    kind: RecordKind,
    range: OffsetRange,
    records: Vec<RawRecord>,
) -> Result<(), Error> {
    let partition = source.partition;
    let encoded = tokio::task::spawn_blocking(move || encode(kind, partition, &records)).await;
    let (files, unreadable) = match encoded {
        Ok(encoded) => encoded?,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => return Err(Error::Stopped),
        },
    };
    meters::unreadable(&source.topic, unreadable);
    futures::stream::iter(files)
        .map(
            |EncodedFile {
                 folder,
                 bytes,
                 rows,
             }| async move {
                let table = folder.table;
                let name = FileName {
                    folder,
                    source: source.clone(),
                    range,
                    merging: false,
                };
                let size = bytes.len();
                if store.create(&name.path(), bytes).await? == CreateOutcome::New {
                    meters::written(table, rows, size);
                }
                Ok::<_, Error>(())
            },
        )
        .buffer_unordered(CONCURRENT_PUTS)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

/// Reads the records of a claimed batch from the log again.
async fn reread(
    log: &dyn EventLog,
    source: &TopicPartition,
    range: OffsetRange,
) -> Result<Vec<RawRecord>, Error> {
    let ranges = log.offsets(&source.topic).await?;
    let kept = ranges
        .iter()
        .find(|kept| kept.partition == source.partition);
    let start = kept.map_or(0, |kept| kept.start);
    if start > range.first {
        report_expired(source, range.first, start.min(range.last + 1));
    }
    let mut records = Vec::new();
    let mut offset = range.first.max(start);
    while offset <= range.last {
        let from = Position {
            partition: source.partition,
            offset,
        };
        let read = log.read(&source.topic, from, REREAD_RECORDS).await?;
        let Some(last) = read.last() else {
            break;
        };
        offset = last.position.offset + 1;
        let within = read.iter().filter(|one| one.position.offset <= range.last);
        records.extend(within.map(|one| RawRecord {
            offset: one.position.offset,
            appended_ms: one.record.timestamp_ms,
            payload: Bytes::copy_from_slice(&one.record.payload),
        }));
    }
    Ok(records)
}

/// Logs and counts records that the log dropped before they were written.
pub(crate) fn report_expired(source: &TopicPartition, from: i64, to: i64) {
    tracing::error!(
        topic = %source.topic,
        partition = source.partition,
        from,
        to,
        "the log dropped records before they were written"
    );
    meters::expired(&source.topic, u64::try_from(to - from).unwrap_or(0));
}
