//! The stored state of one entity: its encoding, and its migration to another registry.

use fairlead_proto::feature::v1::{EntityState, Series, StoredSequence};
use prost::Message as _;

use crate::error::Error;
use crate::purpose::Entity;
use crate::registry::Registry;
use crate::rules::{Rules, SeriesRule};
use crate::tiles;
use crate::window::Tile;

/// The number of recent event ids that a state remembers, as hashes.
pub const RECENT_EVENT_IDS: usize = 64;

/// The version of the encoding: the one written, and the only one read.
const VERSION: u32 = 1;

impl Registry {
    /// Encodes a state for storage, without the tiles that no window can read any more.
    pub fn encode(&self, entity: Entity, state: &mut EntityState) -> Vec<u8> {
        self.adopt(entity, state);
        compact(self.rules(entity), state);
        state.encode_to_vec()
    }

    /// Decodes a stored state.
    ///
    /// # Errors
    /// [`Error::State`] for bytes that are no state or of another version.
    pub fn decode(&self, bytes: &[u8]) -> Result<EntityState, Error> {
        let mut state = EntityState::decode(bytes).map_err(|cause| Error::State {
            thing: "content",
            value: cause.to_string(),
            allowed: "an encoded fairlead.feature.v1.EntityState",
        })?;
        if state.version != VERSION {
            return Err(Error::State {
                thing: "version",
                value: state.version.to_string(),
                allowed: "1",
            });
        }
        sort(&mut state);
        Ok(state)
    }

    /// Brings a state to this registry: a new one, or one written under other definitions. A series
    /// keeps its values as long as its definition is the same; what no feature reads is dropped.
    pub(crate) fn adopt(&self, entity: Entity, state: &mut EntityState) {
        if state.registry_hash == self.hash() && state.version == VERSION {
            return;
        }
        let rules = self.rules(entity);
        state.version = VERSION;
        state.registry_hash = self.hash();
        state
            .series
            .retain(|series| rules.series_of(series.series_id).is_some());
        for series in &mut state.series {
            if let Some(rule) = rules.series_of(series.series_id) {
                for tile in Tile::ALL {
                    if rule.keep[tile.index()] == 0 {
                        tiles_mut(series, tile).clear();
                    }
                }
            }
        }
        state.sequences.retain_mut(|stored| {
            let rule = rules
                .sequences
                .iter()
                .find(|rule| rule.id == stored.sequence_id);
            let entries = rule.map_or(0, |rule| rule.length * if rule.held { 2 } else { 1 });
            stored.entries.truncate(entries);
            rule.is_some()
        });
        state.attributes.retain(|name, _| {
            rules.attributes.contains_key(name)
                || rules.instants.iter().any(|instant| instant.key == *name)
        });
    }
}

impl Rules {
    pub(crate) fn series_of(&self, id: u32) -> Option<&SeriesRule> {
        let index = self.series.binary_search_by_key(&id, |rule| rule.id).ok()?;
        self.series.get(index)
    }
}

/// Returns the tiles of one length.
pub(crate) fn tiles_mut(
    series: &mut Series,
    tile: Tile,
) -> &mut Vec<fairlead_proto::feature::v1::Tile> {
    match tile {
        Tile::Minute => &mut series.minutes,
        Tile::Hour => &mut series.hours,
        Tile::Day => &mut series.days,
    }
}

/// Returns the tiles of one length.
pub(crate) fn tiles_of(series: &Series, tile: Tile) -> &[fairlead_proto::feature::v1::Tile] {
    match tile {
        Tile::Minute => &series.minutes,
        Tile::Hour => &series.hours,
        Tile::Day => &series.days,
    }
}

/// Returns the series with this id, inserted if it is absent.
pub(crate) fn series_entry(state: &mut EntityState, id: u32) -> &mut Series {
    let found = state
        .series
        .binary_search_by_key(&id, |series| series.series_id);
    let index = found.unwrap_or_else(|index| {
        let series = Series {
            series_id: id,
            ..Series::default()
        };
        state.series.insert(index, series);
        index
    });
    &mut state.series[index]
}

/// Returns the sequence with this id, inserted if it is absent.
pub(crate) fn sequence_entry(state: &mut EntityState, id: u32) -> &mut StoredSequence {
    let found = state
        .sequences
        .binary_search_by_key(&id, |sequence| sequence.sequence_id);
    let index = found.unwrap_or_else(|index| {
        let sequence = StoredSequence {
            sequence_id: id,
            ..StoredSequence::default()
        };
        state.sequences.insert(index, sequence);
        index
    });
    &mut state.sequences[index]
}

/// Drops tiles that no window can read at the newest event or later, and empty series.
pub(crate) fn compact(rules: &Rules, state: &mut EntityState) {
    let newest = state.last_event_time_ms;
    state.series.retain_mut(|series| {
        if let Some(rule) = rules.series_of(series.series_id) {
            for tile in Tile::ALL {
                let keep = rule.keep[tile.index()];
                tiles::evict(tiles_mut(series, tile), keep, tile.number_at(newest));
            }
        }
        !(series.minutes.is_empty() && series.hours.is_empty() && series.days.is_empty())
    });
}

/// Sorts what lookups search; the bytes of another writer need not be sorted.
fn sort(state: &mut EntityState) {
    state.series.sort_by_key(|series| series.series_id);
    state.sequences.sort_by_key(|sequence| sequence.sequence_id);
    for series in &mut state.series {
        for tile in Tile::ALL {
            tiles_mut(series, tile).sort_by_key(|tile| tile.start);
        }
    }
    let surplus = state
        .recent_event_ids
        .len()
        .saturating_sub(RECENT_EVENT_IDS);
    state.recent_event_ids.drain(..surplus);
}
