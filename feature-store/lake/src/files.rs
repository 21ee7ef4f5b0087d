//! Which files make up the lake, exactly: a merged file counts in place of those that it covers,
//! from the moment that it is there, whatever of the others was deleted already.

use std::collections::{BTreeMap, BTreeSet};

use object_store::ObjectMeta;

use crate::error::Error;
use crate::name::{FileName, Folder, OffsetRange, Source};
use crate::store::Store;
use crate::table::Table;

/// Listings that have to agree, one after the other.
const AGREEING: usize = 3;
/// Listings that are made in all. A compaction under way can spoil some.
const LISTINGS: usize = 30;

/// A file of rows as it was found.
#[derive(Debug, Clone)]
pub struct LakeFile {
    /// What its name says.
    pub name: FileName,
    /// What the store says of it.
    pub meta: ObjectMeta,
}

/// The files of one folder that come from one partition, in order of their offsets.
pub(crate) type Group = ((Folder, Source), Vec<LakeFile>);

/// Every file of a table, those that others cover with them.
pub(crate) async fn all(store: &Store, table: Table) -> Result<Vec<Group>, Error> {
    let mut groups: BTreeMap<(Folder, Source), Vec<LakeFile>> = BTreeMap::new();
    for meta in store.list(table.name()).await? {
        if let Some(name) = FileName::parse(&meta.location) {
            let group = (name.folder.clone(), name.source.clone());
            groups
                .entry(group)
                .or_default()
                .push(LakeFile { name, meta });
        }
    }
    for files in groups.values_mut() {
        files.sort_by_key(|file| order(&file.name));
    }
    Ok(groups.into_iter().collect())
}

/// By first offset; of two that begin together the larger goes first, and of two with the same
/// offsets the one that is in its place.
fn order(name: &FileName) -> (i64, i64, bool) {
    (name.range.first, -name.range.last, name.merging)
}

/// The files of a table that hold each of its rows once.
///
/// A listing is no snapshot: one that is made while files are merged may miss the old ones, deleted
/// already, and the merged one, not there yet when its place was looked at; and once more while that
/// gets its proper name. No file is in more than these two moves at a time, so the last of
/// [`AGREEING`] listings between which nothing vanished misses nothing.
pub async fn current(store: &Store, table: Table) -> Result<Vec<LakeFile>, Error> {
    let (mut before, mut agreeing) = (BTreeSet::<FileName>::new(), 0);
    for _ in 0..LISTINGS {
        let groups = all(store, table).await?;
        let names = groups
            .iter()
            .flat_map(|(_, files)| files.iter().map(|file| file.name.clone()));
        let names: BTreeSet<FileName> = names.collect();
        agreeing = if before.is_subset(&names) {
            agreeing + 1
        } else {
            1
        };
        if agreeing == AGREEING {
            let kept = groups.into_iter().map(|(_, files)| uncovered(files));
            return Ok(kept.collect::<Result<Vec<_>, _>>()?.concat());
        }
        before = names;
    }
    Err(Error::Compacting {
        url: store.url().to_owned(),
        until: "it ends: files kept vanishing while they were listed".into(),
    })
}

/// The files of a group that no other one covers.
pub(crate) fn uncovered(files: Vec<LakeFile>) -> Result<Vec<LakeFile>, Error> {
    let keep = keep(&files.iter().map(|file| file.name.range).collect::<Vec<_>>());
    let keep = keep.map_err(|(one, other)| {
        let name = &files[0].name;
        Error::Overlap {
            folder: name.folder.to_string(),
            topic: name.source.topic.clone(),
            partition: name.source.partition,
            one,
            other,
        }
    })?;
    let kept = files.into_iter().zip(keep).filter(|(_, keep)| *keep);
    Ok(kept.map(|(file, _)| file).collect())
}

/// For ranges in order: whether none before covers them. Two that overlap in part are an error.
fn keep(ranges: &[OffsetRange]) -> Result<Vec<bool>, (OffsetRange, OffsetRange)> {
    let mut last: Option<OffsetRange> = None;
    ranges
        .iter()
        .map(|range| match last {
            Some(kept) if kept.covers(*range) => Ok(false),
            Some(kept) if kept.meets(*range) => Err((kept, *range)),
            _ => {
                last = Some(*range);
                Ok(true)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(ranges: &[(i64, i64)]) -> Vec<OffsetRange> {
        ranges
            .iter()
            .map(|(first, last)| OffsetRange {
                first: *first,
                last: *last,
            })
            .collect()
    }

    #[test]
    fn a_file_stands_for_those_that_it_covers() {
        let kept = keep(&ranges(&[
            (0, 9),
            (0, 4),
            (5, 9),
            (10, 12),
            (10, 12),
            (20, 20),
        ]));
        assert_eq!(kept, Ok(vec![true, false, false, true, false, true]));
    }

    #[test]
    fn files_that_overlap_in_part_are_refused() {
        let all = ranges(&[(0, 9), (5, 12)]);
        assert_eq!(keep(&all), Err((all[0], all[1])));
    }
}
