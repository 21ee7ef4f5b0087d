//! Tests over the whole house.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod edges;
mod files;
mod homes;
mod layers;
mod workspace;
