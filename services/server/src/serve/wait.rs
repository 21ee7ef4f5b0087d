//! Waiting for what a process cannot start without.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The first pause before something that is away is tried again; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Tries until it succeeds, or fails in a way that is not `away`: then waiting cannot help. Nothing
/// where this process is to stop before.
pub(super) async fn until<T, E>(
    what: &'static str,
    shutdown: &CancellationToken,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
    away: impl Fn(&E) -> bool,
) -> anyhow::Result<Option<T>>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt().await {
            Ok(found) => return Ok(Some(found)),
            Err(error) if away(&error) => tracing::warn!(%error, "{what} away, waiting for it"),
            Err(error) => return Err(error.into()),
        }
        let waited = shutdown
            .run_until_cancelled(tokio::time::sleep(pause))
            .await;
        if waited.is_none() {
            return Ok(None);
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
