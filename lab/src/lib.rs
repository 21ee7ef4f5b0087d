//! The lab: a simulated population, the demo, evaluations on public data, and benches.
//!
//! # Invariants
//! - Events and calls take the same way as those of every customer, through a running server.
//!
//! # Must not be depended on
//! By anything that serves customers: only the command line and the tests use it.

pub mod bench;
pub mod demo;
pub mod eval;
pub mod models;
pub mod releases;
pub mod setup;
pub mod sim;
