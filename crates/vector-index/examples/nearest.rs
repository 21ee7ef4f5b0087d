//! Builds an index over a small catalogue, saves it, loads it, and searches it under a filter.
//!
//! `cargo run --release -p fairlead-vector-index --example nearest`

use std::sync::Arc;

use fairlead_vector_index::{
    Filter, IndexBuilder, SearchRequest, Searchable, Searcher, SearcherOptions, VectorIndex,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // Two-dimensional embeddings: how much a product is about spending, and about saving.
    let products = ["cash loan", "credit card", "money fund", "term deposit"];
    let mut builder = IndexBuilder::new(2)?;
    builder.extend(&[0.9, 0.1, 0.8, 0.3, 0.2, 0.9, 0.1, 0.8])?;

    let folder = tempfile::tempdir()?;
    builder.build()?.save(folder.path())?;
    let index = Arc::new(VectorIndex::load(folder.path())?);

    let options = SearcherOptions {
        threads: 1,
        queue: 16,
    };
    let searcher = Searcher::start(options)?;
    // The customer already holds the cash loan.
    let filter = Filter::from_fn(index.rows(), |row| products[row as usize] != "cash loan");
    let request = SearchRequest {
        query: vec![1.0, 0.2],
        k: 2,
        filter: Some(Arc::new(filter)),
        deadline: None,
    };
    for hit in searcher.search(Arc::clone(&index), request).await? {
        println!("{:>6.3}  {}", hit.score, products[hit.row as usize]);
    }
    Ok(())
}
