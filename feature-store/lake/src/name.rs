//! How files are named: the folder says table, tenant, kind and day; the name says topic,
//! partition and the offsets that were covered.

use std::fmt;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use object_store::path::Path;

use crate::table::Table;

/// Offsets of one partition, both ends included.
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
    /// Whether every offset of `other` is one of these.
    pub fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// Whether the two have an offset in common.
    pub fn meets(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl fmt::Display for OffsetRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..={}", self.first, self.last)
    }
}

/// A day in UTC, in days since 1970-01-01; never before that, nor after 9999-12-31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(i32);

const EPOCH: Date = date(1970, 1, 1);
const DAY_MS: i64 = 86_400_000;
/// 9999-12-31.
const LAST_DAY: i64 = 2_932_896;

impl Day {
    /// The day of an instant, where it is one that can be named.
    pub fn of_ms(instant_ms: i64) -> Option<Self> {
        let day = instant_ms.div_euclid(DAY_MS);
        (0..=LAST_DAY).contains(&day).then_some(Self(day as i32))
    }

    /// Days since 1970-01-01.
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

/// A folder: what a reader prunes by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Folder {
    /// The table.
    pub table: Table,
    /// The tenant, of characters that need no escape in a path.
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
        let table = Table::named(parts.next()?)?;
        let mut value = |key: &str| parts.next()?.strip_prefix(key).map(ToOwned::to_owned);
        Some(Self {
            table,
            tenant: value("tenant=")?,
            kind: value("kind=")?,
            day: Day::parse(&value("day=")?)?,
        })
    }
}

/// A partition of a topic, as the lake names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
}

/// A file of rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileName {
    /// Where it lies.
    pub folder: Folder,
    /// Where its rows come from.
    pub source: Source,
    /// Every row of the folder that came from these offsets is in it.
    pub range: OffsetRange,
    /// Merged, and not yet in the place of the files that it replaces. Its name begins with an
    /// underscore and does not end in `.parquet`: readers that go by names pass over it.
    pub merging: bool,
}

const ROWS: &str = ".parquet";
const MERGING: &str = ".merging";

impl FileName {
    /// Its place under the lake's root.
    pub fn path(&self) -> Path {
        let Source { topic, partition } = &self.source;
        let OffsetRange { first, last } = self.range;
        let (lead, ending) = if self.merging {
            ("_", MERGING)
        } else {
            ("", ROWS)
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
            format!("{lead}{topic}-{partition}-{first:020}-{last:020}{ending}"),
        ])
    }

    /// What a path names; nothing where it is not one of ours.
    pub fn parse(path: &Path) -> Option<Self> {
        let name = path.filename()?;
        let folder = Folder::parse(path.parts().collect::<Vec<_>>().iter().map(AsRef::as_ref))?;
        let (stem, merging) = match name.strip_suffix(ROWS) {
            Some(stem) => (stem, false),
            None => (name.strip_prefix('_')?.strip_suffix(MERGING)?, true),
        };
        let mut parts = stem.rsplitn(4, '-');
        let last = parts.next()?.parse().ok()?;
        let first = parts.next()?.parse().ok()?;
        let partition = parts.next()?.parse().ok()?;
        let topic = parts.next()?.to_owned();
        let named = Self {
            folder,
            source: Source { topic, partition },
            range: OffsetRange { first, last },
            merging,
        };
        // One name per file: a copy with other padding, or deeper down, is somebody else's.
        (named.path() == *path && first <= last).then_some(named)
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
                day: Day::of_ms(1_763_893_050_000).expect("a day"),
            },
            source: Source {
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
    fn a_name_says_everything_and_is_read_back() {
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
    fn a_merging_file_is_passed_over_by_readers_that_go_by_names() {
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
    fn foreign_names_are_not_ours() {
        let ours = example().path().to_string();
        for path in [
            ours.replace("events/", "others/"),
            ours.replace("day=2025-11-23", "day=2025-11-23/deeper"),
            ours.replace("day=2025-11-23", "day=yesterday"),
            ours.replace("-00000000000000000010-", "-10-"),
            ours.replace(".parquet", ".csv"),
            "events/tenant=acme/x.parquet".into(),
        ] {
            assert_eq!(FileName::parse(&Path::from(path.clone())), None, "{path}");
        }
    }

    #[test]
    fn days_are_utc_and_have_ends() {
        let day = |ms| Day::of_ms(ms).map(|day| day.to_string());
        assert_eq!(day(0).as_deref(), Some("1970-01-01"));
        assert_eq!(day(86_399_999).as_deref(), Some("1970-01-01"));
        assert_eq!(day(253_402_300_799_999).as_deref(), Some("9999-12-31"));
        assert_eq!(
            (day(-1), day(253_402_300_800_000), day(i64::MAX)),
            (None, None, None)
        );
    }
}
