//! The recall service: finds the products worth scoring for a customer. Several sources find them,
//! hard filters screen them, and one order merges them.
//!
//! ```text
//! request -> screen (kind, eligibility, suitability, held, repetition) -> allowed products
//!              |-> two-tower: user tower -> index   (own threads)   \
//!              |-> item-to-item, popular, new, campaign              > merge (reciprocal ranks)
//! ```
//!
//! # Invariants
//! - No candidate fails a filter; every product of the catalogue is a candidate, allowed but not
//!   found by any source (or below the limit), or dropped with exactly one cause.
//! - The answer depends on the request, the release, its model and the counters, on no more:
//!   ties go by product id.
//! - Without personalisation only popular and new products are asked for, and behaviour changes
//!   nothing: two customers with the same eligible products get the same list.
//! - One request is answered from one release and one model, whatever is swapped meanwhile. A
//!   model that fails a check is never used; the one in use stays.
//! - A source that is slow or broken is left out; the others answer.
//!
//! # What it must not depend on
//! Any other service; libtorch and FAISS other than through `fairlead-inference` and
//! `fairlead-vector-index`.

mod assortment;
mod bits;
mod config;
mod counters;
mod error;
mod merge;
mod request;
mod screen;
mod service;
mod serving;
mod snapshot;
mod sources;
mod tower;

pub use config::Config;
pub use error::Error;
pub use service::{Deps, Service};
pub use serving::Serving;
