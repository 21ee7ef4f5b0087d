//! The lab: a simulated population, the demo, evaluations on public data, and benches.
//!
//! Invariants: what is shown and measured goes the way that anyone's events and calls go, through a
//! running Fairlead. Nothing that serves customers may depend on this crate: only the command line
//! and tests do.

pub mod bench;
pub mod demo;
pub mod eval;
pub mod models;
pub mod releases;
pub mod setup;
pub mod sim;
