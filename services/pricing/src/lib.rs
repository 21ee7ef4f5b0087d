//! The pricing service: indicative prices of many products for one customer, and firm quotes that
//! are signed, idempotent and accepted once.
//!
//! All arithmetic is in `fairlead-price-engine`; this crate checks requests, hands the engine the
//! release's strategies and the customer's features for the purpose price, and keeps quotes.
//!
//! # Invariants
//! - Features of another purpose, of another registry, or that are not numbers never reach a price.
//! - An idempotency key of a caller has one answer for a customer, quote or refusal, whatever changes
//!   meanwhile; the key with another content is refused.
//! - A price of credit knows the customer's last firm rate of the product, and the lending that was
//!   accepted here and is not in the bank's statements yet; where these cannot be read there is none.
//! - Accepted lending never passes the cap on exposure or what income affords, however many quotes are
//!   accepted at once: test and acceptance are one step of the store.
//! - A firm quote is priced at the service's own instant, signed over everything in it, and can be
//!   made again from its decision record and the release, byte for byte ([`replay`]).
//! - A quote is accepted once, within its time, by the customer who was quoted.
//! - A release that does not compile leaves the one before in use, and says so.
//!
//! # What it must not depend on
//! Any other service; the event log: the caller logs the record of a quote and of its acceptance, and
//! says so (`MarkLogged`), so that nobody logs it again.

mod accept;
mod account;
mod argument;
mod config;
mod error;
mod fingerprint;
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
