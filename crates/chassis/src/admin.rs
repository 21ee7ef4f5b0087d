//! The operators' page, on a port of its own: `/metrics`, `/live`, `/ready`.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use crate::telemetry::Metrics;

/// Returns the page. Without metrics `/metrics` is empty; `/ready` refuses with what `refusal`
/// returns, and accepts where that is `None`.
pub fn router<F>(metrics: Option<Metrics>, refusal: F) -> Router
where
    F: Fn() -> Option<String> + Clone + Send + Sync + 'static,
{
    let render = move || {
        let text = metrics.as_ref().map(Metrics::render);
        async move { text.unwrap_or_default() }
    };
    let ready = move || {
        let answer = match refusal() {
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
