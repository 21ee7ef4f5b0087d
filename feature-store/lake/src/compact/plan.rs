//! The choice of files to merge.

use crate::files::LakeFile;

/// The rules by which files are chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct MergeRules {
    /// The size below which files are merged.
    pub(super) below_bytes: u64,
    /// The approximate size of a merged file.
    pub(super) to_bytes: u64,
    /// The offset from which files may still be made again by a writer.
    pub(super) settled_below: i64,
    /// True if the folder's day is over.
    pub(super) is_closed: bool,
    /// The age from which files of an open day may be merged, too.
    pub(super) after_ms: i64,
    /// The current time.
    pub(super) now_ms: i64,
}

impl MergeRules {
    fn allow(&self, file: &LakeFile) -> bool {
        let age_ms = self.now_ms - file.meta.last_modified.timestamp_millis();
        file.meta.size < self.below_bytes
            && file.name.range.last < self.settled_below
            && (self.is_closed || age_ms >= self.after_ms)
    }
}

/// Returns runs of two or more consecutive small files. A merged file covers all offsets from its
/// first to its last, so no other file may lie between.
pub(super) fn merges<'a>(files: &'a [LakeFile], rules: &MergeRules) -> Vec<&'a [LakeFile]> {
    let mut merges = Vec::new();
    for run in files.chunk_by(|one, other| rules.allow(one) && rules.allow(other)) {
        let (mut start, mut bytes) = (0, 0);
        for (index, file) in run.iter().enumerate() {
            if index > start && bytes + file.meta.size > rules.to_bytes {
                merges.push(&run[start..index]);
                (start, bytes) = (index, 0);
            }
            bytes += file.meta.size;
        }
        merges.push(&run[start..]);
    }
    merges.retain(|part| part.len() > 1);
    merges
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::files::uncovered;
    use crate::name::{Day, FileName, Folder, OffsetRange};
    use crate::table::Table;

    fn file(first: i64, last: i64, size: u64) -> LakeFile {
        let name = FileName {
            folder: Folder {
                table: Table::Events,
                tenant: "acme".into(),
                kind: "click".into(),
                day: Day::from_ms(0).expect("a day"),
            },
            source: fairlead_event_log::TopicPartition {
                topic: "t".into(),
                partition: 0,
            },
            range: OffsetRange { first, last },
            merging: false,
        };
        let meta = object_store::ObjectMeta {
            location: name.path(),
            last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
            size,
            e_tag: None,
            version: None,
        };
        LakeFile { name, meta }
    }

    const RULES: MergeRules = MergeRules {
        below_bytes: 100,
        to_bytes: 250,
        settled_below: i64::MAX,
        is_closed: true,
        after_ms: 0,
        now_ms: 0,
    };

    fn planned(files: &[LakeFile], rules: &MergeRules) -> Vec<Vec<i64>> {
        let merges = merges(files, rules);
        merges
            .iter()
            .map(|part| part.iter().map(|file| file.name.range.first).collect())
            .collect()
    }

    #[test]
    fn consecutive_small_files_are_merged() {
        let files = [
            file(0, 9, 90),
            file(10, 19, 90),
            file(20, 29, 90),
            file(30, 39, 500),
            file(40, 49, 10),
            file(60, 69, 10),
        ];
        assert_eq!(planned(&files, &RULES), [vec![0, 10], vec![40, 60]]);
        let unsettled = MergeRules {
            settled_below: 69,
            ..RULES
        };
        assert_eq!(planned(&files, &unsettled), [vec![0, 10]]);
        let open_day = MergeRules {
            is_closed: false,
            after_ms: 1,
            ..RULES
        };
        assert!(planned(&files, &open_day).is_empty());
        assert!(
            planned(
                &files,
                &MergeRules {
                    now_ms: 1,
                    ..open_day
                }
            )
            .len()
                == 2
        );
    }

    proptest! {
        /// For any sizes, the merged files cover their inputs and no other file.
        #[test]
        fn merged_files_cover_their_inputs_and_no_other(
            sizes in proptest::collection::vec((1_i64..20, 0_i64..20, 1_u64..200), 0..40),
            to_bytes in 1_u64..2_000,
        ) {
            let mut first = 0;
            let files: Vec<_> = sizes.iter().map(|(length, gap, size)| {
                let one = file(first, first + length - 1, *size);
                first += length + gap;
                one
            }).collect();
            let rules = MergeRules { to_bytes, ..RULES };
            let mut lake = files.clone();
            let mut inputs = 0;
            for part in merges(&files, &rules) {
                let range = super::super::merge::covered(part);
                lake.push(file(range.first, range.last, 1));
                inputs += part.len() - 1;
            }
            lake.sort_by_key(|one| (one.name.range.first, -one.name.range.last));
            let current = uncovered(lake).expect("no overlap in part");
            prop_assert_eq!(current.len(), files.len() - inputs);
            for one in &files {
                let holders = current.iter().filter(|holder| holder.name.range.covers(one.name.range));
                prop_assert_eq!(holders.count(), 1);
            }
        }
    }
}
