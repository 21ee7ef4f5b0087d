//! The builder of indexes.

use crate::error::Error;
use crate::exact::ExactIndex;
use crate::index::{IndexKind, VectorIndex};
use crate::vectors::Vectors;

/// The largest dimension of a vector. Embeddings have 16 to 1,024 dimensions; more is an error.
pub const MAX_DIMENSION: usize = 4_096;

/// The largest number of rows for which an exact index is built by default: its search is fast
/// enough (well under a millisecond at 64 dimensions), and it misses no row.
const EXACT_UP_TO: usize = 50_000;

/// The number of candidates that the graph search keeps: on the real catalogue of the tests this
/// finds 96.8 of the true first 100, and 512 finds 98.8 in twice the time.
const EF_SEARCH: u32 = 256;

/// Collects vectors, checks them, and builds an index over them.
///
/// ```
/// use fairlead_vector_index::{IndexBuilder, Searchable};
/// let mut builder = IndexBuilder::new(2)?;
/// builder.extend(&[1.0, 0.0, 0.0, 1.0, 0.6, 0.8])?;
/// let index = builder.build()?;
/// let hits = index.search(&[1.0, 0.0], 2, None)?;
/// assert_eq!(hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), [0, 2]);
/// # Ok::<(), fairlead_vector_index::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct IndexBuilder {
    vectors: Vectors,
    kind: Option<IndexKind>,
    ef_search: u32,
}

impl IndexBuilder {
    /// Makes a builder for vectors of `dimension` values, 1 to [`MAX_DIMENSION`].
    ///
    /// # Errors
    /// Returns [`Error::DimensionRange`] for any other dimension.
    pub fn new(dimension: usize) -> Result<Self, Error> {
        Ok(Self {
            vectors: Vectors::new(dimension)?,
            kind: None,
            ef_search: EF_SEARCH,
        })
    }

    /// Appends rows: `vectors` holds `n x dimension` finite values, row after row.
    ///
    /// # Errors
    /// Returns an error, and appends no row, if the length is not a multiple of the dimension
    /// ([`Error::Dimension`]), a value is not finite ([`Error::NotFinite`]), a norm is too large
    /// ([`Error::Magnitude`]), or the index would have too many rows ([`Error::TooManyRows`]).
    pub fn extend(&mut self, vectors: &[f32]) -> Result<(), Error> {
        self.vectors.extend(vectors)
    }

    /// Returns the number of rows so far, which is the number of the next row.
    pub fn rows(&self) -> usize {
        self.vectors.rows()
    }

    /// Sets the kind, which by default follows from the number of rows: exact up to 50,000.
    #[must_use]
    pub fn kind(mut self, kind: IndexKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Sets the number of candidates that a graph search keeps (`efSearch`): a larger one finds more
    /// of the nearest rows and takes longer. It has no effect on an exact index.
    #[must_use]
    pub fn ef_search(mut self, ef_search: u32) -> Self {
        self.ef_search = ef_search.max(1);
        self
    }

    /// Builds the index with FAISS. Building a graph takes long (some ten seconds for 35,000 rows of
    /// 64) and uses one thread, so that the same vectors give the same graph: call it outside the
    /// async reactor.
    ///
    /// # Errors
    /// Returns [`Error::Faiss`] if FAISS fails.
    pub fn build(self) -> Result<VectorIndex, Error> {
        let kind = self.kind.unwrap_or(if self.vectors.rows() <= EXACT_UP_TO {
            IndexKind::Flat
        } else {
            IndexKind::Hnsw
        });
        VectorIndex::build(&self.vectors, kind, self.ef_search)
    }

    /// Builds the index in plain Rust over the same rows.
    pub fn build_exact(self) -> ExactIndex {
        ExactIndex::from_vectors(self.vectors)
    }
}
