//! The current files of the lake. As soon as a merged file exists, it counts in place of the files
//! that it covers, whichever of them are deleted already.

use std::collections::BTreeMap;

use fairlead_event_log::TopicPartition;
use object_store::ObjectMeta;

use crate::error::Error;
use crate::name::{FileName, Folder, OffsetRange};
use crate::store::Store;
use crate::table::Table;

/// The number of listings that are combined; see [`current`].
const LISTINGS: usize = 3;

/// A file of rows in a listing.
#[derive(Debug, Clone)]
pub struct LakeFile {
    /// The parsed name.
    pub name: FileName,
    /// The store's metadata.
    pub meta: ObjectMeta,
}

/// The files of one folder from one partition, in order of their offsets.
pub(crate) struct PartitionFiles {
    pub(crate) folder: Folder,
    pub(crate) source: TopicPartition,
    pub(crate) files: Vec<LakeFile>,
}

/// Returns all files of a table, including those that other files cover.
pub(crate) async fn all(store: &Store, table: Table) -> Result<Vec<PartitionFiles>, Error> {
    let mut groups: BTreeMap<(Folder, TopicPartition), Vec<LakeFile>> = BTreeMap::new();
    for meta in store.list(table.name()).await? {
        if let Some(name) = FileName::parse(&meta.location) {
            let group = (name.folder.clone(), name.source.clone());
            groups
                .entry(group)
                .or_default()
                .push(LakeFile { name, meta });
        }
    }
    let groups = groups.into_iter().map(|((folder, source), mut files)| {
        files.sort_by_key(|file| order(&file.name));
        PartitionFiles {
            folder,
            source,
            files,
        }
    });
    Ok(groups.collect())
}

/// Returns the sort key of a file: by first offset; of two that begin together the larger comes
/// first; of two with the same offsets the one with its final name comes first.
fn order(name: &FileName) -> (i64, i64, bool) {
    (name.range.first, -name.range.last, name.merging)
}

/// Returns the files of a table that together hold each of its rows once.
///
/// A listing is no snapshot: while files are merged, it may miss a merged file that does not exist
/// yet, and its inputs because they are deleted by then. It misses a row only if the row moves to
/// another file while the listing runs. A merge moves a row twice: into the merged file, and with
/// that file to its final name. So at least one of three listings sees it. A row that was seen in
/// several files counts once, by the files' offset ranges.
pub async fn current(store: &Store, table: Table) -> Result<Vec<LakeFile>, Error> {
    let mut seen: BTreeMap<(Folder, TopicPartition), BTreeMap<FileName, LakeFile>> =
        BTreeMap::new();
    for _ in 0..LISTINGS {
        for group in all(store, table).await? {
            let files = group.files.into_iter();
            let by_name = files.map(|file| (file.name.clone(), file));
            let key = (group.folder, group.source);
            seen.entry(key).or_default().extend(by_name);
        }
    }
    let kept = seen.into_values().map(|files| {
        let mut files: Vec<LakeFile> = files.into_values().collect();
        files.sort_by_key(|file| order(&file.name));
        uncovered(files)
    });
    Ok(kept.collect::<Result<Vec<_>, _>>()?.concat())
}

/// Returns the files of a group that no other file covers.
pub(crate) fn uncovered(files: Vec<LakeFile>) -> Result<Vec<LakeFile>, Error> {
    let ranges: Vec<_> = files.iter().map(|file| file.name.range).collect();
    let keep = uncovered_ranges(&ranges).map_err(|overlap| {
        let name = &files[0].name;
        Error::Overlap {
            folder: name.folder.to_string(),
            topic: name.source.topic.to_string(),
            partition: name.source.partition,
            one: overlap.one,
            other: overlap.other,
        }
    })?;
    let kept = files.into_iter().zip(keep).filter(|(_, keep)| *keep);
    Ok(kept.map(|(file, _)| file).collect())
}

/// Two ranges that overlap without one covering the other.
#[derive(Debug, PartialEq, Eq)]
struct PartialOverlap {
    one: OffsetRange,
    other: OffsetRange,
}

/// Returns, for each of the sorted ranges, true if no range before covers it.
fn uncovered_ranges(ranges: &[OffsetRange]) -> Result<Vec<bool>, PartialOverlap> {
    let mut last: Option<OffsetRange> = None;
    ranges
        .iter()
        .map(|range| match last {
            Some(kept) if kept.covers(*range) => Ok(false),
            Some(kept) if kept.overlaps(*range) => Err(PartialOverlap {
                one: kept,
                other: *range,
            }),
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
    fn a_file_replaces_those_that_it_covers() {
        let kept = uncovered_ranges(&ranges(&[
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
        let overlap = PartialOverlap {
            one: all[0],
            other: all[1],
        };
        assert_eq!(uncovered_ranges(&all), Err(overlap));
    }
}
