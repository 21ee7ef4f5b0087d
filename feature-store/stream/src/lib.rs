//! From the event log to the online store: events become the states of customers and products,
//! effectively once.
//!
//! The way of an event: polled ([`Stream::run`]), decoded and judged (what cannot be read goes to
//! the dead letters with its cause), grouped with the others of its entity, folded into the
//! entity's state in Rust, written by compare-and-swap, and only then counted as applied
//! ([`Progress`]).
//!
//! # Invariants
//! - The state that one partition wrote for one entity is the fold of that partition's events up to
//!   the state's mark, in the order of their offsets; a write names the mark that it was computed
//!   from. So repeats, zombies and replays change nothing.
//! - How far a partition has come is noted in the store itself, after the states that it covers:
//!   a store that forgot its last second also forgot that it had come so far.
//! - Reading begins where everything was acknowledged by the store for at least
//!   [`Config::commit_lag_ms`]: after a crash of the store, a rebalance or a restart, what might
//!   be missing is read again. A store that was emptied is filled again from the oldest record kept.
//! - A dead letter is durable before its record counts as applied. Junk never stops a partition.
//! - Memory is bounded: one poll, and a cache of [`Config::cached_entities`] states.
//!
//! # What it must not depend on
//! Services. It reaches Redis and Kafka only through the traits of `fairlead-online` and
//! `fairlead-event-log`.

mod batch;
mod cache;
mod config;
mod dead_letter;
mod error;
mod fold;
mod meters;
mod partition;
mod progress;
mod stream;
mod sync;

pub use crate::config::{Config, DEAD_LETTERS_TOPIC, EVENTS_TOPIC, GROUP};
pub use crate::dead_letter::MAX_PAYLOAD_BYTES;
pub use crate::error::Error;
pub use crate::progress::{Counts, Outcomes, Progress, ProgressWatch};
pub use crate::stream::{Deps, Stream};
