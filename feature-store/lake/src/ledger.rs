//! The ledger of claimed offsets. A batch is claimed in it before its first row is written.
//!
//! For each partition the ledger holds one entry per batch, `_ledger/TOPIC/PARTITION/FIRST.json`
//! with the batch's offsets, created only if no such entry exists. Entries follow each other without
//! a gap, and the next is created only after all files of the last one exist (`FIRST.done`). So the
//! last entry tells the state of the partition: everything below it is written, and its own files
//! can be made again from the log, with the same names and rows.

use bytes::Bytes;
use fairlead_event_log::TopicPartition;
use object_store::path::Path;

use crate::error::Error;
use crate::name::OffsetRange;
use crate::store::{CreateOutcome, Store};

/// The age at which old entries are deleted. Until then a writer that was suspended cannot claim
/// their offsets again.
const KEEP_MS: i64 = 7 * 86_400_000;

/// The end of a partition's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LedgerHead {
    /// The first offset that is not claimed.
    pub(crate) next: i64,
    /// The offsets that are claimed and may not be written completely, or `None`.
    pub(crate) open: Option<OffsetRange>,
}

impl LedgerHead {
    /// Returns the offset below which every file exists and none will be made again.
    pub(crate) fn settled_below(self) -> i64 {
        self.open.map_or(self.next, |open| open.first)
    }
}

/// The outcome of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClaimOutcome {
    /// The batch is the caller's, who must write its files.
    Ours,
    /// Another writer claimed the same first offset. The caller must read the ledger again.
    Taken,
}

fn folder(source: &TopicPartition) -> String {
    format!("_ledger/{}/{}", source.topic, source.partition)
}

fn entry(source: &TopicPartition, first: i64, ending: &str) -> Path {
    Path::from(format!("{}/{first:020}.{ending}", folder(source)))
}

/// Returns the end of a partition's ledger.
pub(crate) async fn head(store: &Store, source: &TopicPartition) -> Result<LedgerHead, Error> {
    let mut last_entry: Option<i64> = None;
    let mut last_done: Option<i64> = None;
    for found in store.list(&folder(source)).await? {
        let Some((first, ending)) = parse(&found.location) else {
            continue;
        };
        let newest = match ending {
            "json" => &mut last_entry,
            "done" => &mut last_done,
            _ => continue,
        };
        *newest = (*newest).max(Some(first));
    }
    let Some(first) = last_entry else {
        return Ok(LedgerHead::default());
    };
    let path = entry(source, first, "json");
    let bytes = store.read(&path).await?;
    let damaged = |detail: String| Error::Ledger {
        path: path.to_string(),
        detail,
    };
    let range: OffsetRange =
        serde_json::from_slice(&bytes).map_err(|cause| damaged(cause.to_string()))?;
    if range.first != first || range.last < first {
        return Err(damaged(format!("it says {range}")));
    }
    Ok(LedgerHead {
        next: range.last + 1,
        open: (last_done != Some(first)).then_some(range),
    })
}

fn parse(path: &Path) -> Option<(i64, &str)> {
    let (first, ending) = path.filename()?.split_once('.')?;
    Some((first.parse().ok()?, ending))
}

/// Claims a batch that begins at the ledger's `next`.
pub(crate) async fn claim(
    store: &Store,
    source: &TopicPartition,
    range: OffsetRange,
) -> Result<ClaimOutcome, Error> {
    let text = serde_json::json!({ "first": range.first, "last": range.last }).to_string();
    let created = store
        .create(&entry(source, range.first, "json"), text.into())
        .await?;
    Ok(match created {
        CreateOutcome::New => ClaimOutcome::Ours,
        CreateOutcome::Existed => ClaimOutcome::Taken,
    })
}

/// Records that all files of a batch exist.
pub(crate) async fn mark_done(
    store: &Store,
    source: &TopicPartition,
    first: i64,
) -> Result<(), Error> {
    let path = entry(source, first, "done");
    store
        .create(&path, Bytes::from_static(b"{}\n"))
        .await
        .map(drop)
}

/// Deletes old entries that are done, except the last of each partition. Returns their number.
pub(crate) async fn prune(
    store: &Store,
    source: &TopicPartition,
    now_ms: i64,
) -> Result<usize, Error> {
    let head = head(store, source).await?;
    let mut old = Vec::new();
    let mut last = None;
    let found = store.list(&folder(source)).await?;
    for meta in &found {
        if let Some((first, "json")) = parse(&meta.location) {
            last = last.max(Some(first));
        }
    }
    for meta in found {
        let Some((first, _)) = parse(&meta.location) else {
            continue;
        };
        let age_ms = now_ms - meta.last_modified.timestamp_millis();
        if Some(first) != last && first < head.settled_below() && age_ms > KEEP_MS {
            old.push(meta.location);
        }
    }
    let count = old.len();
    store.delete(old).await?;
    Ok(count)
}
