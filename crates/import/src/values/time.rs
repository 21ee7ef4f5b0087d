//! Days and instants.

use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::ValueRules;
use super::number::scaled;
use crate::cell::Cell;
use crate::refusal::Refusal;

/// Numbers of milliseconds this near to 1970 are refused where years before it are allowed: a day
/// of the years 1900 to 2039 in seconds is such a number.
const SECONDS_MISTAKEN: i64 = 2_208_988_800;

/// The unit of a number that is a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970.
    Microseconds,
    /// Nanoseconds since 1970.
    Nanoseconds,
    /// Days since 1970.
    Days,
    /// The digits of a calendar day: 19900517.
    YearMonthDay,
}

impl TimeUnit {
    const NAMES: [(&'static str, Self); 6] = [
        ("s", Self::Seconds),
        ("ms", Self::Milliseconds),
        ("us", Self::Microseconds),
        ("ns", Self::Nanoseconds),
        ("days", Self::Days),
        ("yyyymmdd", Self::YearMonthDay),
    ];
}

impl FromStr for TimeUnit {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, unit)| *unit).ok_or_else(|| {
            let names = Self::NAMES.map(|(name, _)| name);
            format!("allowed: {}", names.join(", "))
        })
    }
}

/// A column of times: its name, and the instants that can be true in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeColumn<'c> {
    /// Its name.
    pub(crate) name: &'c str,
    /// True if the file's own name of the column says that numbers are milliseconds.
    pub(crate) is_ms: bool,
    /// The earliest instant, Unix milliseconds.
    pub(crate) earliest_ms: i64,
    /// The latest instant, Unix milliseconds.
    pub(crate) latest_ms: i64,
}

/// A time before it is known whether the column wants a day or an instant.
enum When {
    Day(Date),
    Local(DateTime),
    /// An instant, and its date and time of day where it was written.
    Instant(Timestamp, DateTime),
}

/// Reads an instant, in Unix milliseconds. A day is the midnight that begins it, in the zone of
/// the import, else in UTC. A time without a zone is refused where the import has none.
pub(crate) fn instant(
    column: TimeColumn<'_>,
    cell: &Cell,
    rules: &ValueRules,
) -> Result<i64, Refusal> {
    let when = when(column, cell, rules)?;
    let at = match when {
        When::Instant(at, _) => at,
        When::Day(day) => {
            let zone = rules.zone.clone().unwrap_or(TimeZone::UTC);
            let midnight = day.to_zoned(zone);
            midnight
                .map_err(|_| out_of_range(column, cell))?
                .timestamp()
        }
        When::Local(time) => {
            let Some(zone) = &rules.zone else {
                let allowed = "a time with its zone, as 2025-01-31T08:00:00Z or \
                               2025-01-31T16:00:00+08:00; without one, --time-zone says which";
                return Err(Refusal::of(column.name, cell.shown(), allowed));
            };
            let zoned = zone.to_ambiguous_timestamp(time).unambiguous();
            zoned.map_err(|_| {
                let allowed = "a time that the clocks of the time zone showed exactly once; \
                               write it with its offset";
                Refusal::of(column.name, cell.shown(), allowed)
            })?
        }
    };
    plausible(column, cell, at.as_millisecond())
}

/// Reads a calendar day, as the Unix milliseconds of the UTC midnight that begins it. A time
/// counts if it is a midnight: as it is written, or in the zone of the import.
pub(crate) fn day(column: TimeColumn<'_>, cell: &Cell, rules: &ValueRules) -> Result<i64, Refusal> {
    let when = when(column, cell, rules)?;
    let midnight = |time: DateTime| (time.time() == Time::midnight()).then(|| time.date());
    let day = match when {
        When::Day(day) => Some(day),
        When::Local(time) => midnight(time),
        When::Instant(at, written) => midnight(written).or_else(|| {
            let zone = rules.zone.as_ref()?;
            midnight(zone.to_datetime(at))
        }),
    };
    let Some(day) = day else {
        let allowed = "a calendar day, as 1990-05-17; a time of day other than midnight does not \
                       say which day it is (--time-zone says where it is midnight)";
        return Err(Refusal::of(column.name, cell.shown(), allowed));
    };
    let midnight = day.to_zoned(TimeZone::UTC);
    let midnight = midnight.map_err(|_| out_of_range(column, cell))?;
    plausible(column, cell, midnight.timestamp().as_millisecond())
}

