//! Folding an event into a state.

use fairlead_proto::event::v1::Event;
use fairlead_proto::feature::v1::{EntityState, SequenceEntry, stored_attribute};
use xxhash_rust::xxh3::xxh3_64;

use crate::attribute::{set, stored_value};
use crate::purpose::Entity;
use crate::registry::Registry;
use crate::rules::{KindRules, Rules};
use crate::sequence;
use crate::state::{RECENT_EVENT_IDS, sequence_entry, series_entry, tiles_mut};
use crate::tiles;
use crate::window::Tile;

/// The effect of an event on a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The state changed.
    Changed,
    /// The event is among the recent ones already; the state is as it was.
    Duplicate,
    /// Each part of the state that the event could change holds something newer or counts later
    /// windows only; the state is as it was.
    TooLate,
    /// No feature of the entity reads such an event; the state is as it was.
    Irrelevant,
}

/// The effects of one event on the parts of a state.
#[derive(Default)]
struct Effects {
    /// Some part changed.
    changed: bool,
    /// Some part holds something newer.
    late: bool,
}

impl Effects {
    fn add(&mut self, changed: bool) {
        self.changed |= changed;
        self.late |= !changed;
    }
}

impl Registry {
    /// Folds an event into the state of its customer. The event should have passed
    /// [`Registry::check_event`]; no event makes it panic or store a NaN.
    pub fn apply_customer(&self, state: &mut EntityState, event: &Event) -> Applied {
        self.apply(Entity::Customer, state, event)
    }

    /// Folds an event into the state of its product. Returns [`Applied::Irrelevant`] if the event
    /// names none.
    pub fn apply_product(&self, state: &mut EntityState, event: &Event) -> Applied {
        if event.product_id.is_empty() {
            return Applied::Irrelevant;
        }
        self.apply(Entity::Product, state, event)
    }

    /// Returns true if such an event can change the state of the entity.
    pub fn concerns(&self, entity: Entity, event: &Event) -> bool {
        let named = entity == Entity::Customer || !event.product_id.is_empty();
        let touches = |rules: &KindRules| !rules.is_empty();
        named && self.rules(entity).for_kind(event.kind).is_some_and(touches)
    }

    fn apply(&self, entity: Entity, state: &mut EntityState, event: &Event) -> Applied {
        let rules = self.rules(entity);
        let Some(touched) = rules.for_kind(event.kind).filter(|rules| !rules.is_empty()) else {
            return Applied::Irrelevant;
        };
        self.adopt(entity, state);
        let id = xxh3_64(event.event_id.as_bytes());
        if state.recent_event_ids.contains(&id) {
            return Applied::Duplicate;
        }
        let at = event.event_time_ms.max(0);
        let newest = state.last_event_time_ms.max(at);
        let mut effects = Effects::default();
        add_to_tiles(rules, touched, state, event, newest, &mut effects);
        add_to_sequences(rules, touched, state, event, &mut effects);
        set_instants(rules, touched, state, event, &mut effects);
        if touched.attributes {
            set_attributes(rules, state, event, &mut effects);
        }
        if !effects.changed {
            return if effects.late {
                Applied::TooLate
            } else {
                Applied::Irrelevant
            };
        }
        state.last_event_time_ms = newest;
        if state.recent_event_ids.len() >= RECENT_EVENT_IDS {
            let surplus = state.recent_event_ids.len() + 1 - RECENT_EVENT_IDS;
            state.recent_event_ids.drain(..surplus);
        }
        state.recent_event_ids.push(id);
        Applied::Changed
    }
}

fn product_kind_matches(filter: Option<i32>, event: &Event) -> bool {
    filter.is_none_or(|kind| kind == event.product_kind)
}

fn add_to_tiles(
    rules: &Rules,
    touched: &KindRules,
    state: &mut EntityState,
    event: &Event,
    newest: i64,
    effects: &mut Effects,
) {
    for index in &touched.series {
        let rule = &rules.series[*index];
        if !product_kind_matches(rule.product_kind, event) {
            continue;
        }
        let sum = match (rule.sum, &event.amount) {
            (None, _) => 0.0,
            (Some(currency), Some(amount)) if amount.currency == currency.code() => {
                amount.minor as f64
            }
            // Another currency: `Registry::check_event` refuses it.
            (Some(_), _) => continue,
        };
        let mut taken = false;
        for tile in Tile::ALL {
            let keep = rule.keep[tile.index()];
            let start = tile.number_at(event.event_time_ms);
            let last = tile.number_at(newest);
            if keep == 0 || !tiles::kept(start, keep, last) {
                continue;
            }
            let tiles = tiles_mut(series_entry(state, rule.id), tile);
            tiles::add(tiles, start, 1, sum);
            tiles::evict(tiles, keep, last);
            taken = true;
        }
        effects.add(taken);
    }
}

fn add_to_sequences(
    rules: &Rules,
    touched: &KindRules,
    state: &mut EntityState,
    event: &Event,
    effects: &mut Effects,
) {
    if event.product_id.is_empty() {
        return;
    }
    for index in &touched.sequences {
        let rule = &rules.sequences[*index];
        let entry = SequenceEntry {
            product_id: event.product_id.clone(),
            event_kind: event.kind,
            event_time_ms: event.event_time_ms,
        };
        let entries = &mut sequence_entry(state, rule.id).entries;
        let taken = if rule.held {
            sequence::keep_held(entries, entry, rule.length)
        } else {
            sequence::keep_recent(entries, entry, rule.length)
        };
        effects.add(taken);
    }
}

fn set_instants(
    rules: &Rules,
    touched: &KindRules,
    state: &mut EntityState,
    event: &Event,
    effects: &mut Effects,
) {
    for index in &touched.instants {
        let rule = &rules.instants[*index];
        if product_kind_matches(rule.product_kind, event) {
            let value = stored_attribute::Value::Flag(true);
            effects.add(set(state, &rule.key, event.event_time_ms, value));
        }
    }
}

fn set_attributes(rules: &Rules, state: &mut EntityState, event: &Event, effects: &mut Effects) {
    for (name, value) in &event.attributes {
        let rule = rules.attributes.get(name);
        let stored = rule
            .filter(|rule| rule.source as i32 == event.kind)
            .and_then(|rule| stored_value(rule.value, value));
        if let Some(value) = stored {
            effects.add(set(state, name, event.event_time_ms, value));
        }
    }
}
