//! Starts the services: all in one process (`fairlead up`), or each in its own (`fairlead serve`).
//!
//! Invariants: both forms read the same configuration and build the same services; the services meet
//! through their contracts, in one process as in many. This crate must not depend on the lab or on
//! the command line.

mod args;
pub mod config;
mod log;
mod parts;
pub mod serve;
pub mod up;

pub use args::ConfigArgs;
