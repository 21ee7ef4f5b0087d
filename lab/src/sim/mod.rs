//! A simulated population: products, customers, and thirty days of events.
//!
//! Preferences are hidden: taste, life stage and price sensitivity decide what customers open and
//! take, a hidden probability of default decides what they repay. Events show this only as a real
//! log would, through the products that a popularity policy displayed. The same seed gives the same
//! events, to the byte.

pub mod catalogue;
mod co_holding;
mod customer;
mod events;
pub mod figures;
mod holdings;
mod life_stage;
mod population;
mod profile;
mod risk;
mod schedule;
mod session;
mod taste;
#[cfg(test)]
mod tests;

pub use catalogue::{catalogue, catalogue_at};
pub use events::SimulatedEvents;
pub use population::Population;
