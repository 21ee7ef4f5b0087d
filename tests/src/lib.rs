//! Tests over the whole house: the edges between its rooms, and its ways from end to end.
//!
//! The tests are in `tests/it`; here is what they and `make cluster-demo` share: the cluster form on
//! one machine. This crate stands on top of all others, and nothing depends on it.

pub mod cluster;
