//! The page of operators on a port of its own: `/metrics`, `/live`, `/ready`.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::readiness::Readiness;

/// The page. Without a handle `/metrics` is empty.
pub fn router(metrics: Option<PrometheusHandle>, readiness: Readiness) -> Router {
    let render = move || {
        let text = metrics.as_ref().map(PrometheusHandle::render);
        async move { text.unwrap_or_default() }
    };
    let ready = move || {
        let answer = match readiness.refusal() {
            None => (StatusCode::OK, "ready\n".to_owned()),
            Some(refusal) => (StatusCode::SERVICE_UNAVAILABLE, format!("{refusal}\n")),
        };
        async move { answer }
    };
    Router::new()
        .route("/metrics", get(render))
        .route("/live", get(|| async { "live\n" }))
        .route("/ready", get(ready))
}
