//! A spec with all its names resolved.

use std::ops::Range;

use fairlead_proto::catalogue::v1::{Product, ProductKind};
use fairlead_proto::event::v1::EventKind;
use fairlead_proto::feature::v1::FeatureSet;

use crate::definition::ValueKind;
use crate::error::Error;
use crate::event_kinds::{event_kind_name, event_kinds};
use crate::input::product;
use crate::input::spec::{InputSpec, ItemSource, ProductTerm, UserSequence};
use crate::input::transform::{Transform, TransformFault};
use crate::purpose::Purpose;
use crate::reader::FeatureReader;
use crate::registry::Registry;

const DAY_MS: f64 = 86_400_000.0;
const MAX_BUCKETS: u32 = 1 << 24;
const MAX_LENGTH: usize = 1_000;

/// The embedding table that the ids of a column index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdTable {
    /// The table of the products: row 0 for unknown products and padding, row i + 1 for the i-th of
    /// the vocabulary. All columns of this table use the same one.
    Vocabulary,
    /// A table of the column's own: row 0 for a missing value.
    Own,
}

/// One id input: its columns, and the rows that its table needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdColumn {
    /// The feature, `product`, or `product_category`.
    pub name: String,
    /// The table that the ids index.
    pub table: IdTable,
    /// The number of rows; every id is below it.
    pub rows: i64,
    /// The columns of the id tensor; more than one for a sequence.
    pub columns: Range<usize>,
}

/// A spec whose names are resolved to indices of the layouts.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) registry: Registry,
    pub(crate) spec: InputSpec,
    pub(crate) numbers: Vec<usize>,
    pub(crate) categories: Vec<usize>,
    pub(crate) sequences: Vec<SequencePlan>,
    pub(crate) items: Vec<ItemPlan>,
}

#[derive(Debug)]
pub(crate) struct SequencePlan {
    index: usize,
    pub(crate) length: usize,
    /// By the number of the event's kind.
    kinds: u32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum ItemPlan {
    Kind(i32),
    Term(ProductTerm),
    Counter(usize),
    Ratio {
        numerator: usize,
        denominator: usize,
        rate: f64,
        weight: f64,
    },
    AgeDays,
}

impl Plan {
    /// Resolves and checks a spec.
    pub(crate) fn new(registry: &Registry, spec: InputSpec) -> Result<Self, Error> {
        let layout = registry.layout(Purpose::Recommend);
        let mut numbers = Vec::new();
        for number in &spec.user_numbers {
            let name = &number.feature;
            numbers.push(
                layout
                    .number(name)
                    .ok_or_else(|| layout.unknown(ValueKind::Number, name))?,
            );
            check_transform(name, &number.transform)?;
        }
        let mut categories = Vec::new();
        for category in &spec.user_categories {
            let name = &category.feature;
            categories.push(
                layout
                    .category(name)
                    .ok_or_else(|| layout.unknown(ValueKind::Category, name))?,
            );
            check_buckets(name, category.buckets, 1)?;
        }
        let sequences = spec
            .user_sequences
            .iter()
            .map(|sequence| sequence_plan(registry, sequence))
            .collect::<Result<_, _>>()?;
        let mut items = Vec::new();
        for number in &spec.item_numbers {
            check_transform(&format!("{:?}", number.source), &number.transform)?;
            items.push(item_plan(registry, &number.source)?);
        }
        check_buckets("item_category_buckets", spec.item_category_buckets, 0)?;
        Ok(Self {
            registry: registry.clone(),
            spec,
            numbers,
            categories,
            sequences,
            items,
        })
    }

    /// Returns a reader of the set; refuses a set of another registry or purpose, or with a number
    /// that is not finite.
    pub(crate) fn reader<'a>(&'a self, set: &'a FeatureSet) -> Result<FeatureReader<'a>, Error> {
        FeatureReader::for_purpose(&self.registry, set, Purpose::Recommend)
    }

    /// Refuses counters of another length than the product layout's, or that are not finite.
    pub(crate) fn check_counters(&self, counters: &[f64]) -> Result<(), Error> {
        let layout = self.registry.product_layout();
        let expected = layout.number_names().len();
        if counters.len() != expected {
            return Err(Error::Counters {
                found: counters.len(),
                expected,
            });
        }
        match counters.iter().position(|counter| !counter.is_finite()) {
            None => Ok(()),
            Some(index) => Err(Error::NotFinite {
                name: layout.number_names().nth(index).unwrap_or_default().into(),
                value: counters[index],
            }),
        }
    }
}

impl SequencePlan {
    /// Returns the products of the entries that count, newest first, all of them.
    pub(crate) fn entries<'a>(&self, set: &'a FeatureSet) -> impl Iterator<Item = &'a str> {
        let kinds = self.kinds;
        let entries = set.sequences.get(self.index);
        entries
            .map_or(&[][..], |found| &found.entries)
            .iter()
            .filter(move |entry| {
                (0..32).contains(&entry.event_kind) && kinds & (1 << entry.event_kind) != 0
            })
            .map(|entry| entry.product_id.as_str())
    }
}

