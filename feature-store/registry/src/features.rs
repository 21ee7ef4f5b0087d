//! Reading feature values from a state at an instant.

use fairlead_proto::feature::v1::{
    EntityState, FeatureSet, Purpose as WirePurpose, Sequence, StoredAttribute, stored_attribute,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::definition::Derive;
use crate::layout::{CategorySlot, NumberSlot, NumberSource, SequenceSlot};
use crate::purpose::Purpose;
use crate::registry::Registry;
use crate::sequence::opens;
use crate::state::tiles_of;
use crate::tiles;

const HOUR_MS: f64 = 3_600_000.0;
const DAY_MS: f64 = 86_400_000.0;

impl Registry {
    /// Returns the values of a customer at an instant, for one purpose. They are exact for every
    /// instant from [`crate::FUTURE_TOLERANCE_MS`] before the state's newest event on.
    ///
    /// A window counts as observed as soon as any event of the customer was: no click is an
    /// observation too.
    pub fn features_at(&self, state: &EntityState, as_of_ms: i64, purpose: Purpose) -> FeatureSet {
        let layout = self.layout(purpose);
        let mut numbers = Vec::with_capacity(layout.numbers.len());
        let mut observed = vec![0_u8; layout.numbers.len().div_ceil(8)];
        for (index, slot) in layout.numbers.iter().enumerate() {
            let value = number(slot, state, as_of_ms);
            if value.is_some() {
                observed[index / 8] |= 1 << (index % 8);
            }
            numbers.push(value.unwrap_or(slot.default));
        }
        FeatureSet {
            registry_hash: self.hash(),
            purpose: WirePurpose::from(purpose).into(),
            as_of_ms,
            numbers,
            observed,
            categories: layout
                .categories
                .iter()
                .map(|slot| category(slot, state, as_of_ms))
                .collect(),
            sequences: layout
                .sequences
                .iter()
                .map(|slot| sequence(slot, state, as_of_ms))
                .collect(),
        }
    }

    /// Returns the counters of a product at an instant, in the order of
    /// [`Registry::product_layout`].
    pub fn product_features_at(&self, state: &EntityState, as_of_ms: i64) -> Vec<f64> {
        self.product_layout()
            .numbers
            .iter()
            .map(|slot| number(slot, state, as_of_ms).unwrap_or(slot.default))
            .collect()
    }
}

/// Returns the value, or `None` if none was observed.
fn number(slot: &NumberSlot, state: &EntityState, as_of_ms: i64) -> Option<f64> {
    let value = match &slot.source {
        NumberSource::Tiles {
            series,
            window,
            sum,
        } => {
            if state.last_event_time_ms == 0 {
                return None;
            }
            let found = state
                .series
                .binary_search_by_key(series, |series| series.series_id);
            let tiles = found.map_or(&[][..], |index| tiles_of(&state.series[index], window.tile));
            let total = tiles::total(tiles, window.tiles_at(as_of_ms));
            if *sum { total.sum } else { total.count as f64 }
        }
        NumberSource::Attribute { key, derive } => {
            let value = match &fresh(state, key, as_of_ms, slot.ttl_ms)?.value {
                Some(stored_attribute::Value::Number(number)) => *number,
                Some(stored_attribute::Value::Flag(flag)) => f64::from(u8::from(*flag)),
                _ => return None,
            };
            match derive {
                None => value,
                Some(Derive::DaysSince) => ((as_of_ms as f64 - value) / DAY_MS).max(0.0),
                Some(Derive::FullYearsSince) => full_years(value, as_of_ms)?,
            }
        }
        NumberSource::HoursSince { key } => {
            let since = fresh(state, key, as_of_ms, slot.ttl_ms)?.event_time_ms;
            (as_of_ms.saturating_sub(since) as f64 / HOUR_MS).max(0.0)
        }
    };
    value.is_finite().then_some(value)
}

fn category(slot: &CategorySlot, state: &EntityState, as_of_ms: i64) -> String {
    let stored = fresh(state, &slot.key, as_of_ms, slot.ttl_ms);
    match stored.and_then(|stored| stored.value.as_ref()) {
        Some(stored_attribute::Value::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

fn sequence(slot: &SequenceSlot, state: &EntityState, as_of_ms: i64) -> Sequence {
    let found = state
        .sequences
        .binary_search_by_key(&slot.id, |sequence| sequence.sequence_id);
    let entries = found.map_or(&[][..], |index| &state.sequences[index].entries);
    let oldest = as_of_ms.saturating_sub(slot.ttl_ms);
    let known = entries.iter().filter(|entry| {
        (oldest..=as_of_ms).contains(&entry.event_time_ms) && (!slot.held || opens(entry))
    });
    Sequence {
        entries: known.cloned().collect(),
    }
}

/// Returns the attribute, or `None` if it is absent or older than the feature's TTL.
fn fresh<'a>(
    state: &'a EntityState,
    key: &str,
    as_of_ms: i64,
    ttl_ms: i64,
) -> Option<&'a StoredAttribute> {
    state
        .attributes
        .get(key)
        .filter(|stored| as_of_ms.saturating_sub(stored.event_time_ms) <= ttl_ms)
}

/// Returns the full years between two instants, by the calendar in UTC, or `None` before the
/// first.
fn full_years(born_ms: f64, as_of_ms: i64) -> Option<f64> {
    let born = date(born_ms as i64)?;
    let now = date(as_of_ms)?;
    let had_birthday = (now.month(), now.day()) >= (born.month(), born.day());
    let years = i32::from(now.year()) - i32::from(born.year()) - i32::from(!had_birthday);
    (years >= 0).then_some(f64::from(years))
}

fn date(instant_ms: i64) -> Option<Date> {
    let instant = Timestamp::from_millisecond(instant_ms).ok()?;
    Some(TimeZone::UTC.to_datetime(instant).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        let instant: Timestamp = text.parse().unwrap();
        instant.as_millisecond()
    }

    #[test]
    fn age_changes_on_the_birthday() {
        let born = ms("2007-11-23T00:00:00Z") as f64;
        assert_eq!(full_years(born, ms("2025-11-22T23:59:59Z")), Some(17.0));
        assert_eq!(full_years(born, ms("2025-11-23T00:00:00Z")), Some(18.0));
        assert_eq!(full_years(born, ms("2007-11-22T00:00:00Z")), None);
        let leap = ms("2004-02-29T00:00:00Z") as f64;
        assert_eq!(full_years(leap, ms("2022-02-28T12:00:00Z")), Some(17.0));
        assert_eq!(full_years(leap, ms("2022-03-01T00:00:00Z")), Some(18.0));
    }

    #[test]
    fn instants_that_no_calendar_has_are_not_observed() {
        assert_eq!(full_years(f64::MAX, 0), None);
        assert_eq!(full_years(0.0, i64::MAX), None);
    }
}
