//! Values of Parquet by their logical types.

use jiff::civil::{Date, Time, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::record::Field;
use parquet::schema::types::Type;

use crate::cell::Cell;
use crate::refusal::Refusal;

/// How values are read.
pub(super) struct Values {
    /// True if times without a zone are in UTC. Otherwise the zone of the import decides.
    pub(super) naive_is_utc: bool,
    /// Texts that mean that a value is missing.
    pub(super) missing: Vec<String>,
}

/// Returns whether a column holds times without a zone.
pub(super) fn is_naive(kind: &Type) -> bool {
    if !kind.is_primitive() {
        return kind.get_fields().iter().any(|inner| is_naive(inner));
    }
    let logical = kind.get_basic_info().logical_type_ref();
    matches!(logical, Some(LogicalType::Timestamp(about)) if !about.is_adjusted_to_u_t_c)
}

impl Values {
    /// Returns a value, or `None` if it is missing.
    pub(super) fn cell(
        &self,
        name: &str,
        kind: &Type,
        field: Field,
    ) -> Result<Option<Cell>, Refusal> {
        let unreadable = |what: &str| Refusal::plain(format!("{name} {what}"));
        Ok(match field {
            Field::Null => None,
            Field::Bool(flag) => Some(Cell::Flag(flag)),
            Field::Float(number) if number.is_nan() => None,
            // With the digits of a float of 32 bits, not those of the double that is nearest.
            Field::Float(number) => Some(Cell::Number(format!("{number:?}"))),
            Field::Float16(number) => Cell::float(f64::from(number)),
            Field::Double(number) => Cell::float(number),
            Field::Date(days) => Some(Cell::Day(
                day(days).ok_or_else(|| unreadable("is a day beyond the calendar"))?,
            )),
            Field::Long(ns) if is_time_of_day(kind) => clock(ns, 1),
            Field::TimestampMillis(_) | Field::TimestampMicros(_) | Field::Long(_) => {
                match timestamp(kind, &field) {
                    When::Instant(at) => Some(self.time(kind, at)),
                    When::Beyond => return Err(unreadable("is a time beyond the calendar")),
                    When::Never => Some(Cell::Number(field.to_string())),
                }
            }
            Field::Decimal(_) => {
                let digits = field.to_string();
                Some(Cell::Number(digits.trim_end_matches('.').to_owned()))
            }
            Field::Str(text) => Cell::trimmed(&text, &self.missing),
            Field::Bytes(bytes) => self.bytes(kind, bytes.data()).map_err(unreadable)?,
            Field::TimeMillis(ms) => clock(i64::from(ms), 1_000_000),
            Field::TimeMicros(us) => clock(us, 1_000),
            Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => {
                self.nested(name, kind, field)?
            }
            whole => Some(Cell::Number(whole.to_string())),
        })
    }

    fn time(&self, kind: &Type, at: Timestamp) -> Cell {
        if is_naive(kind) && !self.naive_is_utc {
            return Cell::Local(TimeZone::UTC.to_datetime(at));
        }
        Cell::Instant(at)
    }

    fn bytes(&self, kind: &Type, bytes: &[u8]) -> Result<Option<Cell>, &'static str> {
        let logical = kind.get_basic_info().logical_type_ref();
        if logical == Some(&LogicalType::Uuid) {
            let bytes = <[u8; 16]>::try_from(bytes);
            let bytes = bytes.map_err(|_| "is a UUID of another length than 16 bytes")?;
            let digits = format!("{:032x}", u128::from_be_bytes(bytes));
            let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
            return Ok(Some(Cell::Text(parts.join("-"))));
        }
        let text =
            std::str::from_utf8(bytes).map_err(|_| "is neither a text in UTF-8 nor a UUID")?;
        Ok(Cell::trimmed(text, &self.missing))
    }

    fn nested(&self, name: &str, kind: &Type, field: Field) -> Result<Option<Cell>, Refusal> {
        let inner = kind.get_fields();
        match field {
            Field::Group(row) => {
                let mut record = Vec::new();
                for ((own, field), kind) in row.into_columns().into_iter().zip(inner) {
                    if let Some(cell) = self.cell(&format!("{name}.{own}"), kind, field)? {
                        record.push((own, cell));
                    }
                }
                Ok(Some(Cell::Record(record)))
            }
            Field::ListInternal(list) => {
                let kind = element(kind);
                let items = list.elements().iter();
                let items = items.map(|item| self.cell(name, kind, item.clone()));
                let items: Vec<Option<Cell>> = items.collect::<Result<_, _>>()?;
                Ok(Some(Cell::List(items.into_iter().flatten().collect())))
            }
            Field::MapInternal(map) => {
                let (key_kind, kind) = match inner {
                    [entry] if entry.get_fields().len() == 2 => {
                        (&entry.get_fields()[0], &entry.get_fields()[1])
                    }
                    _ => return Err(Refusal::plain(format!("{name} is a map without values"))),
                };
                let mut record = Vec::new();
                for (key, field) in map.entries() {
                    let key = self.cell(name, key_kind, key.clone())?;
                    let cell = self.cell(name, kind, field.clone())?;
                    if let (Some(key), Some(cell)) = (key, cell) {
                        record.push((key.to_string(), cell));
                    }
                }
                Ok(Some(Cell::Record(record)))
            }
            _ => Ok(None),
        }
    }
}

/// Returns the type of the elements of a list.
fn element(kind: &Type) -> &Type {
    if kind.get_basic_info().converted_type() != ConvertedType::LIST {
        return kind;
    }
    let repeated = &kind.get_fields()[0];
    if repeated.is_group() && repeated.get_fields().len() == 1 {
        &repeated.get_fields()[0]
    } else {
        repeated
    }
}

fn is_time_of_day(kind: &Type) -> bool {
    let logical = kind.get_basic_info().logical_type_ref();
    matches!(logical, Some(LogicalType::Time(_)))
}

/// Returns the time of day so many units after midnight, each of `nanos` nanoseconds.
fn clock(units: i64, nanos: i64) -> Option<Cell> {
    let since = SignedDuration::from_nanos(units.checked_mul(nanos)?);
    Time::midnight().checked_add(since).ok().map(Cell::Clock)
}

fn day(days: i32) -> Option<Date> {
    let days = Span::new().try_days(days).ok()?;
    date(1970, 1, 1).checked_add(days).ok()
}

/// The instant that a number of a column may be.
enum When {
    Instant(Timestamp),
    /// It lies beyond the calendar.
    Beyond,
    /// The column holds no times.
    Never,
}

fn timestamp(kind: &Type, field: &Field) -> When {
    let unit = match kind.get_basic_info().logical_type_ref() {
        Some(LogicalType::Timestamp(about)) => Some(about.unit),
        _ => None,
    };
    let at = match (field, unit) {
        (Field::TimestampMillis(ms), _) => Timestamp::from_millisecond(*ms),
        (Field::TimestampMicros(us), _) => Timestamp::from_microsecond(*us),
        (Field::Long(ns), Some(TimeUnit::NANOS)) => Timestamp::from_nanosecond(i128::from(*ns)),
        _ => return When::Never,
    };
    at.map_or(When::Beyond, When::Instant)
}
