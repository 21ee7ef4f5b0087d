//! The layout of a feature set: the slot of each feature, and the source of its value.

use std::collections::HashMap;

use crate::definition::{Aggregate, Derive, Feature, ValueKind, ValueType};
use crate::error::Error;
use crate::rules::{instant_key, sequence_id, series_id};
use crate::window::Window;

/// The features that a reader gets, in order: numbers, categories and sequences apart.
#[derive(Debug, Default)]
pub struct Layout {
    /// The name that errors show: "purpose price", "entity product".
    title: String,
    pub(crate) numbers: Vec<NumberSlot>,
    pub(crate) categories: Vec<CategorySlot>,
    pub(crate) sequences: Vec<SequenceSlot>,
    slots: HashMap<String, SlotIndex>,
}

/// The vector and the index in it where a feature is found.
#[derive(Debug, Clone, Copy)]
struct SlotIndex {
    kind: ValueKind,
    index: usize,
}

#[derive(Debug)]
pub(crate) struct NumberSlot {
    name: String,
    pub(crate) default: f64,
    pub(crate) source: NumberSource,
    pub(crate) ttl_ms: i64,
}

/// The source of a number.
#[derive(Debug)]
pub(crate) enum NumberSource {
    Tiles {
        series: u32,
        window: Window,
        sum: bool,
    },
    Attribute {
        key: String,
        derive: Option<Derive>,
    },
    HoursSince {
        key: String,
    },
}

#[derive(Debug)]
pub(crate) struct CategorySlot {
    name: String,
    pub(crate) key: String,
    pub(crate) ttl_ms: i64,
}

#[derive(Debug)]
pub(crate) struct SequenceSlot {
    name: String,
    pub(crate) id: u32,
    pub(crate) held: bool,
    pub(crate) ttl_ms: i64,
}

impl Layout {
    /// Lays out the features in the order given.
    pub(crate) fn new<'a>(title: String, features: impl Iterator<Item = &'a Feature>) -> Self {
        let mut layout = Self {
            title,
            ..Self::default()
        };
        for feature in features {
            layout.add(feature);
        }
        layout
    }

    /// Returns the index of a number among the numbers, or `None` if this layout does not hold it.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.index_of(name, ValueKind::Number)
    }

    /// Returns the index of a category among the categories, or `None` if this layout does not
    /// hold it.
    pub fn category(&self, name: &str) -> Option<usize> {
        self.index_of(name, ValueKind::Category)
    }

    /// Returns the index of a sequence among the sequences, or `None` if this layout does not
    /// hold it.
    pub fn sequence(&self, name: &str) -> Option<usize> {
        self.index_of(name, ValueKind::Sequence)
    }

    /// Returns the names of the numbers, in order.
    pub fn number_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.numbers.iter().map(|slot| slot.name.as_str())
    }

    /// Returns the names of the categories, in order.
    pub fn category_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.categories.iter().map(|slot| slot.name.as_str())
    }

    /// Returns the names of the sequences, in order.
    pub fn sequence_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.sequences.iter().map(|slot| slot.name.as_str())
    }

    /// Returns the error for a name that this layout does not hold.
    pub(crate) fn unknown(&self, kind: ValueKind, name: &str) -> Error {
        let names: Vec<_> = match kind {
            ValueKind::Number => self.number_names().collect(),
            ValueKind::Category => self.category_names().collect(),
            ValueKind::Sequence => self.sequence_names().collect(),
        };
        Error::UnknownFeature {
            kind: kind.name(),
            name: crate::error::shown(name),
            purpose: self.title.clone(),
            allowed: names.join(", "),
        }
    }

    fn index_of(&self, name: &str, kind: ValueKind) -> Option<usize> {
        let slot = self.slots.get(name)?;
        (slot.kind == kind).then_some(slot.index)
    }

    fn add(&mut self, feature: &Feature) {
        let name = feature.name.clone();
        let ttl_ms = i64::from(feature.ttl_days) * 86_400_000;
        let kind = feature.value_kind();
        let index = match kind {
            ValueKind::Number => self.numbers.len(),
            ValueKind::Category => self.categories.len(),
            ValueKind::Sequence => self.sequences.len(),
        };
        self.slots.insert(name.clone(), SlotIndex { kind, index });
        match &feature.aggregate {
            Aggregate::Last {
                attribute,
                value: ValueType::Category,
                ..
            } => self.categories.push(CategorySlot {
                name,
                key: attribute.clone(),
                ttl_ms,
            }),
            Aggregate::Sequence { .. } | Aggregate::Held { .. } => {
                self.sequences.push(SequenceSlot {
                    name,
                    id: sequence_id(feature).id,
                    held: matches!(feature.aggregate, Aggregate::Held { .. }),
                    ttl_ms,
                });
            }
            Aggregate::Count { window } | Aggregate::Sum { window, .. } => {
                let source = NumberSource::Tiles {
                    series: series_id(feature).id,
                    window: *window,
                    sum: matches!(feature.aggregate, Aggregate::Sum { .. }),
                };
                self.add_number(feature, source, ttl_ms);
            }
            Aggregate::Last {
                attribute, derive, ..
            } => {
                let source = NumberSource::Attribute {
                    key: attribute.clone(),
                    derive: *derive,
                };
                self.add_number(feature, source, ttl_ms);
            }
            Aggregate::HoursSince => {
                let source = NumberSource::HoursSince {
                    key: instant_key(feature),
                };
                self.add_number(feature, source, ttl_ms);
            }
        }
    }

    fn add_number(&mut self, feature: &Feature, source: NumberSource, ttl_ms: i64) {
        self.numbers.push(NumberSlot {
            name: feature.name.clone(),
            default: feature.default,
            source,
            ttl_ms,
        });
    }
}
