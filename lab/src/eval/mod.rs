//! Evaluations on real public data, through a running server: the figures are those that customers
//! would get.
//!
//! Data is sent as events through the gateway; models and prices are published as a release;
//! answers are requested from the gateway. Only the references (baselines, an independent rate of
//! return) are computed here. The server should be an empty one in a temporary folder, with a
//! deadline of seconds: see [`DEADLINE_MS`].

mod asking;
mod command;
mod lending_club;
mod rows;
mod sending;
mod settings;
mod zimnat;

pub use command::{EvalArgs, EvalCommand, run};
pub use lending_club::{LendingClubReport, lending_club};
pub use settings::DEADLINE_MS;
pub use zimnat::{ZimnatReport, zimnat};
