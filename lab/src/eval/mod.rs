//! Evaluation on real public data, through the running system: what is measured is what customers
//! would get.
//!
//! Data comes in as anyone's does, as events over the gateway; models and prices are published as
//! a release; answers are asked of the gateway. Only what is compared with (baselines, an
//! independent rate of return) is computed here. The house should be one of its own, in a folder
//! that is thrown away, with a deadline of seconds: see [`DEADLINE_MS`].

mod asking;
mod command;
mod lending_club;
mod rows;
mod sending;
mod zimnat;

pub use command::{EvalArgs, EvalCommand, run};
pub use lending_club::{Report as LendingClubReport, lending_club};
pub use zimnat::{Report as ZimnatReport, zimnat};

/// What the gateway's `deadline_ms` should be for an evaluation: here a late answer would not be a
/// slow page but a wrong figure.
pub const DEADLINE_MS: u64 = 10_000;

/// Who the drafts and releases of an evaluation are by.
const ACTOR: &str = "fairlead eval";
/// How long a release may take to be served.
const SERVED_WITHIN: std::time::Duration = std::time::Duration::from_mins(2);
/// Calls to the gateway at once: enough to keep two cores busy, too few to queue up.
const AT_ONCE: usize = 4;
