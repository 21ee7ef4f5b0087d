//! Small files into larger ones, so that no reader that goes by the lake's rules sees a row twice or
//! misses one, and no crash leaves more than work to be finished.
//!
//! For each table, the merged files are made first, which takes long; then each takes its place,
//! which does not, so that who asks meanwhile has little to be disturbed by:
//! 1. The merged file of a folder and a partition of a topic is put under a name that readers which
//!    go by names pass over (`_TOPIC-PARTITION-FIRST-LAST.merging`). From here on our own reader takes
//!    it in place of the files that it covers.
//! 2. Once all of these are there: the files that it covers are deleted.
//! 3. The merged file gets its proper name.
//!
//! A reader that goes by names alone may miss the rows between the first deletion and the renaming
//! (milliseconds; after a crash, until the next run, which finishes what was begun before anything
//! else); it never sees one twice.

mod lease;
mod merge;
mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_chassis::clock::Clock;
use object_store::path::Path;

use self::lease::Lease;
use self::plan::Rules;
use crate::config::Config;
use crate::error::Error;
use crate::files::{self, LakeFile};
use crate::ledger;
use crate::meters;
use crate::name::{Day, Folder, Source};
use crate::store::Store;
use crate::table::Table;

/// What a compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Files that were merged away.
    pub merged: usize,
    /// Files that came of it.
    pub made: usize,
    /// Merges of an earlier run that were finished, and files that it had left over.
    pub finished: usize,
    /// Entries of the ledger that were forgotten.
    pub pruned: usize,
}

/// Merges what is due. One compaction runs at a time: a second one is refused.
pub async fn compact(
    config: &Config,
    store: &Store,
    clock: &Arc<dyn Clock>,
) -> Result<Compacted, Error> {
    config.check()?;
    let mut run = Run {
        config,
        store,
        lease: Lease::take(store, clock).await?,
        clock,
        settled: BTreeMap::new(),
        done: Compacted::default(),
    };
    let worked = run.work().await;
    let given_back = run.lease.give_back().await;
    worked?;
    given_back?;
    Ok(run.done)
}

/// A merged file under its passing name, and those that it covers.
struct Staged {
    made: LakeFile,
    olds: Vec<Path>,
}

struct Run<'a> {
    config: &'a Config,
    store: &'a Store,
    lease: Lease<'a>,
    clock: &'a Arc<dyn Clock>,
    /// By partition: below this offset files are there for good.
    settled: BTreeMap<Source, i64>,
    done: Compacted,
}

impl Run<'_> {
    async fn work(&mut self) -> Result<(), Error> {
        for table in Table::ALL {
            let mut staged = Vec::new();
            for ((folder, source), files) in files::all(self.store, table).await? {
                self.lease.hold().await?;
                let files = self.finish(files).await?;
                self.stage(&folder, &source, files, &mut staged).await?;
            }
            for merge in staged {
                self.place(table, merge).await?;
            }
        }
        let now_ms = self.clock.now_ms();
        for source in self.settled.keys() {
            self.done.pruned += ledger::prune(self.store, source, now_ms).await?;
        }
        Ok(())
    }

    /// Finishes what an earlier run began, and clears what it left over. Gives the files that stay.
    async fn finish(&mut self, files: Vec<LakeFile>) -> Result<Vec<LakeFile>, Error> {
        let before: Vec<_> = files
            .iter()
            .map(|file| file.meta.location.clone())
            .collect();
        let mut kept = files::uncovered(files)?;
        let stay: Vec<_> = kept.iter().map(|file| file.meta.location.clone()).collect();
        let covered: Vec<_> = before
            .into_iter()
            .filter(|path| !stay.contains(path))
            .collect();
        self.done.finished += covered.len();
        self.store.delete(covered).await?;
        for file in kept.iter_mut().filter(|file| file.name.merging) {
            merge::put_in_place(self.store, file).await?;
            self.done.finished += 1;
        }
        Ok(kept)
    }

    /// Makes the merged files of a folder and a partition.
    async fn stage(
        &mut self,
        folder: &Folder,
        source: &Source,
        files: Vec<LakeFile>,
        staged: &mut Vec<Staged>,
    ) -> Result<(), Error> {
        if !self.settled.contains_key(source) {
            let head = ledger::head(self.store, source).await?;
            self.settled.insert(source.clone(), head.settled_below());
        }
        let settled_below = self.settled[source];
        let now_ms = self.clock.now_ms();
        let rules = Rules {
            below_bytes: self.config.compact_below_bytes,
            to_bytes: self.config.compact_to_bytes,
            settled_below,
            is_closed: Day::of_ms(now_ms).is_some_and(|today| folder.day < today),
            after_ms: i64::try_from(self.config.compact_after_seconds).unwrap_or(i64::MAX / 1_000)
                * 1_000,
            now_ms,
        };
        for part in plan::merges(&files, &rules) {
            self.lease.hold().await?;
            match merge::stage(self.store, part).await {
                Ok(made) => staged.push(Staged {
                    made,
                    olds: part.iter().map(|file| file.meta.location.clone()).collect(),
                }),
                // A writer of a newer version put it there: its own compaction will take it.
                Err(cause @ Error::UnknownColumn { .. }) => {
                    tracing::warn!(%cause, "left as it is");
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }

    /// Puts a merged file in the place of those that it covers.
    async fn place(&mut self, table: Table, merge: Staged) -> Result<(), Error> {
        let Staged { mut made, olds } = merge;
        self.lease.hold().await?;
        let merged = olds.len();
        self.store.delete(olds).await?;
        merge::put_in_place(self.store, &mut made).await?;
        meters::merged(table, merged);
        self.done.merged += merged;
        self.done.made += 1;
        Ok(())
    }
}
