//! Exhaustive search in plain Rust: the reference, and an index for small catalogues.

use crate::builder::IndexBuilder;
use crate::error::Error;
use crate::filter::Filter;
use crate::index::{Searchable, check_filter};
use crate::score::{Hit, TopK, inner_product};
use crate::vectors::{Vectors, check_query};

/// An index that compares all rows on each search. [`IndexBuilder::build_exact`] makes it.
#[derive(Debug, Clone)]
pub struct ExactIndex {
    vectors: Vectors,
}

impl ExactIndex {
    /// Makes an exact index over `vectors` (`n x dimension` values, row after row).
    ///
    /// # Errors
    /// Returns the errors of [`IndexBuilder::new`] and [`IndexBuilder::extend`].
    pub fn new(dimension: usize, vectors: &[f32]) -> Result<Self, Error> {
        let mut builder = IndexBuilder::new(dimension)?;
        builder.extend(vectors)?;
        Ok(builder.build_exact())
    }

    pub(crate) fn from_vectors(vectors: Vectors) -> Self {
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

/// Compares all rows of `values` (row after row, each as long as `query`); returns the best `k`.
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
