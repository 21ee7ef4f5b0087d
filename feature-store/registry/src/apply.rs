//! Folding an event into a state.

use fairlead_proto::event::v1::{AttributeValue, Event, attribute_value};
use fairlead_proto::feature::v1::{EntityState, SequenceEntry, StoredAttribute, stored_attribute};
use xxhash_rust::xxh3::xxh3_64;

use crate::definition::ValueType;
use crate::purpose::Entity;
use crate::registry::Registry;
use crate::rules::{AttributeRule, KindRules, Rules};
use crate::sequence;
use crate::state::{RECENT_EVENT_IDS, sequence_entry, series_entry, tiles_mut};
use crate::tiles;
use crate::window::Tile;

/// What an event did to a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The state changed.
    Changed,
    /// The event is among the recent ones already; the state is as it was.
    Duplicate,
    /// Everything that the event could change holds something newer, or lies before every window;
    /// the state is as it was.
    TooLate,
    /// No feature of the entity looks at such an event; the state is as it was.
    Irrelevant,
}

/// What the parts of a state said to an event.
#[derive(Default)]
struct Verdict {
    taken: bool,
    late: bool,
}

impl Verdict {
    fn note(&mut self, taken: bool) {
        self.taken |= taken;
        self.late |= !taken;
    }
}

impl Registry {
    /// Folds an event into the state of its customer. The event should have passed
    /// [`Registry::check_event`]; whatever it holds, nothing panics and no NaN is stored.
    pub fn apply_customer(&self, state: &mut EntityState, event: &Event) -> Applied {
        self.apply(Entity::Customer, state, event)
    }

    /// Folds an event into the state of its product.
    pub fn apply_product(&self, state: &mut EntityState, event: &Event) -> Applied {
        if event.product_id.is_empty() {
            return Applied::Irrelevant;
        }
        self.apply(Entity::Product, state, event)
    }

    /// Whether an event can change the state of such an entity at all.
    pub fn concerns(&self, entity: Entity, event: &Event) -> bool {
        let named = entity == Entity::Customer || !event.product_id.is_empty();
        let touches = |rules: &KindRules| !rules.is_empty();
        named && self.rules(entity).of_kind(event.kind).is_some_and(touches)
    }

