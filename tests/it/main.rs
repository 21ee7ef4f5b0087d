//! Tests over all of Fairlead.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod authority;
mod bad_input;
mod chart;
mod circles;
mod cluster;
mod edges;
mod end_to_end;
mod features;
mod features_equal;
mod files;
mod firm_quotes;
mod fixture;
mod homes;
mod layers;
mod lender;
mod modules;
mod pure;
mod rendered;
mod start;
mod words;
mod workspace;
