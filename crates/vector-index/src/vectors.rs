//! Checked vectors, from which an index is built.

use crate::builder::MAX_DIMENSION;
use crate::error::Error;
use crate::score::{NORM_PRODUCT_LIMIT, norm};

/// The largest number of rows: FAISS numbers the nodes of its graph with `i32`.
pub(crate) const MAX_ROWS: usize = i32::MAX as usize;

/// `rows x dimension` finite values, row after row.
#[derive(Debug, Clone)]
pub(crate) struct Vectors {
    dimension: usize,
    values: Vec<f32>,
    max_norm: f64,
}

impl Vectors {
    pub(crate) fn new(dimension: usize) -> Result<Self, Error> {
        if dimension == 0 || dimension > MAX_DIMENSION {
            return Err(Error::DimensionRange {
                got: dimension,
                max: MAX_DIMENSION,
            });
        }
        Ok(Self {
            dimension,
            values: Vec::new(),
            max_norm: 0.0,
        })
    }

    /// Appends complete rows; on error it appends none.
    pub(crate) fn extend(&mut self, values: &[f32]) -> Result<(), Error> {
        if !values.len().is_multiple_of(self.dimension) {
            return Err(Error::Dimension {
                what: "vectors",
                got: values.len(),
                dimension: self.dimension,
            });
        }
        let rows = self.rows() + values.len() / self.dimension;
        if rows > MAX_ROWS {
            return Err(Error::TooManyRows {
                got: rows - 1,
                max: MAX_ROWS,
            });
        }
        let mut max_norm = self.max_norm;
        for (vector, row) in values.chunks_exact(self.dimension).zip(self.rows()..) {
            require_finite("vector", row, vector)?;
            max_norm = max_norm.max(norm(vector));
        }
        if max_norm > NORM_PRODUCT_LIMIT {
            return Err(Error::Magnitude {
                what: "vector",
                norm: max_norm,
                limit: NORM_PRODUCT_LIMIT,
            });
        }
        self.values.extend_from_slice(values);
        self.max_norm = max_norm;
        Ok(())
    }

    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    pub(crate) fn rows(&self) -> usize {
        self.values.len() / self.dimension
    }

    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    /// Returns the largest Euclidean norm of a row, 0 if there are no rows.
    pub(crate) fn max_norm(&self) -> f64 {
        self.max_norm
    }
}

/// Checks a query against an index; returns the product of its norm and the largest of the index.
pub(crate) fn check_query(query: &[f32], dimension: usize, max_norm: f64) -> Result<f64, Error> {
    if query.len() != dimension {
        return Err(Error::Dimension {
            what: "query",
            got: query.len(),
            dimension,
        });
    }
    require_finite("query", 0, query)?;
    let query_norm = norm(query);
    let product = query_norm * max_norm;
    if product > NORM_PRODUCT_LIMIT {
        return Err(Error::Magnitude {
            what: "query",
            norm: query_norm,
            limit: NORM_PRODUCT_LIMIT,
        });
    }
    Ok(product)
}

/// Checks that all values are finite.
fn require_finite(what: &'static str, row: usize, vector: &[f32]) -> Result<(), Error> {
    match vector.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(component) => Err(Error::NotFinite {
            what,
            row,
            component,
            value: vector[component],
        }),
    }
}