impl ItemPlan {
    /// Returns the number before its transform. `counters` have the layout's length.
    pub(crate) fn value(self, product: &Product, counters: &[f64], as_of_ms: i64) -> f64 {
        let counter = |index: usize| counters.get(index).copied().unwrap_or_default();
        match self {
            Self::Kind(kind) => f64::from(u8::from(product.kind == kind)),
            Self::Term(term) => product::term(product, term),
            Self::Counter(index) => counter(index),
            Self::Ratio {
                numerator,
                denominator,
                rate,
                weight,
            } => (counter(numerator) + rate * weight) / (counter(denominator) + weight),
            Self::AgeDays => {
                (as_of_ms.saturating_sub(product.listed_at_ms) as f64 / DAY_MS).max(0.0)
            }
        }
    }
}

fn sequence_plan(registry: &Registry, sequence: &UserSequence) -> Result<SequencePlan, Error> {
    let layout = registry.layout(Purpose::Recommend);
    let name = &sequence.feature;
    let index = layout
        .sequence(name)
        .ok_or_else(|| layout.unknown(ValueKind::Sequence, name))?;
    if !(1..=MAX_LENGTH).contains(&sequence.length) {
        return Err(Error::Spec {
            place: name.clone(),
            key: "length",
            value: sequence.length.to_string(),
            allowed: format!("1 to {MAX_LENGTH}"),
        });
    }
    let mut kinds = 0;
    for text in &sequence.kinds {
        let kind = event_kinds().find(|kind| event_kind_name(*kind) == *text);
        let kind = kind.ok_or_else(|| Error::Spec {
            place: name.clone(),
            key: "kinds",
            value: text.clone(),
            allowed: joined(event_kinds().map(event_kind_name)),
        })?;
        kinds |= 1_u32 << kind as i32;
    }
    if sequence.kinds.is_empty() {
        kinds = event_kinds().fold(0, |bits, kind: EventKind| bits | 1 << kind as i32);
    }
    Ok(SequencePlan {
        index,
        length: sequence.length,
        kinds,
    })
}

fn item_plan(registry: &Registry, source: &ItemSource) -> Result<ItemPlan, Error> {
    let layout = registry.product_layout();
    let counter = |name: &str| {
        layout
            .number(name)
            .ok_or_else(|| layout.unknown(ValueKind::Number, name))
    };
    match source {
        ItemSource::Kind(text) => {
            let kind = ProductKind::ALL
                .into_iter()
                .find(|kind| kind.name() == text);
            let kind = kind.ok_or_else(|| Error::Spec {
                place: "item_numbers".into(),
                key: "kind",
                value: text.clone(),
                allowed: ProductKind::ALL.map(ProductKind::name).join(", "),
            })?;
            Ok(ItemPlan::Kind(kind.into()))
        }
        ItemSource::Term(term) => Ok(ItemPlan::Term(*term)),
        ItemSource::Counter(name) => Ok(ItemPlan::Counter(counter(name)?)),
        ItemSource::Ratio {
            numerator,
            denominator,
            rate,
            weight,
        } => {
            for (key, value, from) in [("rate", *rate, 0.0), ("weight", *weight, f64::MIN_POSITIVE)]
            {
                if !(value.is_finite() && value >= from) {
                    return Err(Error::Spec {
                        place: format!("ratio of {numerator} to {denominator}"),
                        key,
                        value: value.to_string(),
                        allowed: "a finite number, a rate from 0, a weight above 0".into(),
                    });
                }
            }
            Ok(ItemPlan::Ratio {
                numerator: counter(numerator)?,
                denominator: counter(denominator)?,
                rate: *rate,
                weight: *weight,
            })
        }
        ItemSource::AgeDays => Ok(ItemPlan::AgeDays),
    }
}

fn check_transform(place: &str, transform: &Transform) -> Result<(), Error> {
    match transform.fault() {
        None => Ok(()),
        Some(TransformFault {
            key,
            value,
            allowed,
        }) => Err(Error::Spec {
            place: place.to_owned(),
            key,
            value: value.to_string(),
            allowed: allowed.to_owned(),
        }),
    }
}

fn check_buckets(place: &str, buckets: u32, from: u32) -> Result<(), Error> {
    if (from..=MAX_BUCKETS).contains(&buckets) {
        return Ok(());
    }
    Err(Error::Spec {
        place: place.to_owned(),
        key: "buckets",
        value: buckets.to_string(),
        allowed: format!("{from} to {MAX_BUCKETS}"),
    })
}

fn joined(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
