//! The online feature store: the states of customers and products under one key each, and firm
//! quotes. On Redis or a Redis Cluster ([`OnlineStore`]), or in memory ([`MemoryStore`]) behind the same traits; one
//! conformance suite (`tests/it`) runs against both.
//!
//! # Invariants
//! - One entity is one key (one slot of a cluster); one field of it belongs to one source
//!   partition, and holds an 8-byte mark, the offset of the last record folded in, before the state.
//! - A write names the mark that it was computed from; where another one stands, nothing is
//!   written and the caller learns which ([`WriteOutcome::Stale`]). A repeat, or a writer that lost
//!   its partition, changes nothing.
//! - Every key but those of [`EntityKey::progress`] has a TTL, renewed by each write: memory is
//!   bounded by who was heard of lately.
//! - A firm quote has one content per idempotency key, and is accepted once.
//! - On a cluster a command may be carried out twice, when its answer was lost: all of them give the
//!   same result then, or say that the state has moved on.
//! - Every call ends within its limit; what fails names the server, never a password.
//!
//! # What it must not depend on
//! The event log, services. It is the only home of `redis`.

mod address;
mod connection;
mod error;
mod key;
mod memory;
mod online;
mod open;
mod quotes;
mod script;
mod store;

pub use crate::error::Error;
pub use crate::key::{EntityKey, SourcePartition};
pub use crate::memory::MemoryStore;
pub use crate::online::{OnlineStore, Options, ServerReport};
pub use crate::quotes::RedisQuotes;
pub use crate::store::{
    Acceptance, FeatureStore, Field, NewQuote, QuoteStore, StoredQuote, Write, WriteOutcome,
    Written,
};
