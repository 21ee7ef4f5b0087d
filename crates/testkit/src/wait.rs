//! Waiting for a server to answer.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Between two looks: short beside a start (Redis 10 ms, Kafka 3 s), long beside a look.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until `look` finds something, or fails, or `limit` has passed (then `None`).
pub(crate) fn poll<T, E>(
    limit: Duration,
    mut look: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let started = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        if started.elapsed() >= limit {
            return Ok(None);
        }
        // Waking early only means looking early.
        thread::park_timeout(PAUSE);
    }
}
