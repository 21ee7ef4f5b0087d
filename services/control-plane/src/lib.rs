//! Drafts, releases and audit: the one place where what is live is decided.
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
//! - What does not pass its checks changes nothing, and the refusal names every finding.
//! - Several instances may share one PostgreSQL: writes of one tenant happen one after the other,
//!   and what one instance publishes reaches those who watch another.
//! - Two writes that decided on the same state do not both happen: the second is ABORTED.
//!
//! # Must not depend on
//! Any other service, libtorch, FAISS, Redis, Kafka. No service needs this one to go on serving.

mod arguments;
mod audit_service;
mod compose;
mod config;
mod draft_service;
mod error;
mod fingerprint;
mod instances;
mod lint;
mod model_folder;
mod products;
mod publish;
mod purposes;
mod refusal;
mod release_service;
mod service;
mod settings;
mod store;
mod watch;

pub use config::Config;
pub use error::Error;
pub use service::{Deps, Service};
pub use store::migrate;
