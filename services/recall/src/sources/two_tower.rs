//! Products whose vectors lie nearest to the customer's by inner product. The user tower runs on
//! the inference threads, then the index on the search threads.

use std::sync::Arc;
use std::time::Instant;

use fairlead_inference::Engine;
use fairlead_proto::feature::v1::FeatureSet;
use fairlead_vector_index::{Filter, SearchRequest, Searchable as _, Searcher, VectorIndex};

use crate::bits::Bits;
use crate::error::Error;
use crate::merge::Hit;
use crate::snapshot::PlacedTower;

/// The threads of this source.
#[derive(Debug)]
pub(crate) struct Threads {
    pub(crate) engine: Engine,
    pub(crate) searcher: Searcher<VectorIndex>,
}

/// Returns the `limit` nearest of `allowed`.
///
/// # Errors
/// A failed model or index, a full queue, or a deadline that passed.
pub(crate) async fn find(
    threads: &Threads,
    placed: &PlacedTower,
    features: &FeatureSet,
    allowed: &Bits,
    limit: usize,
    deadline: Instant,
) -> Result<Vec<Hit>, Error> {
    let tower = &placed.tower;
    let product_of = |row: u32| placed.product_of_row.get(row as usize).copied().flatten();
    let filter = Filter::from_fn(tower.companions.index.rows(), |row| {
        product_of(row).is_some_and(|product| allowed.contains(product))
    });
    let k = limit.min(filter.allowed() as usize);
    if k == 0 {
        return Ok(Vec::new());
    }
    let inputs = tower.inputs(features)?;
    let model = Arc::clone(&tower.model);
    let outputs = threads.engine.run(model, inputs, Some(deadline)).await?;
    let request = SearchRequest {
        query: outputs.get("embedding")?.to_vec(),
        k,
        filter: Some(Arc::new(filter)),
        deadline: Some(deadline),
    };
    let index = Arc::clone(&tower.companions.index);
    let hits = threads.searcher.search(index, request).await?;
    let product = |hit: fairlead_vector_index::Hit| Some(Hit::new(product_of(hit.row)?, hit.score));
    Ok(hits.into_iter().filter_map(product).collect())
}
