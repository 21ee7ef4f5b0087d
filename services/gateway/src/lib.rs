//! The public edge: authenticates, decides, answers, and logs what it decided.
//!
//! Invariants: a call without a known caller is refused by every handler, and so is one whose caller lacks
//! the permission that the contract states, or that names another tenant or customer than its caller may; every call to another service
//! and to the log has a deadline; every answer has a request id; a stage that fails or is slow is named
//! in the answer and empties no page, except that a product is not shown without its price; a product
//! that fails eligibility or suitability is on no slate; a firm quote, a refusal and an
//! acceptance are answered only after their record is in the log, and a repeat is not logged again; an event is answered only when the log has it durably, and states only what its caller
//! may state.
//! This crate meets the other services in the contracts alone, and depends on none of them.

mod access;
mod backends;
mod bounded_log;
mod checks;
mod config;
mod customer_tokens;
mod customers;
mod decision;
mod decision_log;
mod error;
mod events;
mod explain;
mod keys;
mod offers;
mod problem;
mod quotes;
mod recommend;
mod rest;
mod scopes;
mod service;
pub mod topics;

pub use config::{ApiKey, Config, ConfigError, CustomerTokensConfig, StageShares};
pub use error::Error;
pub use keys::KeySource;
pub use service::{Deps, Service};
