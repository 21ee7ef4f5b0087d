//! Search of nearest rows by inner product: builds an index over embeddings, saves it, loads it and
//! searches it under a filter.
//!
//! # Invariants
//! - Rows are numbered `0..rows` in the order they were added. The caller maps rows to product ids
//!   and swaps the mapping together with the index (see [`Searchable`] and [`Searcher`]).
//! - A score is the inner product computed by one fixed sequence of `f32` operations
//!   ([`ExactIndex`] does the same), so a score does not depend on the kind of index, on the batch
//!   of the query, or on the machine. FAISS proposes rows; this crate scores and orders them.
//! - Hits are ordered by score descending, then row ascending; each row occurs at most once.
//! - A [`VectorIndex`] of kind [`IndexKind::Flat`] returns exactly the hits of [`ExactIndex`]. One of
//!   kind [`IndexKind::Hnsw`] may miss a row, but always returns `min(k, rows allowed)` hits.
//! - Vectors and queries with NaN, infinity or magnitudes whose product overflows are refused.
//! - One search uses one thread. Searches run on the threads of a [`Searcher`], not on an async
//!   reactor.
//!
//! # Must not depend on
//! Any other crate of this workspace. No other crate depends on `faiss`.

mod builder;
mod error;
mod exact;
mod filter;
mod index;
mod native;
mod score;
mod searcher;
mod store;
mod vectors;

pub use builder::{IndexBuilder, MAX_DIMENSION};
pub use error::Error;
pub use exact::ExactIndex;
pub use filter::Filter;
pub use index::{IndexKind, Searchable, VectorIndex};
pub use score::Hit;
pub use searcher::{SearchRequest, Searcher, SearcherOptions};
