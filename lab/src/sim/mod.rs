//! A simulated population: its products, its people, and thirty days of what they did.
//!
//! What people want is hidden: tastes, a life stage and a sensitivity to price decide what they
//! open and take, a hidden probability of default decides what they pay back. The events show it
//! only as a real log would, through what a popularity policy happened to put before them.
//! The same seed gives the same events, to the byte.

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
pub use events::Events;
pub use population::Population;
