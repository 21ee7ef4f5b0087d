//! The settings that all evaluations have in common.

use std::time::Duration;

/// The gateway's `deadline_ms` for an evaluation: here a late answer is not a slow page but a wrong
/// figure.
pub const DEADLINE_MS: u64 = 10_000;

/// The time that a release may take to be served.
pub(super) const SERVED_WITHIN: Duration = Duration::from_mins(2);
