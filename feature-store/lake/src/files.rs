//! Which files make up the lake, exactly: a merged file counts in place of those that it covers,
//! from the moment that it is there, whatever of the others was deleted already.

use std::collections::BTreeMap;

use object_store::ObjectMeta;

use crate::error::Error;
use crate::name::{FileName, Folder, OffsetRange, Source};
use crate::store::Store;
use crate::table::Table;

/// Listings that are put together; see [`current`].
const LISTINGS: usize = 3;

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
/// A listing is no snapshot: one that is made while files are merged may pass by a merged file before
/// it is there, and by those that it replaces when they are gone. To be missed, a row has to move to
/// another file, whole, while the listing goes on, and a merge moves it twice: into the merged file,
/// and with that to its proper name. So one of three listings sees it, and what was seen in several
/// places counts once, as ranges of offsets say.
pub async fn current(store: &Store, table: Table) -> Result<Vec<LakeFile>, Error> {
    let mut seen: BTreeMap<(Folder, Source), BTreeMap<FileName, LakeFile>> = BTreeMap::new();
    for _ in 0..LISTINGS {
        for (group, files) in all(store, table).await? {
            let named = files.into_iter().map(|file| (file.name.clone(), file));
            seen.entry(group).or_default().extend(named);
        }
    }
    let kept = seen.into_values().map(|files| {
        let mut files: Vec<LakeFile> = files.into_values().collect();
        files.sort_by_key(|file| order(&file.name));
        uncovered(files)
    });
    Ok(kept.collect::<Result<Vec<_>, _>>()?.concat())
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
