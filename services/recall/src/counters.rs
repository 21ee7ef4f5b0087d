//! Live product counters: the clicks and conversions of each product over all customers.

use std::collections::HashMap;
use std::sync::Arc;

use fairlead_domain::{ProductId, TenantId};
use fairlead_online::FeatureStore;
use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::feature::v1::EntityState;
use fairlead_registry::Registry;

use crate::error::Error;

/// The number of products in one pipelined read.
const READ_AT_ONCE: usize = 512;

/// The counters that popularity is computed from.
const CONVERSIONS: &str = "conversions_30d";
const CLICKS: &str = "clicks_7d";

/// The states of products as last read. Windows are evaluated at the instant of use: while the store
/// does not answer, counts age as usual and end at 0.
#[derive(Debug, Clone)]
pub(crate) struct Counters {
    registry: Registry,
    conversions: usize,
    clicks: usize,
    click_weight: f64,
    states: Arc<HashMap<String, EntityState>>,
}

impl Counters {
    /// Makes counters without any counts.
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
            states: Arc::default(),
        })
    }

    /// Replaces the states that were read before.
    pub(crate) fn replace(&mut self, states: HashMap<String, EntityState>) {
        self.states = Arc::new(states);
    }

    /// Returns for each product its conversions of 30 days plus, weighted, its clicks of 7.
    pub(crate) fn counts(&self, products: &[Product], as_of_ms: i64) -> Vec<f64> {
        let count = |product: &Product| {
            self.states.get(&product.product_id).map_or(0.0, |state| {
                let counters = self.registry.product_features_at(state, as_of_ms);
                counters[self.conversions] + self.click_weight * counters[self.clicks]
            })
        };
        products.iter().map(count).collect()
    }
}

/// Reads the states of the tenant's products, without those never observed.
///
/// # Errors
/// The store does not answer.
pub(crate) async fn read(
    store: &dyn FeatureStore,
    tenant: &TenantId,
    products: &[Product],
) -> Result<HashMap<String, EntityState>, Error> {
    // Ids that cannot be keys are refused by the release's checks.
    let ids: Vec<ProductId> = products
        .iter()
        .filter_map(|product| ProductId::new(&product.product_id).ok())
        .collect();
    let mut states = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(READ_AT_ONCE) {
        let read = store.read_product_counters(tenant, chunk).await?;
        let found = chunk.iter().zip(read);
        states.extend(found.filter_map(|(id, state)| Some((id.to_string(), state?))));
    }
    Ok(states)
}
