//! Reading a feature set by name.

use fairlead_proto::feature::v1::{FeatureSet, SequenceEntry};

use crate::definition::ValueKind;
use crate::error::Error;
use crate::layout::Layout;
use crate::purpose::Purpose;
use crate::registry::Registry;

/// Reads the values of a feature set by name. A feature that the purpose does not allow is not in
/// the set.
#[derive(Debug, Clone, Copy)]
pub struct FeatureReader<'a> {
    layout: &'a Layout,
    set: &'a FeatureSet,
    purpose: Purpose,
}

impl<'a> FeatureReader<'a> {
    /// Checks and takes a set.
    ///
    /// # Errors
    /// A set of another registry, of an unknown purpose, with vectors of other lengths than the
    /// layout's, or with a number that is not finite.
    pub fn new(registry: &'a Registry, set: &'a FeatureSet) -> Result<Self, Error> {
        if set.registry_hash != registry.hash() {
            return Err(Error::ForeignRegistry {
                found: set.registry_hash,
                expected: registry.hash(),
            });
        }
        let purpose = Purpose::try_from(set.purpose)?;
        let layout = registry.layout(purpose);
        let numbers = layout.numbers.len();
        let lengths = [
            ("numbers", set.numbers.len(), numbers),
            ("observed", set.observed.len(), numbers.div_ceil(8)),
            ("categories", set.categories.len(), layout.categories.len()),
            ("sequences", set.sequences.len(), layout.sequences.len()),
        ];
        for (vector, found, expected) in lengths {
            if found != expected {
                return Err(Error::Shape {
                    vector,
                    found,
                    expected,
                    purpose,
                });
            }
        }
        let bad = set.numbers.iter().position(|number| !number.is_finite());
        if let Some(index) = bad {
            return Err(Error::NotFinite {
                name: layout.number_names().nth(index).unwrap_or_default().into(),
                value: set.numbers[index],
            });
        }
        Ok(Self {
            layout,
            set,
            purpose,
        })
    }

    /// Checks and takes a set of one purpose.
    ///
    /// # Errors
    /// As [`FeatureReader::new`], and [`Error::WrongPurpose`] for a set of another purpose.
    pub fn for_purpose(
        registry: &'a Registry,
        set: &'a FeatureSet,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        let reader = Self::new(registry, set)?;
        if reader.purpose != purpose {
            return Err(Error::WrongPurpose {
                found: reader.purpose,
                expected: purpose,
            });
        }
        Ok(reader)
    }

    /// Returns the purpose of the set.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Returns the instant that the values were read at, Unix milliseconds.
    pub fn as_of_ms(&self) -> i64 {
        self.set.as_of_ms
    }

    /// Returns the layout of the set.
    pub fn layout(&self) -> &'a Layout {
        self.layout
    }

    /// Returns a number, or `None` if it was not observed or the purpose does not get it.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.number_at(self.layout.number(name)?)
    }

    /// Returns a number, or its default if it was not observed.
    ///
    /// # Errors
    /// [`Error::UnknownFeature`] if the purpose does not get it.
    pub fn number_or_default(&self, name: &str) -> Result<f64, Error> {
        self.layout
            .number(name)
            .and_then(|index| self.set.numbers.get(index).copied())
            .ok_or_else(|| self.layout.unknown(ValueKind::Number, name))
    }

    /// Returns a category, or `None` if it was not observed or the purpose does not get it.
    pub fn category(&self, name: &str) -> Option<&'a str> {
        let text = self.set.categories.get(self.layout.category(name)?)?;
        (!text.is_empty()).then_some(text)
    }

    /// Returns a sequence, newest first; empty if the purpose does not get it.
    pub fn sequence(&self, name: &str) -> &'a [SequenceEntry] {
        self.layout
            .sequence(name)
            .and_then(|index| self.set.sequences.get(index))
            .map_or(&[], |sequence| &sequence.entries)
    }

    /// Returns a number by its index in the layout, or `None` if it was not observed.
    pub fn number_at(&self, index: usize) -> Option<f64> {
        let observed = self.set.observed.get(index / 8)? & (1 << (index % 8)) != 0;
        let number = self.set.numbers.get(index).copied();
        number.filter(|_| observed)
    }
}
