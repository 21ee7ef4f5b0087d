//! The ranking service: how likely a customer is to open and to take each candidate.
//!
//! ```text
//! request -> choose the model (release's default, or the version that an arm asks for)
//!         -> customer features once + product rows (kept ready) -> micro-batch -> probabilities
//! ```
//!
//! # Invariants
//! - The inputs are made by the feature registry's assembler from the spec in the model's own
//!   manifest: what is served is what was learnt from. A model of another feature schema is never
//!   used.
//! - Scores are probabilities, calibrated as the manifest says. NaN and infinity in features or
//!   outputs are an error, never a score.
//! - One request is answered by one model with product rows of one instant, whatever is swapped
//!   meanwhile. A model that fails a check is never used; the default in use stays.
//! - libtorch runs on the inference engine's threads, never on the reactor.
//!
//! # What it must not depend on
//! Any other service; libtorch other than through `fairlead-inference`.

mod config;
mod error;
mod fleet;
mod fleet_builder;
mod ranker;
mod request;
mod rows;
mod service;
mod serving;

pub use config::Config;
pub use error::Error;
pub use service::{Deps, Service};
pub use serving::Serving;
