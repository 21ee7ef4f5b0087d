//! Tests over all of Fairlead: the dependencies between its crates, and end-to-end tests.
//!
//! The tests are in `tests/it`. This library is what they and `make cluster-demo` have in common:
//! the cluster form on one machine. No crate depends on it.

pub mod cluster;
