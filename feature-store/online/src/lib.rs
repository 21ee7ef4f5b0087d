//! The online feature store: the states of customers and products, firm quotes, and the index of
//! decision records.
//!
//! It runs on Redis or a Redis Cluster ([`OnlineStore`]) or in memory ([`MemoryStore`]) behind the
//! same traits ([`FeatureStore`], [`QuoteStore`]). One conformance suite (`tests/it`) runs against
//! all of them.
//!
//! # Invariants
//! - An entity is one key (one slot of a cluster). Each field of it belongs to one source partition
//!   and holds the offset of the last record folded in (8 bytes), then the state.
//! - A write names the offset from which its state was computed. If the stored offset differs,
//!   nothing is written and the caller learns the stored one ([`WriteOutcome::Stale`]). A repeat,
//!   or a write by a consumer that lost its partition, changes nothing.
//! - Every key but those of [`EntityKey::progress`] has a TTL that each write renews, so memory is
//!   bounded by the entities that were active lately.
//! - An entry of [`DecisionIndex`] is written once. The progress of a partition is written after the
//!   entries that it covers.
//! - A firm quote has one content for each customer, caller and idempotency key, and is accepted once.
//!   All keys of one customer are in one slot, so that test and change are one script.
//! - Lending is accepted only where it fits beside what else the customer accepted and the bank's facts
//!   do not cover yet ([`QuoteStore::accept_once`]).
//! - On a cluster a command may be carried out twice if its reply is lost. Every command then gives
//!   the same result, or reports that the state has moved on.
//! - Every call ends within its timeout. An error names the server, never a password.
//!
//! # What this crate must not depend on
//! The event log and services. No other crate depends on `redis`.

mod address;
mod answer;
mod connection;
mod decision_index;
mod error;
mod key;
mod lending;
mod log_progress;
mod memory;
mod memory_quotes;
mod online;
mod open;
mod product_states;
mod quote_scripts;
mod quote_store;
mod quotes;
mod script;
mod store;

pub use crate::answer::KeptAnswer;
pub use crate::decision_index::{DecisionIndex, IndexLookup, IndexedDecision};
pub use crate::error::Error;
pub use crate::key::{EntityKey, SourcePartition};
pub use crate::lending::{
    AcceptedLoan, Account, Bound, Counting, LastRate, LendingSum, LendingTest,
};
pub use crate::log_progress::{IndexProgress, LogProgress};
pub use crate::memory::MemoryStore;
pub use crate::online::{OnlineStore, Options, ServerReport};
pub use crate::product_states::ProductStates;
pub use crate::quote_store::{
    AcceptOutcome, CallerKey, LoggedAcceptance, LoggedRecord, NewAcceptance, NewQuote, NewRate,
    Owner, PutOutcome, QuoteStore, StoredAcceptance, StoredQuote,
};
pub use crate::quotes::RedisQuotes;
pub use crate::store::{FeatureStore, Field, Write, WriteOutcome};
