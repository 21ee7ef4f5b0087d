//! The names of files. The folder holds table, tenant, kind and day; the name holds topic,
//! partition and offsets.

use std::fmt;

use fairlead_event_log::TopicPartition;
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use object_store::path::Path;

use crate::table::Table;

/// A range of offsets of one partition, both ends included.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct OffsetRange {
    /// The first offset.
    pub first: i64,
    /// The last offset.
    pub last: i64,
}

impl OffsetRange {
    /// Returns true if this range contains every offset of `other`.
    pub fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// Returns true if the two ranges have an offset in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl fmt::Display for OffsetRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..={}", self.first, self.last)
    }
}

/// A UTC day from 1970-01-01 to 9999-12-31, in days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(i32);

const EPOCH: Date = date(1970, 1, 1);
const DAY_MS: i64 = 86_400_000;
/// 9999-12-31.
const LAST_DAY: i64 = 2_932_896;

impl Day {
    /// Returns the day of an instant, or `None` if it is out of range.
    pub fn from_ms(instant_ms: i64) -> Option<Self> {
        let day = instant_ms.div_euclid(DAY_MS);
        (0..=LAST_DAY).contains(&day).then_some(Self(day as i32))
    }

    /// Returns the days since 1970-01-01.
    pub fn number(self) -> i32 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let day: Date = text.parse().ok()?;
        let number = (day - EPOCH).get_days();
        (0..=LAST_DAY)
            .contains(&i64::from(number))
            .then_some(Self(number))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = EPOCH.checked_add(self.0.days()).map_err(|_| fmt::Error)?;
        write!(f, "{day}")
    }
}

/// A folder. Readers prune by its values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Folder {
    /// The table.
    pub table: Table,
    /// The tenant; its characters need no escape in a path.
    pub tenant: String,
    /// The kind of event, `decision` or `decision_item`.
    pub kind: String,
    /// The day, by event time.
    pub day: Day,
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            tenant,
            kind,
            day,
        } = self;
        write!(f, "{}/tenant={tenant}/kind={kind}/day={day}", table.name())
    }
}

impl Folder {
    fn parse<'a>(mut parts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let table = Table::with_name(parts.next()?)?;
        let mut value = |key: &str| parts.next()?.strip_prefix(key).map(ToOwned::to_owned);
        Some(Self {
            table,
            tenant: value("tenant=")?,
            kind: value("kind=")?,
            day: Day::parse(&value("day=")?)?,
        })
    }
}

/// The name of a file of rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileName {
    /// The folder.
    pub folder: Folder,
    /// The partition of the log from which the rows come.
    pub source: TopicPartition,
    /// The offsets whose rows of this folder are all in the file.
    pub range: OffsetRange,
    /// True for a merged file that has not replaced its inputs yet. Its name begins with an
    /// underscore and does not end in `.parquet`, so readers that take files by name skip it.
    pub merging: bool,
}

const FINAL_ENDING: &str = ".parquet";
const MERGING_ENDING: &str = ".merging";

impl FileName {
    /// Returns the path under the lake's root.
    pub fn path(&self) -> Path {
        let TopicPartition { topic, partition } = &self.source;
        let OffsetRange { first, last } = self.range;
        let (prefix, ending) = if self.merging {
            ("_", MERGING_ENDING)
        } else {
            ("", FINAL_ENDING)
        };
        let Folder {
            table,
            tenant,
            kind,
            day,
        } = &self.folder;
        Path::from_iter([
            table.name().to_owned(),
            format!("tenant={tenant}"),
            format!("kind={kind}"),
            format!("day={day}"),
            format!("{prefix}{topic}-{partition}-{first:020}-{last:020}{ending}"),
        ])
    }

    /// Parses a path, or returns `None` if it is not a file of the lake.
    pub fn parse(path: &Path) -> Option<Self> {
        let name = path.filename()?;
        let folder = Folder::parse(path.parts().collect::<Vec<_>>().iter().map(AsRef::as_ref))?;
        let (stem, merging) = match name.strip_suffix(FINAL_ENDING) {
            Some(stem) => (stem, false),
            None => (name.strip_prefix('_')?.strip_suffix(MERGING_ENDING)?, true),
        };
        let mut parts = stem.rsplitn(4, '-');
        let last = parts.next()?.parse().ok()?;
        let first = parts.next()?.parse().ok()?;
        let partition = parts.next()?.parse().ok()?;
        let topic = parts.next()?.into();
        let parsed = Self {
            folder,
            source: TopicPartition { topic, partition },
            range: OffsetRange { first, last },
            merging,
        };
        // A file has exactly one name: other padding or a deeper folder is not the lake's.
        (parsed.path() == *path && first <= last).then_some(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> FileName {
        FileName {
            folder: Folder {
                table: Table::Events,
                tenant: "acme".into(),
                kind: "click".into(),
                day: Day::from_ms(1_763_893_050_000).expect("a day"),
            },
            source: TopicPartition {
                topic: "fairlead-x.events.v1".into(),
                partition: 3,
            },
            range: OffsetRange {
                first: 10,
                last: 42,
            },
            merging: false,
        }
    }

    #[test]
    fn parsing_a_path_returns_its_name() {
        let name = example();
        assert_eq!(
            name.path().as_ref(),
            "events/tenant=acme/kind=click/day=2025-11-23/\
             fairlead-x.events.v1-3-00000000000000000010-00000000000000000042.parquet"
        );
        let merging = FileName {
            merging: true,
            ..name.clone()
        };
        for name in [name, merging] {
            assert_eq!(FileName::parse(&name.path()), Some(name));
        }
    }

    #[test]
    fn readers_that_take_parquet_files_by_name_skip_a_merging_file() {
        let path = FileName {
            merging: true,
            ..example()
        }
        .path();
        let name = path.filename().expect("a name");
        assert!(
            name.starts_with('_') && !name.ends_with(".parquet"),
            "{name}"
        );
    }

    #[test]
    fn other_paths_are_not_parsed() {
        let valid = example().path().to_string();
        for path in [
            valid.replace("events/", "others/"),
            valid.replace("day=2025-11-23", "day=2025-11-23/deeper"),
            valid.replace("day=2025-11-23", "day=yesterday"),
            valid.replace("-00000000000000000010-", "-10-"),
            valid.replace(".parquet", ".csv"),
            "events/tenant=acme/x.parquet".into(),
        ] {
            assert_eq!(FileName::parse(&Path::from(path.clone())), None, "{path}");
        }
    }

    #[test]
    fn days_are_utc_and_bounded() {
        let day = |ms| Day::from_ms(ms).map(|day| day.to_string());
        assert_eq!(day(0).as_deref(), Some("1970-01-01"));
        assert_eq!(day(86_399_999).as_deref(), Some("1970-01-01"));
        assert_eq!(day(253_402_300_799_999).as_deref(), Some("9999-12-31"));
        assert_eq!(
            (day(-1), day(253_402_300_800_000), day(i64::MAX)),
            (None, None, None)
        );
    }
}
