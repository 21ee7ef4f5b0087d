//! The house: every service in one process or each in its own, the command line, and what fills it
//! for a demo.
//!
//! Invariants: services meet through their contracts, in one process as in many; what the demo shows goes the way
//! that anyone's events and calls go. This crate may use every other one; none may use it but the
//! tests of the whole.

pub mod bench;
pub mod cli;
mod client;
pub mod commands;
pub mod config;
pub mod demo;
mod drafts;
pub mod eval;
pub mod import;
mod log;
pub mod models;
mod parts;
pub mod serve;
pub mod show;
pub mod sim;
pub mod terminal;
pub mod up;
