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
mod zimnat;

pub use command::{EvalArgs, EvalCommand, run};
pub use lending_club::{Report as LendingClubReport, lending_club};
pub use zimnat::{Report as ZimnatReport, zimnat};

/// The gateway's `deadline_ms` for an evaluation: here a late answer is not a slow page but a wrong
/// figure.
pub const DEADLINE_MS: u64 = 10_000;

/// The actor of drafts and releases in the audit log.
const ACTOR: &str = "fairlead eval";
/// The time that a release may take to be served.
const SERVED_WITHIN: std::time::Duration = std::time::Duration::from_mins(2);
/// Concurrent calls to the gateway: enough to keep two cores busy, too few to queue up.
const AT_ONCE: usize = 4;
