//! Starts the services: all in one process (`fairlead up`), or each in its own (`fairlead serve`).
//!
//! # Invariants
//! - Both forms read the same configuration and build the same services.
//! - Services call each other through their contracts only, in one process as in many.
//!
//! # Must not depend on
//! The lab and the command line.

mod args;
pub mod config;
mod exposure;
mod log;
mod origins;
mod parts;
pub mod serve;
mod up;

pub use args::ConfigArgs;
pub use config::AppConfig;
pub use fairlead_authentication::{ServicesToken, ToolsToken};
pub use up::{Addresses, InnerLinks, Server};
