//! Product rows, kept ready: for every product of the catalogue the model's inputs at one
//! instant, so that a request only copies them.

use std::collections::HashMap;

use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::feature::v1::EntityState;
use fairlead_proto::ranking::v1::ModelInputs;
use fairlead_registry::Registry;
use fairlead_registry::input::Assembler;

use crate::error::Error;

/// The rows of all products of a release, for one model.
#[derive(Debug)]
pub(crate) struct Rows {
    ids_width: usize,
    dense_width: usize,
    ids: Vec<i64>,
    dense: Vec<f32>,
    /// Which products the model's vocabulary has.
    in_vocabulary: Vec<bool>,
}

/// The counters of the products, and the instant at which they were read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observed<'a> {
    /// The states of products by id; a product without one was never observed.
    pub(crate) states: &'a HashMap<String, EntityState>,
    /// The instant at which windows are read, Unix milliseconds.
    pub(crate) as_of_ms: i64,
}

impl Rows {
    /// Makes the rows of `products`.
    ///
    /// # Errors
    /// Counters or terms that are not finite numbers.
    pub(crate) fn make(
        registry: &Registry,
        assembler: &Assembler,
        products: &[Product],
        observed: Observed<'_>,
    ) -> Result<Self, Error> {
        let (ids_width, dense_width) = (assembler.item_ids_width(), assembler.item_dense_width());
        let mut rows = Self {
            ids_width,
            dense_width,
            ids: Vec::with_capacity(products.len() * ids_width),
            dense: Vec::with_capacity(products.len() * dense_width),
            in_vocabulary: Vec::with_capacity(products.len()),
        };
        let unobserved = EntityState::default();
        for product in products {
            let state = observed
                .states
                .get(&product.product_id)
                .unwrap_or(&unobserved);
            let counters = registry.product_features_at(state, observed.as_of_ms);
            let (ids, dense) = (&mut rows.ids, &mut rows.dense);
            let known = assembler.item(product, &counters, observed.as_of_ms, ids, dense)?;
            rows.in_vocabulary.push(known);
        }
        Ok(rows)
    }

    /// Appends the rows of `products`, numbers of the catalogue, to `inputs`.
    pub(crate) fn copy(&self, products: &[u32], inputs: &mut ModelInputs) {
        inputs.item_ids.reserve(products.len() * self.ids_width);
        inputs.item_dense.reserve(products.len() * self.dense_width);
        for &product in products {
            let at = product as usize;
            let ids = &self.ids[at * self.ids_width..][..self.ids_width];
            inputs.item_ids.extend_from_slice(ids);
            let dense = &self.dense[at * self.dense_width..][..self.dense_width];
            inputs.item_dense.extend_from_slice(dense);
        }
    }

    /// Returns `true` if the model's vocabulary has the product.
    pub(crate) fn in_vocabulary(&self, product: u32) -> bool {
        self.in_vocabulary
            .get(product as usize)
            .copied()
            .unwrap_or(false)
    }
}
