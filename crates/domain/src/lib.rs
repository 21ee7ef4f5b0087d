//! Ids, money, rates, shares, scores, probabilities and origins: the values that crates hand to each other.
//!
//! Invariants: a constructed value is valid. Money never overflows silently, rates and shares are
//! whole parts per million, probabilities and scores are finite, ids are non-empty and bounded.
//! This crate does no I/O and depends on no other crate of the workspace.

mod error;
mod id;
mod money;
mod number;
mod origin;
mod rate;
mod share;
mod strategy_label;

pub use error::Error;
pub use id::{CustomerId, ProductId, RequestId, TenantId};
pub use money::{Currency, Money};
pub use number::{Probability, Score};
pub use origin::{Origin, Origins};
pub use rate::RatePpm;
pub use share::Share;
pub use strategy_label::StrategyLabel;
