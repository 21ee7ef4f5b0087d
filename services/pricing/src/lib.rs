//! The pricing service: indicative prices of many products for one customer, and firm quotes that
//! are signed, idempotent and accepted once.
//!
//! All arithmetic is in `fairlead-price-engine`; this crate checks requests, hands the engine the
//! release's strategies and the customer's features for the purpose price, and keeps quotes.
//!
//! # Invariants
//! - Features of another purpose, of another registry, or that are not numbers never reach a price.
//! - An idempotency key has one answer, quote or refusal, whatever changes meanwhile; the key with
//!   another content is refused.
//! - A firm quote is priced at the service's own instant, signed over everything in it, and can be
//!   made again from its decision record and the release, byte for byte ([`replay`]).
//! - A quote is accepted once, within its time, by the customer who was quoted.
//! - A release that does not compile leaves the one before in use, and says so.
//!
//! # What it must not depend on
//! Any other service; the event log: the caller logs the record of a quote.

mod argument;
mod config;
mod content;
mod error;
mod keyring;
mod priced;
mod published;
mod quote;
mod replay;
mod sellable;
mod service;

pub use config::Config;
pub use error::Error;
pub use keyring::Keyring;
pub use replay::replay;
pub use service::{Deps, Service};
