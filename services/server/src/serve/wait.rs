//! Waits for a part that a process cannot start without.

use std::time::Duration;

use fairlead_chassis::back_off::BackOff;
use tokio_util::sync::CancellationToken;

/// The pause before the first retry; pauses double up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Retries `attempt` while its error is `away`, and returns what it returned at last. Returns `None`
/// if this process is asked to stop before.
pub(super) async fn until<T, E>(
    what: &'static str,
    shutdown: &CancellationToken,
    attempt: impl AsyncFnMut() -> Result<T, E>,
    away: impl Fn(&E) -> bool,
) -> anyhow::Result<Option<T>>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let back_off = BackOff::new(FIRST_PAUSE, LONGEST_PAUSE);
    Ok(back_off.retry(what, shutdown, attempt, away).await?)
}
