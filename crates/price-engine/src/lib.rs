//! The arithmetic of a price: risk, cost, strategy, guardrails, schedule, limits.
//!
//! A price is a waterfall: risk gives the grade, cost gives the floor, the owner's rate card gives
//! a target, guardrails in plain Rust bound it, and a schedule lays out the instalments.
//!
//! Invariants, each a property test in `tests/it`:
//! - the same allow-listed inputs give the same price, to the byte, on every machine;
//! - no price is above the all-in cap or below the floor, no limit above the cap on exposure;
//! - worse risk never lowers a rate or raises a limit, all else equal;
//! - where no row matches, an input is missing or out of range, or no rule pack is valid, the answer
//!   is a refusal with its cause, never a default;
//! - a strategy with a hole, an overlap of different prices, an unreachable row, a cell that does
//!   not parse or breaks cap or floor, or that is not monotone in grade does not pass [`lint()`].
//!
//! The crate is pure and synchronous: no I/O, no clock, no randomness, no locks. It depends on
//! `domain`, `decision-table` and the contracts, and must not depend on the feature store: features
//! come in through [`Features`], by name.
//!
//! Measured by `cargo run --release -p fairlead-price-engine --example price_loan` (see there).

mod by_strategy;
mod cap;
mod card_columns;
mod cost;
mod credit;
pub mod defaults;
mod deposit;
mod engine;
mod error;
mod features;
mod fund;
mod guardrails;
mod inputs;
mod insurance;
mod irr;
mod limit;
mod lint;
mod offer;
mod points;
mod rate_card;
mod reasons;
mod redemption;
mod refusal;
mod risk;
mod rule_pack;
mod schedule;
mod source;
mod strategy;
mod take_up;
mod terms;
mod waterfall;

pub use cap::highest_lawful_rate;
pub use cost::check_cost_models;
pub use engine::{Engine, LendingHeadroom, StrategyPrice};
pub use error::{Error, ValueFault};
pub use features::{FeatureMap, Features};
pub use guardrails::check_guardrails;
pub use inputs::{Accepted, Inputs, NO_CAMPAIGN};
pub use irr::{effective_annual_rate, monthly_rate};
pub use lint::{LintContext, lint, lint_compiled, lint_despite_errors};
pub use risk::check_risk_models;
pub use rule_pack::check_rule_packs;
pub use schedule::{Instalment, MAX_AMOUNT_MINOR, MAX_MONTHS, Repayment, Schedule, ScheduleTerms};
pub use source::Source;
pub use strategy::CompiledStrategy;
pub use take_up::TakeUp;
pub use terms::check_terms;
