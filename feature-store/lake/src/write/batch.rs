//! A partition's records between the log and the lake, and how a batch of them becomes files.

use bytes::Bytes;
use fairlead_event_log::{Delivered, EventLog, Position};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::config::Config;
use crate::error::Error;
use crate::ledger::{self, Claim, Head};
use crate::meters;
use crate::name::{FileName, OffsetRange, Source};
use crate::rows::{Content, Encoded, Raw, encode};
use crate::store::{Created, Store};

/// Files of one batch put at a time.
const PUTS: usize = 8;
/// Records read at a time where a batch is made again.
const REREAD: usize = 2_000;

/// Why a batch is written now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Rows,
    Bytes,
    Time,
    Memory,
    Stop,
}

impl Cause {
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

/// A partition with what waits of it.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) source: Source,
    pub(crate) content: Content,
    /// The first offset that is not in the lake.
    pub(crate) next: i64,
    /// The next offset to take from the log.
    pub(crate) seen: i64,
    records: Vec<Raw>,
    /// Bytes that wait.
    pub(crate) bytes: usize,
    /// When the first of them came.
    since_ms: i64,
}

impl Waiting {
    pub(crate) fn new(source: Source, content: Content, next: i64) -> Self {
        Self {
            source,
            content,
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

    /// Takes a record, unless it was taken before.
    pub(crate) fn push(&mut self, delivered: &Delivered, now_ms: i64) {
        let offset = delivered.position.offset;
        if offset < self.seen {
            return;
        }
        if self.records.is_empty() {
            self.since_ms = now_ms;
        }
        // A copy: the record shares its allocation with a whole poll.
        let payload = Bytes::copy_from_slice(&delivered.record.payload);
        self.bytes += payload.len() + size_of::<Raw>();
        self.records.push(Raw {
            offset,
            appended_ms: delivered.record.timestamp_ms,
            payload,
        });
        self.seen = offset + 1;
    }

    /// Why it is to be written now, if it is.
    pub(crate) fn due(&self, config: &Config, now_ms: i64) -> Option<Cause> {
        if self.records.is_empty() {
            None
        } else if self.records.len() >= config.roll_rows {
            Some(Cause::Rows)
        } else if self.bytes >= config.roll_bytes {
            Some(Cause::Bytes)
        } else {
            let waited = u64::try_from(now_ms - self.since_ms).unwrap_or(0);
            (u128::from(waited) >= config.roll_after().as_millis()).then_some(Cause::Time)
        }
    }
}

/// What came of writing a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rolled {
    /// It is in the lake; nothing waits.
    Written,
    /// Somebody else claimed these offsets: open the partition again.
    Taken,
}

/// Opens a partition: finishes the batch that its last writer may have left half written, and says
/// where to go on.
pub(crate) async fn open(
    store: &Store,
    log: &dyn EventLog,
    source: Source,
    content: Content,
) -> Result<Waiting, Error> {
    let Head { next, open } = ledger::head(store, &source).await?;
    if let Some(range) = open {
        tracing::info!(topic = %source.topic, partition = source.partition, "finishing a batch");
        let records = reread(log, &source, range).await?;
        write(store, &source, content, range, records).await?;
        ledger::done(store, &source, range.first).await?;
    }
    Ok(Waiting::new(source, content, next))
}

/// Writes what waits: claims its offsets, puts the files, notes that they are all there.
pub(crate) async fn roll(
    store: &Store,
    waiting: &mut Waiting,
    cause: Cause,
) -> Result<Rolled, Error> {
    let range = OffsetRange {
        first: waiting.next,
        last: waiting.seen - 1,
    };
    if ledger::claim(store, &waiting.source, range).await? == Claim::Taken {
        return Ok(Rolled::Taken);
    }
    let records = std::mem::take(&mut waiting.records);
    waiting.bytes = 0;
    write(store, &waiting.source, waiting.content, range, records).await?;
    ledger::done(store, &waiting.source, range.first).await?;
    waiting.next = waiting.seen;
    meters::rolled(cause.label());
    Ok(Rolled::Written)
}

/// Puts the files of a claimed batch. A file that is there already has the same rows: its name says
/// the same offsets, and a batch's offsets never change.
async fn write(
    store: &Store,
    source: &Source,
    content: Content,
    range: OffsetRange,
    records: Vec<Raw>,
) -> Result<(), Error> {
    let partition = source.partition;
    let encoded = tokio::task::spawn_blocking(move || encode(content, partition, &records)).await;
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
            |Encoded {
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
                if store.create(&name.path(), bytes).await? == Created::New {
                    meters::written(table, rows, size);
                }
                Ok::<_, Error>(())
            },
        )
        .buffer_unordered(PUTS)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

/// The records of a claimed batch, from the log.
async fn reread(
    log: &dyn EventLog,
    source: &Source,
    range: OffsetRange,
) -> Result<Vec<Raw>, Error> {
    let ranges = log.offsets(&source.topic).await?;
    let kept = ranges
        .iter()
        .find(|kept| kept.partition == source.partition);
    let start = kept.map_or(0, |kept| kept.start);
    if start > range.first {
        note_expired(source, range.first, start.min(range.last + 1));
    }
    let mut records = Vec::new();
    let mut offset = range.first.max(start);
    while offset <= range.last {
        let from = Position {
            partition: source.partition,
            offset,
        };
        let read = log.read(&source.topic, from, REREAD).await?;
        let Some(last) = read.last() else {
            break;
        };
        offset = last.position.offset + 1;
        let within = read.iter().filter(|one| one.position.offset <= range.last);
        records.extend(within.map(|one| Raw {
            offset: one.position.offset,
            appended_ms: one.record.timestamp_ms,
            payload: Bytes::copy_from_slice(&one.record.payload),
        }));
    }
    Ok(records)
}

/// The log dropped records before they came into the lake.
pub(crate) fn note_expired(source: &Source, from: i64, to: i64) {
    tracing::error!(
        topic = %source.topic,
        partition = source.partition,
        from,
        to,
        "the log dropped records before they were written"
    );
    meters::expired(&source.topic, u64::try_from(to - from).unwrap_or(0));
}
