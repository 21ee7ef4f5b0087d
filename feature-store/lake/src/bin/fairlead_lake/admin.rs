//! The port that watches and orchestrators look at: /metrics, /live, /ready.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use fairlead_lake::ProgressWatch;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

/// What the writer says of itself.
pub(crate) fn router(
    metrics: PrometheusHandle,
    progress: ProgressWatch,
    shutdown: CancellationToken,
) -> Router {
    let ready = move || {
        let missing = if shutdown.is_cancelled() {
            Some("the process is ending".to_owned())
        } else {
            progress.now().missing
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
