//! The rules by which events change a state, computed once from the definitions: while an event is
//! folded, only its attributes are looked up by name.

use std::collections::HashMap;

use fairlead_domain::Currency;
use fairlead_proto::event::v1::EventKind;
use xxhash_rust::xxh3::xxh3_64;

use crate::definition::{Aggregate, Feature, Statement, ValueType};
use crate::error::Error;
use crate::event_kinds::EVENT_KINDS;
use crate::purpose::Entity;
use crate::window::Window;

/// The rules of one entity.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Ascending in id.
    pub(crate) series: Vec<SeriesRule>,
    /// Ascending in id.
    pub(crate) sequences: Vec<SequenceRule>,
    /// By the attribute's name.
    pub(crate) attributes: HashMap<String, AttributeRule>,
    /// The features that keep the newest instant of a kind of event.
    pub(crate) instants: Vec<InstantRule>,
    /// By the number of the event's kind.
    by_kind: Vec<KindRules>,
}

/// The rules that one kind of event concerns: indices into [`Rules`].
#[derive(Debug, Default, Clone)]
pub(crate) struct KindRules {
    pub(crate) series: Vec<usize>,
    pub(crate) sequences: Vec<usize>,
    pub(crate) instants: Vec<usize>,
    /// True if its attributes are kept.
    pub(crate) attributes: bool,
    /// True if it states a lasting fact (an attribute, a holding), not only an action.
    pub(crate) fact: bool,
}

/// The tiles of one filter and one summed field.
#[derive(Debug)]
pub(crate) struct SeriesRule {
    pub(crate) id: u32,
    pub(crate) product_kind: Option<i32>,
    pub(crate) sum: Option<Currency>,
    /// By length of tile: the number kept for the windows that read them; 0 if none does.
    pub(crate) keep: [u32; 3],
    source: Vec<EventKind>,
    definition: String,
}

#[derive(Debug)]
pub(crate) struct SequenceRule {
    pub(crate) id: u32,
    pub(crate) length: usize,
    pub(crate) held: bool,
    source: Vec<EventKind>,
    definition: String,
}

#[derive(Debug)]
pub(crate) struct InstantRule {
    pub(crate) key: String,
    pub(crate) product_kind: Option<i32>,
    source: Vec<EventKind>,
}

/// The check of an attribute that a feature reads.
#[derive(Debug)]
pub(crate) struct AttributeRule {
    pub(crate) source: EventKind,
    pub(crate) value: ValueType,
    pub(crate) range: Option<(f64, f64)>,
    pub(crate) statement: Statement,
}

impl Rules {
    /// Computes the rules of an entity.
    pub(crate) fn new(entity: Entity, features: &[Feature]) -> Result<Self, Error> {
        let mut rules = Self::default();
        for feature in features.iter().filter(|feature| feature.entity == entity) {
            rules.add(feature);
        }
        rules.series.sort_by_key(|rule| rule.id);
        rules.sequences.sort_by_key(|rule| rule.id);
        rules.check_ids()?;
        rules.index_kinds();
        Ok(rules)
    }

    /// Returns the rules that a kind of event concerns, or `None` for a number that is no kind.
    pub(crate) fn for_kind(&self, kind: i32) -> Option<&KindRules> {
        self.by_kind.get(usize::try_from(kind).ok()?)
    }

    fn add(&mut self, feature: &Feature) {
        match &feature.aggregate {
            Aggregate::Count { window } => self.add_window(feature, *window, None),
            Aggregate::Sum { window, currency } => {
                self.add_window(feature, *window, Some(*currency));
            }
            Aggregate::Last {
                attribute,
                value,
                range,
                statement,
                ..
            } => {
                let rule = AttributeRule {
                    source: feature.source[0],
                    value: *value,
                    range: *range,
                    statement: *statement,
                };
                self.add_attribute(attribute, rule);
            }
            Aggregate::HoursSince => self.instants.push(InstantRule {
                key: instant_key(feature),
                product_kind: feature.product_kind.map(Into::into),
                source: feature.source.clone(),
            }),
            Aggregate::Sequence { length } | Aggregate::Held { length } => {
                let StoredId { id, definition } = sequence_id(feature);
                self.sequences.push(SequenceRule {
                    id,
                    length: *length,
                    held: matches!(feature.aggregate, Aggregate::Held { .. }),
                    source: feature.source.clone(),
                    definition,
                });
            }
        }
    }

