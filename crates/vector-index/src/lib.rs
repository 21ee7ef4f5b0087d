//! Nearest items by inner product: build an index over embeddings, save it, load it, search it
//! under a filter.
//!
//! **What it holds to**
//! - Rows are numbered `0..rows` in the order they were added. Mapping a row to a product id is
//!   the caller's; swap the two together (see [`Searchable`] and [`Searcher`]).
//! - A score is the inner product computed by one fixed sequence of `f32` operations
//!   ([`ExactIndex`] does the same), so a score does not depend on the kind of index, on the batch
//!   it was asked in, or on the machine. FAISS proposes rows; it does not have the last word.
//! - Hits come by score descending, then row ascending, each row at most once, never a hole.
//! - A [`VectorIndex`] of kind [`Kind::Flat`] answers exactly what [`ExactIndex`] answers. One of
//!   kind [`Kind::Hnsw`] may miss a row, but always returns `min(k, rows allowed)` hits.
//! - NaN, infinity and magnitudes whose product overflows are refused on the way in.
//! - One search uses one thread. Searches run on the threads of a [`Searcher`], not on an async
//!   reactor.
//!
//! **What it must not depend on**: any other crate of this workspace. It is the only home of
//! `faiss`.

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
pub use index::{Kind, Searchable, VectorIndex};
pub use score::Hit;
pub use searcher::{Found, SearchRequest, Searcher, SearcherOptions};