fn plausible(column: TimeColumn<'_>, cell: &Cell, ms: i64) -> Result<i64, Refusal> {
    let mistaken = matches!(cell, Cell::Text(_) | Cell::Number(_))
        && is_number(cell)
        && column.earliest_ms < 0
        && ms.abs() <= SECONDS_MISTAKEN;
    if mistaken || !(column.earliest_ms..=column.latest_ms).contains(&ms) {
        return Err(out_of_range(column, cell));
    }
    Ok(ms)
}

fn out_of_range(column: TimeColumn<'_>, cell: &Cell) -> Refusal {
    let date =
        |ms| Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |at| at.to_string());
    let (low, high) = (date(column.earliest_ms), date(column.latest_ms));
    let hint = if is_number(cell) {
        "; is the number in another unit (--time-unit)? A day may also be written as 1990-05-17"
    } else {
        ""
    };
    Refusal::of(column.name, cell.shown(), format!("{low} to {high}{hint}"))
}

fn is_number(cell: &Cell) -> bool {
    match cell {
        Cell::Number(_) => true,
        Cell::Text(text) => scaled(text, 0).is_some(),
        _ => false,
    }
}

fn when(column: TimeColumn<'_>, cell: &Cell, rules: &ValueRules) -> Result<When, Refusal> {
    let read = match cell {
        Cell::Day(day) => Some(When::Day(*day)),
        Cell::Local(time) => Some(When::Local(*time)),
        Cell::Instant(at) => Some(When::Instant(*at, TimeZone::UTC.to_datetime(*at))),
        Cell::Number(number) => return of_number(column, cell, number, rules),
        Cell::Text(text) if scaled(text, 0).is_some() => {
            return of_number(column, cell, text, rules);
        }
        Cell::Text(text) => of_text(text),
        _ => None,
    };
    read.ok_or_else(|| {
        let allowed = "a day as 2025-01-31, or a time with its zone as 2025-01-31T08:00:00Z";
        Refusal::of(column.name, cell.shown(), allowed)
    })
}

fn of_number(
    column: TimeColumn<'_>,
    cell: &Cell,
    number: &str,
    rules: &ValueRules,
) -> Result<When, Refusal> {
    let own = column.is_ms.then_some(TimeUnit::Milliseconds);
    let Some(unit) = rules.unit.or(own) else {
        let allowed = "a time as 2025-01-31T08:00:00Z, or a number whose unit is declared: \
                       --time-unit s, ms, us, ns, days or yyyymmdd";
        return Err(Refusal::of(column.name, cell.shown(), allowed));
    };
    let at = |power| {
        let (ms, _) = scaled(number, power)?;
        let at = Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()?;
        Some(When::Instant(at, TimeZone::UTC.to_datetime(at)))
    };
    let whole = || scaled(number, 0).and_then(|(whole, exact)| exact.then_some(whole));
    let read = match unit {
        TimeUnit::Seconds => at(3),
        TimeUnit::Milliseconds => at(0),
        TimeUnit::Microseconds => at(-3),
        TimeUnit::Nanoseconds => at(-6),
        TimeUnit::Days => whole().and_then(|days| {
            let day = jiff::Span::new().try_days(i64::try_from(days).ok()?).ok()?;
            Some(When::Day(
                jiff::civil::date(1970, 1, 1).checked_add(day).ok()?,
            ))
        }),
        TimeUnit::YearMonthDay => whole().and_then(|digits| {
            let part = |divisor: i128, modulus: i128| i8::try_from(digits / divisor % modulus).ok();
            let year = i16::try_from(digits / 10_000).ok()?;
            Some(When::Day(
                Date::new(year, part(100, 100)?, part(1, 100)?).ok()?,
            ))
        }),
    };
    read.ok_or_else(|| out_of_range(column, cell))
}

