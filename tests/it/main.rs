//! Tests over the whole house.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod bad_input;
mod chart;
mod cluster;
mod edges;
mod features;
mod features_equal;
mod files;
mod homes;
mod house;
mod layers;
mod rendered;
mod start;
mod whole_way;
mod workspace;
