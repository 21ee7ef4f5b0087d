//! Drafts, releases, audit and access: decides which release is live, and who may do what.
//!
//! Owners put products, strategies, models, experiments and settings into a *draft*. Publishing
//! composes the draft into the next *release*, checks it as every service will check it
//! ([`fairlead_release::Live::check`], the price engine's lint of each strategy, the registry's
//! purposes of each feature named), and puts it in force. Services follow over `Watch`.
//!
//! ```text
//! DraftService --> store (draft) --compose, check--> release --> Watch --> every service
//!                    `-- every write and its audit row: one transaction
//! ```
//!
//! # Invariants
//! - Releases are immutable and numbered without gaps per tenant; rolling back publishes old
//!   content under a new number.
//! - A write and its audit row are one transaction: neither is there without the other.
//! - A call that does not pass its checks changes nothing, and its refusal names every finding.
//! - Several instances may share one PostgreSQL: writes of one tenant happen one after the other,
//!   and a release that one instance publishes reaches the watchers of all.
//! - Of two writes that were decided on the same state, the second is ABORTED.
//!
//! - The audit chains are verified on a schedule, and their heads are written to the event log, so that
//!   a database whose rows were written anew is told. Nothing else waits for that log.
//!
//! # Must not depend on
//! Any other service, libtorch, FAISS, Redis. Every other service goes on serving without this one.

mod access;
mod access_error;
mod address;
mod arguments;
mod audit;
mod audit_service;
mod authority;
mod call;
mod callers;
mod compose;
mod config;
mod draft_service;
mod error;
mod fingerprint;
mod instances;
mod lint;
mod models;
mod products;
mod publish;
mod purposes;
mod refusal;
mod release_service;
mod removals;
mod service;
mod settings;
mod store;
mod strategies;
mod watch;

pub use access_error::AccessError;
pub use config::{AuditConfig, Config, OidcConfig};
pub use error::Error;
pub use service::{Deps, Service};
pub use store::migrate;
