//! Tests of the stream with real logs and stores. Whatever fails on the way, every entity must end
//! with the exact fold of the log's events.

mod authority;
mod crashes;
mod dead_letters;
mod decision_index;
mod fixture;
mod folding;
mod kafka;
mod redis;
mod stores;