/// Reads a date or a time as people and programs write them, year first. The order of day and
/// month in `05/06/2025` is not known: such texts are refused.
fn of_text(text: &str) -> Option<When> {
    // The form of ISO 8601 first: nearly every time is written so.
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(When::Instant(at, written(text, at)?));
    }
    let (date, rest) = match text.find(['T', 't', ' ']) {
        Some(end) => (&text[..end], text[end + 1..].trim_start()),
        None => (text, ""),
    };
    let day = year_first(date)?;
    if rest.is_empty() {
        return Some(When::Day(day));
    }
    let end = rest.find(|one: char| !one.is_ascii_digit() && one != ':' && one != '.');
    let (clock, zone) = rest.split_at(end.unwrap_or(rest.len()));
    let time: DateTime = day.to_datetime(time_of_day(clock)?);
    let zone = zone.trim_start();
    if zone.is_empty() {
        return Some(When::Local(time));
    }
    let zone = match zone.to_ascii_uppercase().as_str() {
        "UTC" | "GMT" | "Z" => "Z",
        _ => zone,
    };
    let at: Timestamp = format!("{time}{zone}").parse().ok()?;
    Some(When::Instant(at, time))
}

/// Returns the date and time of day that an ISO 8601 text shows, whatever its offset.
fn written(text: &str, at: Timestamp) -> Option<DateTime> {
    let local = text
        .get(..19)
        .and_then(|local| local.replace(' ', "T").parse().ok());
    local.or_else(|| Some(TimeZone::UTC.to_datetime(at)))
}

