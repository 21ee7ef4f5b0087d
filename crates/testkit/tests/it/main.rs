//! The servers of the testkit, started for real.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod kafka;
mod orphan;
mod postgres;
mod redis;
mod redis_cluster;
mod wire;
