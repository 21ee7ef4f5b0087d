//! A customer's features as the engine reads them: by name, and only those that its risk models,
//! grades and limits name.

use std::collections::BTreeMap;

/// The features of one customer for the purpose price.
pub trait Features {
    /// Returns a number feature, or `None` where it was not observed.
    fn number(&self, name: &str) -> Option<f64>;
    /// Returns a category feature, or `None` where it was not observed.
    fn category(&self, name: &str) -> Option<&str>;
}

/// Features held in maps, for tests, lints and simulation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeatureMap {
    /// Numbers by name.
    pub numbers: BTreeMap<String, f64>,
    /// Categories by name.
    pub categories: BTreeMap<String, String>,
}

impl FeatureMap {
    /// Returns the features with a number added.
    #[must_use]
    pub fn with_number(mut self, name: &str, value: f64) -> Self {
        self.numbers.insert(name.to_owned(), value);
        self
    }

    /// Returns the features with a category added.
    #[must_use]
    pub fn with_category(mut self, name: &str, value: &str) -> Self {
        self.categories.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl Features for FeatureMap {
    fn number(&self, name: &str) -> Option<f64> {
        self.numbers.get(name).copied()
    }

    fn category(&self, name: &str) -> Option<&str> {
        self.categories.get(name).map(String::as_str)
    }
}
