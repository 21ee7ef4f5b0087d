//! Everything that a process needs to start, be found, be watched and stop.
//!
//! Invariants: configuration is checked before anything is bound; every call made through a
//! [`link::Link`] carries the trace context, and one made within a deadline carries it and ends by it;
//! a served call is measured once, whether it came over the network or from the same process; shutdown
//! drains under a deadline; where TLS is configured, nothing goes in plaintext ([`tls`]).
//! This crate knows contracts, never a store, a model or a service.

pub mod admin;
pub mod back_off;
mod balance;
pub mod clock;
pub mod config;
mod connections;
pub mod deadline;
pub mod discovery;
mod endpoint;
mod error;
pub mod kept_file;
pub mod link;
mod observe;
pub mod peer;
pub mod process;
pub mod readiness;
pub mod secret_file;
pub mod serve;
pub mod stage;
pub mod status;
pub mod telemetry;
pub mod tls;

pub use error::Error;
