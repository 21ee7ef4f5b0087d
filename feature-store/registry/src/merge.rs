//! Merging the states that several source partitions wrote for one entity.

use fairlead_proto::feature::v1::EntityState;

use crate::attribute::newer;
use crate::purpose::Entity;
use crate::registry::Registry;
use crate::sequence;
use crate::state::{RECENT_EVENT_IDS, compact, sequence_entry, series_entry, tiles_mut, tiles_of};
use crate::tiles;
use crate::window::Tile;

impl Registry {
    /// Returns the state that one writer would have made of all the events; the empty state for no
    /// states.
    pub fn merge(&self, entity: Entity, states: Vec<EntityState>) -> EntityState {
        let mut states = states.into_iter();
        let mut merged = states.next().unwrap_or_default();
        self.adopt(entity, &mut merged);
        let mut several = false;
        for mut state in states {
            self.adopt(entity, &mut state);
            self.add_state(entity, &mut merged, state);
            several = true;
        }
        if several {
            compact(self.rules(entity), &mut merged);
        }
        merged
    }

    fn add_state(&self, entity: Entity, into: &mut EntityState, from: EntityState) {
        into.last_event_time_ms = into.last_event_time_ms.max(from.last_event_time_ms);
        for series in &from.series {
            let target = series_entry(into, series.series_id);
            for tile in Tile::ALL {
                let target = tiles_mut(target, tile);
                for one in tiles_of(series, tile) {
                    tiles::add(target, one.start, one.count, one.sum);
                }
            }
        }
        for stored in from.sequences {
            let rules = &self.rules(entity).sequences;
            let Some(rule) = rules.iter().find(|rule| rule.id == stored.sequence_id) else {
                continue;
            };
            let entries = &mut sequence_entry(into, rule.id).entries;
            for entry in stored.entries {
                if rule.held {
                    sequence::keep_held(entries, entry, rule.length);
                } else {
                    sequence::keep_recent(entries, entry, rule.length);
                }
            }
        }
        for (name, attribute) in from.attributes {
            match into.attributes.get(&name) {
                Some(standing) if !newer(&attribute, standing) => {}
                _ => {
                    into.attributes.insert(name, attribute);
                }
            }
        }
        into.recent_event_ids.extend(from.recent_event_ids);
        let surplus = into.recent_event_ids.len().saturating_sub(RECENT_EVENT_IDS);
        into.recent_event_ids.drain(..surplus);
    }
}
