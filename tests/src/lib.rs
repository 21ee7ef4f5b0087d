//! Tests over the whole house: the edges between its rooms, and its ways from end to end.
//!
//! The tests are in `tests/it`. This crate stands on top of all others, and nothing depends on it.
