//! The index trait, and its implementation with FAISS.

use faiss::index::IndexImpl;
use faiss::index::autotune::ParameterSpace;
use faiss::{FlatIndex, Idx, Index, MetricType, index_factory};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::exact::scan;
use crate::filter::Filter;
use crate::native::{self, Proposal, SingleThread};
use crate::score::{Hit, TopK, inner_product, rounding_bound};
use crate::vectors::{Vectors, check_query};

/// An index that finds the nearest rows by inner product.
///
/// A caller's snapshot type (an index with the product ids of its rows) implements it by
/// forwarding, so that a [`Searcher`](crate::Searcher) swaps both at once.
pub trait Searchable: Send + Sync {
    /// Returns the number of values per vector.
    fn dimension(&self) -> usize;

    /// Returns the number of rows.
    fn rows(&self) -> u32;

    /// Returns the best `k` rows that `filter` allows, by score descending, then row ascending:
    /// `min(k, rows allowed)` hits. `k` may exceed the number of rows.
    ///
    /// # Errors
    /// Returns [`Error::Dimension`], [`Error::NotFinite`] or [`Error::Magnitude`] for the query, and
    /// [`Error::FilterSize`] for a filter of another index.
    fn search(&self, query: &[f32], k: usize, filter: Option<&Filter>) -> Result<Vec<Hit>, Error>;

    /// Runs [`search`](Self::search) for each of `queries` (`n x dimension` values), under one
    /// filter. The results are those of `n` single searches, bit for bit.
    ///
    /// # Errors
    /// Returns [`Error::Dimension`] if the length is not a multiple of the dimension, and the errors
    /// of [`search`](Self::search).
    fn search_batch(
        &self,
        queries: &[f32],
        k: usize,
        filter: Option<&Filter>,
    ) -> Result<Vec<Vec<Hit>>, Error> {
        // An implementation without dimensions takes no queries.
        let dimension = self.dimension().max(1);
        if !queries.len().is_multiple_of(dimension) {
            return Err(Error::Dimension {
                what: "query batch",
                got: queries.len(),
                dimension,
            });
        }
        queries
            .chunks_exact(dimension)
            .map(|query| self.search(query, k, filter))
            .collect()
    }
}

/// The algorithm of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexKind {
    /// Every row is compared: exact.
    Flat,
    /// A navigable small-world graph with 32 links a row: approximate.
    Hnsw,
}

/// The number of rows beyond `k` that FAISS is asked to propose, so that in spite of its rounding
/// the proposed rows nearly always contain the first `k` for certain.
const SLACK: usize = 16;

/// The number of candidates in FAISS' search for the neighbours of a new row; its default. By inner
/// product more is not better: on the real catalogue of the tests, recall@100 is 0.968 with 40,
/// 0.906 with 100 and 0.910 with 16.
const EF_CONSTRUCTION: u32 = 40;

/// An index built with FAISS. [`IndexBuilder`](crate::IndexBuilder) and [`VectorIndex::load`] make
/// it; it is immutable, so that any number of threads may search it.
#[derive(Debug)]
pub struct VectorIndex {
    pub(crate) kind: IndexKind,
    pub(crate) dimension: usize,
    pub(crate) rows: u32,
    pub(crate) max_norm: f64,
    pub(crate) ef_search: u32,
    /// `None` if there are no rows.
    pub(crate) native: Option<Native>,
}

/// The FAISS index.
#[derive(Debug)]
pub(crate) enum Native {
    Flat(FlatIndex),
    Hnsw(IndexImpl),
}

impl VectorIndex {
    pub(crate) fn build(vectors: &Vectors, kind: IndexKind, ef_search: u32) -> Result<Self, Error> {
        let native = if vectors.rows() == 0 {
            None
        } else {
            Some(Native::build(vectors, kind, ef_search)?)
        };
        Ok(Self {
            kind,
            dimension: vectors.dimension(),
            rows: vectors.rows() as u32,
            max_norm: vectors.max_norm(),
            ef_search,
            native,
        })
    }

