//! From vectors to an index.

use crate::error::Error;
use crate::exact::ExactIndex;
use crate::index::{Kind, VectorIndex};
use crate::vectors::Vectors;

/// The largest dimension of a vector. Embeddings have 16 to 1,024; more is a mistake upstream.
pub const MAX_DIMENSION: usize = 4_096;

/// Up to this many rows an exact search is fast enough (well under a millisecond at 64 dimensions),
/// and its answer needs no excuse.
const EXACT_UP_TO: usize = 50_000;

/// How many candidates the graph search keeps: on the real catalogue of the tests this finds 96.8 of
/// the true first 100, and 512 finds 98.8 in twice the time.
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
    kind: Option<Kind>,
    ef_search: u32,
}

impl IndexBuilder {
    /// A builder for vectors of `dimension` values, 1 to [`MAX_DIMENSION`].
    pub fn new(dimension: usize) -> Result<Self, Error> {
        Ok(Self {
            vectors: Vectors::new(dimension)?,
            kind: None,
            ef_search: EF_SEARCH,
        })
    }

    /// Appends rows: `vectors` holds `n x dimension` finite values, row after row. On error
    /// nothing is appended.
    pub fn extend(&mut self, vectors: &[f32]) -> Result<(), Error> {
        self.vectors.extend(vectors)
    }

    /// How many rows there are so far; the number of the next one.
    pub fn rows(&self) -> usize {
        self.vectors.rows()
    }

    /// Chooses the kind, which otherwise follows from the number of rows: exact up to 50,000.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// How many candidates a graph search keeps (`efSearch`): more finds more and takes longer.
    /// No effect on an exact index.
    #[must_use]
    pub fn ef_search(mut self, ef_search: u32) -> Self {
        self.ef_search = ef_search.max(1);
        self
    }

    /// Builds with FAISS. Building a graph takes long (some ten seconds for 35,000 rows of 64) and
    /// uses one thread, so that the same vectors give the same graph: run it off the reactor.
    pub fn build(self) -> Result<VectorIndex, Error> {
        let kind = self.kind.unwrap_or(if self.vectors.rows() <= EXACT_UP_TO {
            Kind::Flat
        } else {
            Kind::Hnsw
        });
        VectorIndex::build(&self.vectors, kind, self.ef_search)
    }

    /// Builds the plain Rust index over the same rows.
    pub fn build_exact(self) -> ExactIndex {
        ExactIndex::over(self.vectors)
    }
}
