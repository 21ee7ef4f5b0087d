//! The port that watches and orchestrators look at: /metrics, /live, /ready.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use fairlead_lake::ProgressWatch;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

/// The writer's progress, once there is a writer.
pub(crate) type Watched = Arc<OnceLock<ProgressWatch>>;

/// What the process says of itself.
pub(crate) fn router(
    metrics: PrometheusHandle,
    progress: Watched,
    shutdown: CancellationToken,
) -> Router {
    let ready = move || {
        let missing = if shutdown.is_cancelled() {
            Some("the process is ending".to_owned())
        } else if let Some(progress) = progress.get() {
            progress.now().missing
        } else {
            Some("the event log was not reached yet".to_owned())
        };
        async move {
            match missing {
                None => (StatusCode::OK, "ready\n".to_owned()),
                Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("{missing}\n")),
            }
        }
    };
    Router::new()
        .route("/metrics", get(move || async move { metrics.render() }))
        .route("/live", get(|| async { "live\n" }))
        .route("/ready", get(ready))
}