    /// Returns the kind of the index.
    pub fn kind(&self) -> IndexKind {
        self.kind
    }

    /// Searches a flat index: rescores the proposed rows, or all rows if the proposal is not certain
    /// to contain the first `k`.
    fn search_flat(&self, flat: &FlatIndex, search: &CheckedSearch<'_>) -> Result<Vec<Hit>, Error> {
        let ask = (search.k + SLACK).min(search.allowed);
        let proposed = native::search(flat, search.query, ask, search.filter)?;
        let values = flat.xb();
        let hits = rescored(&proposed, |row| {
            let at = row as usize * self.dimension;
            Ok(inner_product(
                search.query,
                &values[at..at + self.dimension],
            ))
        })?;
        if search.is_certain(&proposed, &hits) {
            return Ok(truncated(hits, search.k));
        }
        Ok(scan(search.query, values, search.k, search.filter))
    }

    /// Searches a graph index: rescores the proposed rows, or all allowed rows if the filter is too
    /// narrow or the proposal too short.
    fn search_graph(
        &self,
        graph: &IndexImpl,
        search: &CheckedSearch<'_>,
    ) -> Result<Vec<Hit>, Error> {
        let mut vector = vec![0.0; self.dimension];
        let mut score = |row: u32| {
            graph
                .reconstruct(Idx::new(u64::from(row)), &mut vector)
                .map_err(Error::faiss("reading a vector"))?;
            Ok(inner_product(search.query, &vector))
        };
        // The graph search keeps `ef_search` candidates whatever the filter, of which only the
        // allowed share can be returned. If that leaves less than twice `k`, the graph would likely
        // miss rows, and comparing all allowed rows is both certain and quick.
        let kept = u64::from(self.ef_search) * search.allowed as u64 / u64::from(self.rows);
        if kept >= 2 * search.k as u64 {
            let proposed = native::search(graph, search.query, search.k, search.filter)?;
            // There can still be too few, as the graph cannot reach every node.
            if proposed.len() == search.k {
                return rescored(&proposed, score);
            }
        }
        let mut top = TopK::new(search.k);
        for row in 0..self.rows {
            if search.filter.is_none_or(|filter| filter.allows(row)) {
                let score = score(row)?;
                top.offer(Hit { row, score });
            }
        }
        Ok(top.into_hits())
    }
}

impl Searchable for VectorIndex {
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn rows(&self) -> u32 {
        self.rows
    }

    fn search(&self, query: &[f32], k: usize, filter: Option<&Filter>) -> Result<Vec<Hit>, Error> {
        let norm_product = check_query(query, self.dimension, self.max_norm)?;
        check_filter(filter, self.rows)?;
        let allowed = filter.map_or(self.rows, Filter::allowed) as usize;
        let search = CheckedSearch {
            query,
            k: k.min(allowed),
            filter,
            allowed,
            rounding: rounding_bound(self.dimension, norm_product),
        };
        match &self.native {
            None => Ok(Vec::new()),
            Some(_) if search.k == 0 => Ok(Vec::new()),
            Some(Native::Flat(flat)) => self.search_flat(flat, &search),
            Some(Native::Hnsw(graph)) => self.search_graph(graph, &search),
        }
    }
}

impl Native {
    /// Builds the FAISS index of a kind.
    fn build(vectors: &Vectors, kind: IndexKind, ef_search: u32) -> Result<Self, Error> {
        let dimension = vectors.dimension() as u32;
        // One thread, so that the same vectors give the same graph.
        let _single_thread = SingleThread::set();
        match kind {
            IndexKind::Flat => {
                let mut flat =
                    FlatIndex::new_ip(dimension).map_err(Error::faiss("making an index"))?;
                flat.add(vectors.values())
                    .map_err(Error::faiss("adding vectors"))?;
                Ok(Self::Flat(flat))
            }
            IndexKind::Hnsw => {
                let mut graph = index_factory(dimension, "HNSW32", MetricType::InnerProduct)
                    .map_err(Error::faiss("making an index"))?;
                set_parameter(&graph, "efConstruction", EF_CONSTRUCTION)?;
                set_parameter(&graph, "efSearch", ef_search)?;
                graph
                    .add(vectors.values())
                    .map_err(Error::faiss("adding vectors"))?;
                Ok(Self::Hnsw(graph))
            }
        }
    }

