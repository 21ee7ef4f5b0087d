//! Ids, money, rates, scores and probabilities: the values that every room hands to the next.
//!
//! Invariants: a constructed value is valid. Money never overflows silently, rates are whole parts
//! per million, probabilities and scores are finite, ids are non-empty and bounded.
//! This crate does no I/O and depends on no other crate of the workspace.

mod error;
mod id;
mod money;
mod number;
mod rate;

pub use error::Error;
pub use id::{CustomerId, ProductId, RequestId, TenantId};
pub use money::{Currency, Money};
pub use number::{Probability, Score};
pub use rate::RatePpm;
