//! Live product counters: the clicks and conversions of each product over all customers.

use fairlead_online::ProductStates;
use fairlead_proto::catalogue::v1::Product;
use fairlead_registry::Registry;

use crate::error::Error;

/// The counters that popularity is computed from.
const CONVERSIONS: &str = "conversions_30d";
const CLICKS: &str = "clicks_7d";

/// Computes the counts of popularity from the states of products.
#[derive(Debug, Clone)]
pub(crate) struct Counters {
    registry: Registry,
    conversions: usize,
    clicks: usize,
    click_weight: f64,
}

impl Counters {
    /// Finds the counters of popularity in the registry.
    ///
    /// # Errors
    /// A registry without the counters that popularity needs.
    pub(crate) fn new(registry: Registry, click_weight: f64) -> Result<Self, Error> {
        let index_of = |key| {
            registry.product_layout().number(key).ok_or(Error::Config {
                key,
                value: String::new(),
                allowed: "a feature of the entity product in the registry",
            })
        };
        Ok(Self {
            conversions: index_of(CONVERSIONS)?,
            clicks: index_of(CLICKS)?,
            registry,
            click_weight,
        })
    }

    /// Returns for each product its conversions of 30 days plus, weighted, its clicks of 7.
    pub(crate) fn counts(
        &self,
        states: &ProductStates,
        products: &[Product],
        as_of_ms: i64,
    ) -> Vec<f64> {
        let count = |product: &Product| {
            states.by_id.get(&product.product_id).map_or(0.0, |state| {
                let counters = self.registry.product_features_at(state, as_of_ms);
                counters[self.conversions] + self.click_weight * counters[self.clicks]
            })
        };
        products.iter().map(count).collect()
    }
}