    /// Converts an index that FAISS read, which must be of this kind.
    pub(crate) fn from_read(
        index: IndexImpl,
        kind: IndexKind,
        ef_search: u32,
    ) -> Result<Self, Error> {
        match kind {
            IndexKind::Flat => index
                .into_flat()
                .map(Self::Flat)
                .map_err(Error::faiss("taking the index as a flat one")),
            IndexKind::Hnsw => {
                set_parameter(&index, "efSearch", ef_search)?;
                Ok(Self::Hnsw(index))
            }
        }
    }
}

/// Sets a parameter of a graph index; FAISS refuses it on an index of another type.
fn set_parameter(index: &IndexImpl, name: &'static str, value: u32) -> Result<(), Error> {
    let space = ParameterSpace::new().map_err(Error::faiss("making a parameter space"))?;
    space
        .set_index_parameter(index, name, value)
        .map_err(Error::faiss("setting a parameter"))
}

/// The checked arguments of a search of an index that has rows.
struct CheckedSearch<'a> {
    query: &'a [f32],
    /// At most `allowed`.
    k: usize,
    filter: Option<&'a Filter>,
    allowed: usize,
    /// The largest difference between FAISS' score of a row and this crate's.
    rounding: f64,
}

impl CheckedSearch<'_> {
    /// Returns `true` if the rows that a flat index proposed are certain to contain the first `k`:
    /// either they are all rows, or every other row scores below the `k`-th, whatever the rounding.
    fn is_certain(&self, proposed: &[Proposal], hits: &[Hit]) -> bool {
        if proposed.len() == self.allowed {
            return true;
        }
        let floor = proposed
            .iter()
            .map(|proposal| f64::from(proposal.score))
            .fold(f64::INFINITY, f64::min);
        hits.get(self.k - 1)
            .is_some_and(|last| f64::from(last.score) > floor + self.rounding)
    }
}

/// Returns the proposed rows with this crate's score, best first.
fn rescored(
    proposed: &[Proposal],
    mut score: impl FnMut(u32) -> Result<f32, Error>,
) -> Result<Vec<Hit>, Error> {
    let mut hits = proposed
        .iter()
        .map(|&Proposal { row, .. }| {
            Ok(Hit {
                row,
                score: score(row)?,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    hits.sort_unstable_by(Hit::rank);
    Ok(hits)
}

/// Keeps the first `k` hits.
fn truncated(mut hits: Vec<Hit>, k: usize) -> Vec<Hit> {
    hits.truncate(k);
    hits
}

/// Checks that a filter is for as many rows as the index has.
pub(crate) fn check_filter(filter: Option<&Filter>, rows: u32) -> Result<(), Error> {
    match filter {
        Some(filter) if filter.rows() != rows => Err(Error::FilterSize {
            filter: filter.rows(),
            index: rows,
        }),
        _ => Ok(()),
    }
}

impl Native {
    /// Writes the index into a file.
    pub(crate) fn write(&self, path: &str) -> Result<(), faiss::error::Error> {
        match self {
            Self::Flat(flat) => faiss::write_index(flat, path),
            Self::Hnsw(graph) => faiss::write_index(graph, path),
        }
    }

    /// Returns the dimension and the number of rows that FAISS has.
    pub(crate) fn shape(&self) -> (usize, u64) {
        match self {
            Self::Flat(flat) => (flat.d() as usize, flat.ntotal()),
            Self::Hnsw(graph) => (graph.d() as usize, graph.ntotal()),
        }
    }
}
