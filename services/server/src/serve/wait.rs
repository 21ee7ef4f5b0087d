//! Waiting for parts that a process cannot start without.

use std::time::Duration;

use fairlead_chassis::back_off::BackOff;
use tokio_util::sync::CancellationToken;

/// The first pause before a part that is away is tried again; they double up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Tries until it succeeds, or fails in a way that is not `away`: then waiting cannot help. Returns
/// `None` where this process is to stop before.
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
