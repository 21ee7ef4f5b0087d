//! The stream from the event log to the online store: it folds events into the states of customers
//! and products, effectively once.
//!
//! An event is polled ([`Stream::run`]), decoded and checked (invalid records go to the dead letters
//! with their cause), grouped with the other events of its entity, folded into the entity's state
//! in Rust, written by compare-and-swap, and then counted as applied ([`Progress`]).
//!
//! Beside it runs the [`DecisionIndexer`]: it reads the decision records and keeps the index of request
//! ids in the same store. The [`AcceptanceRestorer`] reads the acceptances of firm quotes, and stores those
//! that the store has lost.
//!
//! # Invariants
//! - The state of an entity from one partition is the fold of that partition's events up to the
//!   state's offset, in order. A write names the offset from which its state was computed, so
//!   repeats, zombies (consumers that lost their partition) and replays change nothing.
//! - A partition's checkpoint is in the store itself, written after the states that it covers: a
//!   store that lost its last second also lost the checkpoint of that second.
//! - Reading begins at the safe offset: the store acknowledged everything below it at least
//!   [`Config::commit_lag_ms`] ago. After a crash of the store, a rebalance or a restart, all that
//!   may be missing is read again. An emptied store is filled again from the oldest record kept.
//! - An event states only what its origin may state; the origin is known by a signature or by the
//!   topic ([`Deps::provenance`]), never by what the event says of itself.
//! - A dead letter is durable before its record counts as applied. An invalid record never stops a
//!   partition.
//! - Memory is bounded: one poll, and a cache of [`Config::cached_entities`] states.
//! - The index of decision records is complete up to its progress, and is built again from the oldest
//!   record kept if the store lost it.
//!
//! # What this crate must not depend on
//! Services. It reaches Redis and Kafka only through the traits of `fairlead-online` and
//! `fairlead-event-log`.

mod acceptances;
mod batch;
mod cache;
mod config;
mod dead_letter;
mod decision_indexer;
mod derive;
mod error;
mod fold;
mod meters;
mod partition;
mod progress;
mod stream;
mod sync;

pub use crate::acceptances::{
    AcceptanceRestorer, AcceptanceStores, Acceptances, AcceptancesConfig,
};
pub use crate::config::{
    ACCEPTANCES_TOPIC, Config, DEAD_LETTERS_TOPIC, DECISIONS_TOPIC, EVENTS_TOPIC, GROUP,
};
pub use crate::dead_letter::MAX_PAYLOAD_BYTES;
pub use crate::decision_indexer::{DecisionEntries, DecisionIndexer, IndexerConfig};
pub use crate::derive::{Derivation, Sink};
pub use crate::error::Error;
pub use crate::progress::{Counts, Outcomes, Progress, ProgressWatch};
pub use crate::stream::{Deps, Stream};