    fn apply(&self, entity: Entity, state: &mut EntityState, event: &Event) -> Applied {
        let rules = self.rules(entity);
        let Some(touched) = rules.of_kind(event.kind).filter(|rules| !rules.is_empty()) else {
            return Applied::Irrelevant;
        };
        self.adopt(entity, state);
        let id = xxh3_64(event.event_id.as_bytes());
        if state.recent_event_ids.contains(&id) {
            return Applied::Duplicate;
        }
        let at = event.event_time_ms.max(0);
        let newest = state.last_event_time_ms.max(at);
        let mut verdict = Verdict::default();
        add_to_tiles(rules, touched, state, event, newest, &mut verdict);
        add_to_sequences(rules, touched, state, event, &mut verdict);
        set_instants(rules, touched, state, event, &mut verdict);
        if touched.attributes {
            set_attributes(rules, state, event, &mut verdict);
        }
        if !verdict.taken {
            return if verdict.late {
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

fn concerned(filter: Option<i32>, event: &Event) -> bool {
    filter.is_none_or(|kind| kind == event.product_kind)
}

fn add_to_tiles(
    rules: &Rules,
    touched: &KindRules,
    state: &mut EntityState,
    event: &Event,
    newest: i64,
    verdict: &mut Verdict,
) {
    for index in &touched.series {
        let rule = &rules.series[*index];
        if !concerned(rule.product_kind, event) {
            continue;
        }
        let sum = match (rule.sum, &event.amount) {
            (None, _) => 0.0,
            (Some(currency), Some(amount)) if amount.currency == currency.code() => {
                amount.minor as f64
            }
            // Not what is summed: the check at the door names it.
            (Some(_), _) => continue,
        };
        let mut taken = false;
        for tile in Tile::ALL {
            let keep = rule.keep[tile.index()];
            let start = tile.of(event.event_time_ms);
            let last = tile.of(newest);
            if keep == 0 || !tiles::kept(start, keep, last) {
                continue;
            }
            let tiles = tiles_mut(series_entry(state, rule.id), tile);
            tiles::add(tiles, start, 1, sum);
            tiles::evict(tiles, keep, last);
            taken = true;
        }
        verdict.note(taken);
    }
}

fn add_to_sequences(
    rules: &Rules,
    touched: &KindRules,
    state: &mut EntityState,
    event: &Event,
    verdict: &mut Verdict,
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
        verdict.note(taken);
    }
}

fn set_instants(
    rules: &Rules,
    touched: &KindRules,
    state: &mut EntityState,
    event: &Event,
    verdict: &mut Verdict,
) {
    for index in &touched.instants {
        let rule = &rules.instants[*index];
        if concerned(rule.product_kind, event) {
            let value = stored_attribute::Value::Flag(true);
            verdict.note(set(state, &rule.key, event.event_time_ms, value));
        }
    }
}

fn set_attributes(rules: &Rules, state: &mut EntityState, event: &Event, verdict: &mut Verdict) {
    for (name, value) in &event.attributes {
        let rule = rules.attributes.get(name);
        let stored = rule
            .filter(|rule| rule.source as i32 == event.kind)
            .and_then(|rule| stored_value(rule, value));
        if let Some(value) = stored {
            verdict.note(set(state, name, event.event_time_ms, value));
        }
    }
}

/// The value as it is stored; nothing when it is not of the attribute's type.
pub(crate) fn stored_value(
    rule: &AttributeRule,
    value: &AttributeValue,
) -> Option<stored_attribute::Value> {
    use stored_attribute::Value as Stored;
    match (rule.value, value.value.as_ref()?) {
        (ValueType::Number, attribute_value::Value::Number(number)) if number.is_finite() => {
            Some(Stored::Number(*number))
        }
        (ValueType::Category, attribute_value::Value::Text(text)) => {
            Some(Stored::Text(text.clone()))
        }
        (ValueType::Flag, attribute_value::Value::Flag(flag)) => Some(Stored::Flag(*flag)),
        _ => None,
    }
}

/// Sets an attribute unless something newer stands there; says whether it was set.
fn set(state: &mut EntityState, key: &str, at: i64, value: stored_attribute::Value) -> bool {
    let new = StoredAttribute {
        event_time_ms: at,
        value: Some(value),
    };
    match state.attributes.get_mut(key) {
        None => {
            state.attributes.insert(key.to_owned(), new);
            true
        }
        Some(old) if newer(&new, old) => {
            *old = new;
            true
        }
        Some(_) => false,
    }
}

/// Whether the one stands over the other: the later in event time; in the same millisecond the
/// greater value, so that the order of arrival decides nothing.
pub(crate) fn newer(one: &StoredAttribute, other: &StoredAttribute) -> bool {
    use std::cmp::Ordering;
    use stored_attribute::Value;
    let rank = |value: &Option<Value>| match value {
        None => 0,
        Some(Value::Flag(_)) => 1,
        Some(Value::Number(_)) => 2,
        Some(Value::Text(_)) => 3,
    };
    let by_value = match (&one.value, &other.value) {
        (Some(Value::Flag(a)), Some(Value::Flag(b))) => a.cmp(b),
        (Some(Value::Number(a)), Some(Value::Number(b))) => a.total_cmp(b),
        (Some(Value::Text(a)), Some(Value::Text(b))) => a.cmp(b),
        (a, b) => rank(a).cmp(&rank(b)),
    };
    one.event_time_ms.cmp(&other.event_time_ms).then(by_value) == Ordering::Greater
}