    fn add_window(&mut self, feature: &Feature, window: Window, sum: Option<Currency>) {
        let StoredId { id, definition } = series_id(feature);
        let kept = window.tiles + window.tile.slack();
        let known = self
            .series
            .iter_mut()
            .find(|rule| rule.definition == definition);
        if let Some(rule) = known {
            let keep = &mut rule.keep[window.tile.index()];
            *keep = kept.max(*keep);
            return;
        }
        let mut keep = [0; 3];
        keep[window.tile.index()] = kept;
        self.series.push(SeriesRule {
            id,
            product_kind: feature.product_kind.map(Into::into),
            sum,
            keep,
            source: feature.source.clone(),
            definition,
        });
    }

    /// Two features may read one attribute: an event must then satisfy both ranges.
    fn add_attribute(&mut self, attribute: &str, new: AttributeRule) {
        let range = new.range;
        let rule = self.attributes.entry(attribute.to_owned()).or_insert(new);
        rule.range = match (rule.range, range) {
            (Some((low, high)), Some((other_low, other_high))) => {
                Some((low.max(other_low), high.min(other_high)))
            }
            (one, other) => one.or(other),
        };
    }

    /// Refuses two definitions with one id: ids are 32 bits of a hash, and both cannot be stored.
    fn check_ids(&self) -> Result<(), Error> {
        let series = self
            .series
            .windows(2)
            .find_map(|pair| (pair[0].id == pair[1].id).then(|| (pair[0].id, &pair[1].definition)));
        let sequences = self
            .sequences
            .windows(2)
            .find_map(|pair| (pair[0].id == pair[1].id).then(|| (pair[0].id, &pair[1].definition)));
        match series.or(sequences) {
            None => Ok(()),
            Some((id, definition)) => Err(Error::Definition {
                place: format!("the series `{definition}`"),
                key: "id".into(),
                value: format!("{id:08x}"),
                allowed: "an id that no other series has: change its source or its split, \
                          or, for a sequence, its name"
                    .into(),
                line: None,
            }),
        }
    }

    fn index_kinds(&mut self) {
        let mut by_kind = vec![KindRules::default(); EVENT_KINDS as usize + 1];
        for (index, rule) in self.series.iter().enumerate() {
            for kind in &rule.source {
                by_kind[*kind as usize].series.push(index);
            }
        }
        for (index, rule) in self.sequences.iter().enumerate() {
            for kind in &rule.source {
                by_kind[*kind as usize].sequences.push(index);
                by_kind[*kind as usize].fact |= rule.held;
            }
        }
        for (index, rule) in self.instants.iter().enumerate() {
            for kind in &rule.source {
                by_kind[*kind as usize].instants.push(index);
            }
        }
        for rule in self.attributes.values() {
            by_kind[rule.source as usize].attributes = true;
            by_kind[rule.source as usize].fact = true;
        }
        self.by_kind = by_kind;
    }
}

impl KindRules {
    pub(crate) fn is_empty(&self) -> bool {
        self.series.is_empty()
            && self.sequences.is_empty()
            && self.instants.is_empty()
            && !self.attributes
    }
}

/// The id of stored tiles or of a stored sequence.
pub(crate) struct StoredId {
    /// The low 32 bits of the definition's hash.
    pub(crate) id: u32,
    /// The text that is hashed.
    pub(crate) definition: String,
}

/// Returns the id of the tiles that a windowed feature reads. Windows do not enter: all windows of
/// one filter read the same tiles.
pub(crate) fn series_id(feature: &Feature) -> StoredId {
    let summed = match &feature.aggregate {
        Aggregate::Sum { currency, .. } => format!("sum(amount,{currency})"),
        _ => "count".to_owned(),
    };
    hashed(format!("{summed}[{}]", feature.filter()))
}

/// Returns the id of a stored sequence. The name enters: two sequences of one filter may differ in
/// length.
pub(crate) fn sequence_id(feature: &Feature) -> StoredId {
    let kind = match &feature.aggregate {
        Aggregate::Held { .. } => "held",
        _ => "sequence",
    };
    hashed(format!("{kind} {}[{}]", feature.name, feature.filter()))
}

/// Returns the key of the newest instant among the attributes; no attribute's name begins with `@`.
pub(crate) fn instant_key(feature: &Feature) -> String {
    format!("@{}", feature.name)
}

fn hashed(definition: String) -> StoredId {
    StoredId {
        id: xxh3_64(definition.as_bytes()) as u32,
        definition,
    }
}
