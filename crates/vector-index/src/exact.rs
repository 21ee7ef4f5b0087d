//! Brute force in plain Rust: the reference, and enough for small catalogues.

use crate::builder::IndexBuilder;
use crate::error::Error;
use crate::filter::Filter;
use crate::index::{Searchable, check_filter};
use crate::score::{Hit, TopK, inner_product};
use crate::vectors::{Vectors, check_query};

/// All rows in memory, all compared on each search. Made by [`IndexBuilder::build_exact`].
#[derive(Debug, Clone)]
pub struct ExactIndex {
    vectors: Vectors,
}

impl ExactIndex {
    /// An exact index over `vectors` (`n x dimension` values, row after row).
    pub fn new(dimension: usize, vectors: &[f32]) -> Result<Self, Error> {
        let mut builder = IndexBuilder::new(dimension)?;
        builder.extend(vectors)?;
        Ok(builder.build_exact())
    }

    pub(crate) fn over(vectors: Vectors) -> Self {
        Self { vectors }
    }
}

impl Searchable for ExactIndex {
    fn dimension(&self) -> usize {
        self.vectors.dimension()
    }

    fn rows(&self) -> u32 {
        self.vectors.rows() as u32
    }

    fn search(&self, query: &[f32], k: usize, filter: Option<&Filter>) -> Result<Vec<Hit>, Error> {
        check_query(query, self.dimension(), self.vectors.max_norm())?;
        check_filter(filter, self.rows())?;
        Ok(scan(query, self.vectors.values(), k, filter))
    }
}

/// The best `k` rows of `values` (row after row, each as long as `query`), all compared.
pub(crate) fn scan(query: &[f32], values: &[f32], k: usize, filter: Option<&Filter>) -> Vec<Hit> {
    let dimension = query.len();
    let rows = values.len() / dimension;
    let mut top = TopK::new(k.min(rows));
    let mut offer = |row: u32| {
        let at = row as usize * dimension;
        let score = inner_product(query, &values[at..at + dimension]);
        top.offer(Hit { row, score });
    };
    match filter {
        Some(filter) => filter.iter().for_each(&mut offer),
        None => (0..rows as u32).for_each(&mut offer),
    }
    top.into_hits()
}
