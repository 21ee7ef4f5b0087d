//! The states of a catalogue's products, read together.

use std::collections::HashMap;

use fairlead_domain::{ProductId, TenantId};
use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::feature::v1::EntityState;

use crate::error::Error;
use crate::store::FeatureStore;

/// How many products one pipelined read asks for.
const READ_AT_ONCE: usize = 512;

/// The states of products as last read. Windows are cut at the instant of use: while the store is
/// away, counts grow old as they should, and end at none.
#[derive(Debug, Default)]
pub struct ProductStates {
    /// By product id, for products that anything was observed of.
    pub by_id: HashMap<String, EntityState>,
    /// When they were read, Unix milliseconds; 0 when they never were.
    pub read_ms: i64,
}

impl ProductStates {
    /// Reads the states of a tenant's products, as of `now_ms`. An id that cannot be a key has no
    /// state.
    ///
    /// # Errors
    /// Those of [`FeatureStore::read_product_counters`].
    pub async fn read(
        store: &dyn FeatureStore,
        tenant: &TenantId,
        products: &[Product],
        now_ms: i64,
    ) -> Result<Self, Error> {
        let id = |product: &Product| ProductId::new(&product.product_id).ok();
        let ids: Vec<ProductId> = products.iter().filter_map(id).collect();
        let mut by_id = HashMap::with_capacity(ids.len());
        for chunk in ids.chunks(READ_AT_ONCE) {
            let read = store.read_product_counters(tenant, chunk).await?;
            let found = chunk.iter().zip(read);
            by_id.extend(found.filter_map(|(id, state)| Some((id.to_string(), state?))));
        }
        Ok(Self {
            by_id,
            read_ms: now_ms,
        })
    }
}