fn year_first(text: &str) -> Option<Date> {
    let mut parts = text.split(['-', '/', '.']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_date = year.len() == 4
        && [year, month, day].into_iter().all(plain)
        && month.len() <= 2
        && day.len() <= 2
        && parts.next().is_none();
    if !is_date {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn time_of_day(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let (hour, minute) = (parts.next()?, parts.next()?);
    let seconds = parts.next().unwrap_or("0");
    if parts.next().is_some() || minute.len() != 2 || hour.is_empty() || hour.len() > 2 {
        return None;
    }
    let (nanos, _) = scaled(seconds, 9)?;
    let seconds = SignedDuration::from_nanos(i64::try_from(nanos).ok()?);
    if seconds >= SignedDuration::from_mins(1) {
        return None;
    }
    let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
    time.checked_add(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: TimeColumn<'_> = TimeColumn {
        name: "event_time_ms",
        is_ms: true,
        earliest_ms: 31_536_000_000,
        latest_ms: 1_796_000_000_000,
    };
    const BIRTH: TimeColumn<'_> = TimeColumn {
        name: "birth_date_ms",
        is_ms: true,
        earliest_ms: -2_208_988_800_000,
        latest_ms: 1_796_000_000_000,
    };
    /// 2026-11-29T15:30:00Z.
    const AT: i64 = 1_795_966_200_000;
    /// 1990-05-17.
    const BORN: i64 = 642_902_400_000;

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    fn rules(zone: Option<&str>, unit: Option<TimeUnit>) -> ValueRules {
        ValueRules {
            zone: zone.map(|name| TimeZone::get(name).expect("a zone")),
            unit,
            ..ValueRules::default()
        }
    }

    #[test]
    fn times_with_a_zone_are_instants() {
        let none = rules(None, None);
        for written in [
            "2026-11-29T15:30:00Z",
            "2026-11-29 15:30:00Z",
            "2026-11-29T23:30:00+08:00",
            "2026-11-29 23:30:00+0800",
            "2026-11-29 23:30:00 +0800",
            "2026-11-29T23:30:00+08",
            "2026-11-29T23:30:00+08:00[Asia/Shanghai]",
            "2026-11-29 15:30:00 UTC",
            "2026/11/29 15:30 UTC",
            "1795966200000",
            "1.7959662e+12",
        ] {
            assert_eq!(instant(EVENT, &text(written), &none), Ok(AT), "{written}");
        }
    }

    #[test]
    fn a_time_without_a_zone_needs_one_and_is_never_midnight() {
        for written in [
            "2026-11-29 15:30:00",
            "2026-11-29T15:30:00",
            "2026-11-29 15:30:00.000456",
            "2026/11/29 15:30",
            "2026-11-29 15:30",
        ] {
            let refusal = instant(EVENT, &text(written), &rules(None, None)).expect_err(written);
            assert!(refusal.to_string().contains("--time-zone"), "{refusal}");
            let utc = instant(EVENT, &text(written), &rules(Some("UTC"), None));
            assert_eq!(utc, Ok(AT), "{written}");
            let shanghai = instant(EVENT, &text(written), &rules(Some("Asia/Shanghai"), None));
            assert_eq!(shanghai, Ok(AT - 8 * 3_600_000), "{written}");
        }
        let twice = text("2025-10-26 02:30:00");
        let refusal = instant(EVENT, &twice, &rules(Some("Europe/Berlin"), None));
        let refusal = refusal.expect_err("the hour came twice").to_string();
        assert!(refusal.contains("exactly once"), "{refusal}");
        for wrong in [
            "05/06/2025 15:30",
            "17.05.1990",
            "2026-13-01",
            "15:30",
            "2026-11-29 25:00Z",
        ] {
            assert!(
                instant(EVENT, &text(wrong), &rules(None, None)).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_birth_date_is_a_day_however_it_is_written() {
        let none = rules(None, None);
        for cell in [
            text("1990-05-17"),
            text("1990/5/17"),
            text("1990-05-17 00:00:00"),
            text("1990-05-17T00:00:00Z"),
            text("1990-05-17T00:00:00+08:00"),
            text("642902400000"),
            Cell::Number("642902400000".to_owned()),
            Cell::Day(jiff::civil::date(1990, 5, 17)),
            Cell::Local(jiff::civil::date(1990, 5, 17).at(0, 0, 0, 0)),
            Cell::Instant(Timestamp::from_millisecond(BORN).expect("an instant")),
        ] {
            assert_eq!(day(BIRTH, &cell, &none), Ok(BORN), "{cell}");
        }
        // Midnight in Shanghai, as a browser writes it.
        let browser = text("1990-05-16T15:00:00Z");
        assert!(day(BIRTH, &browser, &none).is_err());
        let shanghai = rules(Some("Asia/Shanghai"), None);
        assert_eq!(
            day(BIRTH, &browser, &shanghai),
            Ok(BORN),
            "daylight saving time in 1990"
        );
    }

    #[test]
    fn numbers_have_a_declared_unit_and_a_plausible_range() {
        let unit = |unit| rules(None, Some(unit));
        let unnamed = TimeColumn {
            is_ms: false,
            ..EVENT
        };
        let refusal =
            instant(unnamed, &text("1795966200"), &rules(None, None)).expect_err("no unit");
        assert!(
            refusal.to_string().contains("--time-unit s, ms"),
            "{refusal}"
        );
        for (written, with) in [
            ("1795966200", TimeUnit::Seconds),
            ("1795966200.0009", TimeUnit::Seconds),
            ("1795966200000000", TimeUnit::Microseconds),
            ("1795966200000000000", TimeUnit::Nanoseconds),
        ] {
            assert_eq!(
                instant(EVENT, &text(written), &unit(with)),
                Ok(AT),
                "{written}"
            );
        }
        assert_eq!(
            day(BIRTH, &text("19900517"), &unit(TimeUnit::YearMonthDay)),
            Ok(BORN)
        );
        assert_eq!(day(BIRTH, &text("7441"), &unit(TimeUnit::Days)), Ok(BORN));
        assert!(day(BIRTH, &text("19901317"), &unit(TimeUnit::YearMonthDay)).is_err());
        let none = rules(None, None);
        for seconds in ["1795966200", "0", "1795966200000000", "-5"] {
            let refusal = instant(EVENT, &text(seconds), &none).expect_err(seconds);
            assert!(refusal.to_string().contains("event_time_ms `"), "{refusal}");
        }
        for seconds in [
            "642902400",
            "-315619200",
            "86400000",
            "19900517",
            "7441",
            "99999999999999",
        ] {
            let refusal = day(BIRTH, &text(seconds), &none).expect_err(seconds);
            assert!(refusal.to_string().contains("birth_date_ms `"), "{refusal}");
        }
        assert_eq!(day(BIRTH, &text("1970-01-02"), &none), Ok(86_400_000));
        assert!(
            day(BIRTH, &text("2030-01-01"), &none).is_err(),
            "nobody is born later"
        );
        assert_eq!(
            "fortnights".parse::<TimeUnit>(),
            Err("allowed: s, ms, us, ns, days, yyyymmdd".to_owned())
        );
    }
}
