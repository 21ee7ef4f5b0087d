//! Logs, traces and metrics of a process: set up once, in `main`.

use std::io::IsTerminal as _;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::Error;

/// Upper bounds of duration buckets, seconds.
const SECONDS: &[f64] = &[
    0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// Upper bounds of size buckets.
const SIZES: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0,
];

/// How a process is watched.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// What is logged, in the `tracing` filter grammar: "info,fairlead=debug".
    pub log: String,
    /// Logs as JSON lines; otherwise as text.
    pub log_json: bool,
    /// Share of traces that are kept, 0 to 1; a caller's own decision goes first.
    pub trace_share: f64,
}

/// Sets up logs, traces (W3C trace context) and metrics. The handle renders the metrics page.
pub fn init(config: &TelemetryConfig) -> Result<PrometheusHandle, Error> {
    let fail = |error: &dyn std::fmt::Display| Error::Telemetry(error.to_string());
    if !(0.0..=1.0).contains(&config.trace_share) {
        let value = config.trace_share;
        return Err(Error::Config(format!(
            "`trace_share` = {value} is not allowed: 0 to 1"
        )));
    }
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|error| Error::Config(format!("`log` = \"{}\": {error}", config.log)))?;
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.trace_share)));
    let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
    let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer("fairlead"));
    let text = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let logs = if config.log_json {
        text.json().flatten_event(true).boxed()
    } else {
        text.with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed()
    };
    tracing_subscriber::registry()
        .with(traces)
        .with(logs.with_filter(filter))
        .try_init()
        .map_err(|error| fail(&error))?;
    metrics_recorder()
}

/// Installs the metrics recorder alone, for tools that print no logs.
pub fn metrics_recorder() -> Result<PrometheusHandle, Error> {
    let fail = |error: &dyn std::fmt::Display| Error::Telemetry(error.to_string());
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), SIZES)
        })
        .map_err(|error| fail(&error))?
        .install_recorder()
        .map_err(|error| fail(&error))
}

/// The trace context of the current span as a header for records of the event log:
/// `traceparent` and its value, when a trace is being carried.
pub fn trace_header() -> Option<(String, String)> {
    let mut headers = http::HeaderMap::new();
    crate::observe::inject(&mut headers);
    let value = headers.get("traceparent")?.to_str().ok()?;
    Some(("traceparent".to_owned(), value.to_owned()))
}

/// Makes `span` a child of the trace named by a record's `traceparent` value.
pub fn continue_trace(span: &tracing::Span, traceparent: &str) {
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;
    let carrier =
        std::collections::HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let parent =
        opentelemetry::global::get_text_map_propagator(|propagator| propagator.extract(&carrier));
    // Without a telemetry layer there is no span to continue, which is fine.
    let _ = span.set_parent(parent);
}
