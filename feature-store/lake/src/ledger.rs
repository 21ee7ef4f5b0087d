//! The ledger: which offsets are spoken for, decided before a single row is written.
//!
//! For each partition the ledger holds one entry per batch, `_ledger/TOPIC/PARTITION/FIRST.json`
//! with the batch's offsets, made only where none is there. Entries follow each other without a
//! gap, and the next is made only when the files of the last one are all there (`FIRST.done`).
//! So the last entry says all: below it everything is written, and its own files can be made again
//! from the log, under the same names, with the same rows.

use bytes::Bytes;
use object_store::path::Path;

use crate::error::Error;
use crate::name::{OffsetRange, Source};
use crate::store::{Created, Store};

/// Entries stay for so long, so that a writer that slept cannot claim an old place again.
const KEPT_MS: i64 = 7 * 86_400_000;

/// The end of a partition's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Head {
    /// The first offset that nothing has claimed.
    pub(crate) next: i64,
    /// Claimed, and perhaps not written whole.
    pub(crate) open: Option<OffsetRange>,
}

impl Head {
    /// Below this offset every file is there and none will be made again.
    pub(crate) fn settled_below(self) -> i64 {
        self.open.map_or(self.next, |open| open.first)
    }
}

/// Whose a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The caller's: it is to write the files.
    Ours,
    /// Somebody claimed from the same offset on: look at the ledger again.
    Taken,
}

fn folder(source: &Source) -> String {
    format!("_ledger/{}/{}", source.topic, source.partition)
}

fn entry(source: &Source, first: i64, ending: &str) -> Path {
    Path::from(format!("{}/{first:020}.{ending}", folder(source)))
}

/// Where a partition's ledger ends.
pub(crate) async fn head(store: &Store, source: &Source) -> Result<Head, Error> {
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
        return Ok(Head::default());
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
    Ok(Head {
        next: range.last + 1,
        open: (last_done != Some(first)).then_some(range),
    })
}

fn parse(path: &Path) -> Option<(i64, &str)> {
    let (first, ending) = path.filename()?.split_once('.')?;
    Some((first.parse().ok()?, ending))
}

/// Claims a batch, whose first offset is the ledger's `next`.
pub(crate) async fn claim(
    store: &Store,
    source: &Source,
    range: OffsetRange,
) -> Result<Claim, Error> {
    let text = serde_json::json!({ "first": range.first, "last": range.last }).to_string();
    let created = store
        .create(&entry(source, range.first, "json"), text.into())
        .await?;
    Ok(match created {
        Created::New => Claim::Ours,
        Created::Existed => Claim::Taken,
    })
}

/// Notes that the files of a batch are all there.
pub(crate) async fn done(store: &Store, source: &Source, first: i64) -> Result<(), Error> {
    let path = entry(source, first, "done");
    store
        .create(&path, Bytes::from_static(b"{}\n"))
        .await
        .map(drop)
}

/// Forgets entries that are long done; the last of each partition stays.
pub(crate) async fn prune(store: &Store, source: &Source, now_ms: i64) -> Result<usize, Error> {
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
        if Some(first) != last && first < head.settled_below() && age_ms > KEPT_MS {
            old.push(meta.location);
        }
    }
    let count = old.len();
    store.delete(old).await?;
    Ok(count)
}
