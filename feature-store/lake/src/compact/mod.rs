//! Compaction: merging small files into larger ones. The lake's own reader never misses a row or
//! sees one twice, and a crash leaves nothing but work that the next run finishes.
//!
//! For each table all merged files are written first, which takes long. Then each replaces its
//! inputs, which is quick, so that queries are disturbed for a short time only:
//! 1. The merged file of a folder and a partition is written under a name that readers which take
//!    files by name skip (`_TOPIC-PARTITION-FIRST-LAST.merging`). From here on the lake's own reader
//!    uses it in place of the files that it covers.
//! 2. When all merged files of the table exist, the files that they cover are deleted.
//! 3. The merged file is renamed to its final name.
//!
//! A reader that takes files by name may miss the rows between the first deletion and the renaming
//! (for milliseconds or, after a crash, until the next run, which first finishes the interrupted
//! merges). It never sees a row twice.

mod lease;
mod merge;
mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_chassis::clock::Clock;
use fairlead_event_log::TopicPartition;
use object_store::path::Path;

use self::lease::Lease;
use self::plan::MergeRules;
use crate::config::Config;
use crate::error::Error;
use crate::files::{self, LakeFile, PartitionFiles};
use crate::ledger;
use crate::meters;
use crate::name::Day;
use crate::store::Store;
use crate::table::Table;

/// The result of a compaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// The number of files that were merged and deleted.
    pub merged: usize,
    /// The number of merged files written.
    pub made: usize,
    /// The number of files renamed or deleted to finish an earlier, interrupted run.
    pub finished: usize,
    /// The number of ledger entries deleted.
    pub pruned: usize,
}

/// Merges the files that are due.
///
/// # Errors
/// [`Error::Compacting`] if another compaction is running.
pub async fn compact(
    config: &Config,
    store: &Store,
    clock: &Arc<dyn Clock>,
) -> Result<Compacted, Error> {
    config.check()?;
    let mut run = Compaction {
        config,
        store,
        lease: Lease::acquire(store, clock).await?,
        clock,
        settled: BTreeMap::new(),
        done: Compacted::default(),
    };
    let compacted = run.compact().await;
    let released = run.lease.release().await;
    compacted?;
    released?;
    Ok(run.done)
}

/// A merged file under its temporary name, and the files that it covers.
struct StagedMerge {
    merged: LakeFile,
    inputs: Vec<Path>,
}

struct Compaction<'a> {
    config: &'a Config,
    store: &'a Store,
    lease: Lease<'a>,
    clock: &'a Arc<dyn Clock>,
    /// The offset of each partition below which no file will be made again.
    settled: BTreeMap<TopicPartition, i64>,
    done: Compacted,
}

impl Compaction<'_> {
    async fn compact(&mut self) -> Result<(), Error> {
        for table in Table::ALL {
            let mut staged = Vec::new();
            for mut group in files::all(self.store, table).await? {
                self.lease.renew().await?;
                group.files = self.finish(group.files).await?;
                staged.extend(self.stage(&group).await?);
            }
            for merge in staged {
                self.replace_inputs(table, merge).await?;
            }
        }
        let now_ms = self.clock.now_ms();
        for source in self.settled.keys() {
            self.done.pruned += ledger::prune(self.store, source, now_ms).await?;
        }
        Ok(())
    }

    /// Finishes the merges of an interrupted run: deletes covered files and renames merged ones.
    /// Returns the files that remain.
    async fn finish(&mut self, files: Vec<LakeFile>) -> Result<Vec<LakeFile>, Error> {
        let before: Vec<_> = files
            .iter()
            .map(|file| file.meta.location.clone())
            .collect();
        let mut kept = files::uncovered(files)?;
        let remaining: Vec<_> = kept.iter().map(|file| file.meta.location.clone()).collect();
        let covered: Vec<_> = before
            .into_iter()
            .filter(|path| !remaining.contains(path))
            .collect();
        self.done.finished += covered.len();
        self.store.delete(covered).await?;
        for file in kept.iter_mut().filter(|file| file.name.merging) {
            merge::rename_to_final(self.store, file).await?;
            self.done.finished += 1;
        }
        Ok(kept)
    }

    /// Writes the merged files of a folder and a partition.
    async fn stage(&mut self, group: &PartitionFiles) -> Result<Vec<StagedMerge>, Error> {
        let source = &group.source;
        if !self.settled.contains_key(source) {
            let head = ledger::head(self.store, source).await?;
            self.settled.insert(source.clone(), head.settled_below());
        }
        let settled_below = self.settled[source];
        let now_ms = self.clock.now_ms();
        let rules = MergeRules {
            below_bytes: self.config.compact_below_bytes,
            to_bytes: self.config.compact_to_bytes,
            settled_below,
            is_closed: Day::from_ms(now_ms).is_some_and(|today| group.folder.day < today),
            after_ms: i64::try_from(self.config.compact_after_seconds).unwrap_or(i64::MAX / 1_000)
                * 1_000,
            now_ms,
        };
        let mut staged = Vec::new();
        for part in plan::merges(&group.files, &rules) {
            self.lease.renew().await?;
            match merge::stage(self.store, part).await {
                Ok(merged) => staged.push(StagedMerge {
                    merged,
                    inputs: part.iter().map(|file| file.meta.location.clone()).collect(),
                }),
                // A writer of a newer version wrote the file; that version's compaction merges it.
                Err(cause @ Error::UnknownColumn { .. }) => {
                    tracing::warn!(%cause, "left as it is");
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(staged)
    }

    /// Replaces the files that a merged file covers by the merged file.
    async fn replace_inputs(&mut self, table: Table, merge: StagedMerge) -> Result<(), Error> {
        let StagedMerge { mut merged, inputs } = merge;
        self.lease.renew().await?;
        let count = inputs.len();
        self.store.delete(inputs).await?;
        merge::rename_to_final(self.store, &mut merged).await?;
        meters::merged(table, count);
        self.done.merged += count;
        self.done.made += 1;
        Ok(())
    }
}
