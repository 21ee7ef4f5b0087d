//! Logs, traces and metrics of a process: set up once, in `main`.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::Error;
use crate::endpoint::endpoint;

/// Upper bounds of duration buckets, seconds.
const SECONDS: &[f64] = &[
    0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// Upper bounds of size buckets.
const SIZES: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0,
];

/// The logs and traces of a process.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// The filter of the log, in the grammar of `tracing`: "info,fairlead=debug".
    pub log: String,
    /// `true` for logs as JSON lines, `false` for text.
    pub log_json: bool,
    /// Share of traces that are kept, 0 to 1; a caller's own decision goes first.
    pub trace_share: f64,
    /// The gRPC endpoint of the OTLP receiver of spans, `http://host:4317`; empty for none.
    pub otlp: String,
}

impl TelemetryConfig {
    /// Refuses what cannot be worked with: names the key, the value and what is allowed.
    pub fn check(&self) -> Result<(), Error> {
        if !(0.0..=1.0).contains(&self.trace_share) {
            let value = self.trace_share;
            return Err(Error::Config(format!(
                "`telemetry.trace_share` = {value} is not allowed: 0 to 1"
            )));
        }
        EnvFilter::try_new(&self.log).map_err(|error| {
            Error::Config(format!("`telemetry.log` = \"{}\": {error}", self.log))
        })?;
        if !self.otlp.is_empty() {
            endpoint(&self.otlp)?;
        }
        Ok(())
    }
}

/// Telemetry of a process: renders its metrics, and sends its last spans when it ends.
#[derive(Debug, Clone)]
#[must_use = "metrics are kept up only as long as it lives"]
pub struct Telemetry {
    /// The metrics of the process.
    pub metrics: Metrics,
    traces: SdkTracerProvider,
}

impl Telemetry {
    /// Sends the spans that wait. Blocks for as long as the receiver takes, a few seconds at most.
    pub fn flush(self) {
        if let Err(error) = self.traces.shutdown() {
            tracing::warn!(%error, "last spans were not sent");
        }
    }
}

/// Sets up logs, traces (W3C trace context, OTLP where configured) and metrics. `name` is what
/// traces call the process. Must be called inside a tokio runtime.
pub fn init(config: &TelemetryConfig, name: &'static str) -> Result<Telemetry, Error> {
    let fail = |error: &dyn std::fmt::Display| Error::Telemetry(error.to_string());
    config.check()?;
    let filter = EnvFilter::try_new(&config.log).map_err(|error| fail(&error))?;
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let provider = traces(config, name)?;
    let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("fairlead"));
    let text = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let logs = if config.log_json {
        text.json().flatten_event(true).boxed()
    } else {
        text.with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed()
    };
    tracing_subscriber::registry()
        // Spans of the libraries below (h2, the exporter's own calls) are no stages of a request.
        .with(spans.with_filter(filter_fn(|of| of.target().starts_with("fairlead"))))
        .with(logs.with_filter(filter))
        .try_init()
        .map_err(|error| fail(&error))?;
    let metrics = install()?;
    metrics::gauge!("fairlead_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(Telemetry {
        metrics,
        traces: provider,
    })
}

/// Makes spans, and sends those of kept traces in batches from a thread of its own.
fn traces(config: &TelemetryConfig, name: &'static str) -> Result<SdkTracerProvider, Error> {
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.trace_share)));
    let resource = Resource::builder()
        .with_service_name(format!("fairlead-{name}"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let builder = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_resource(resource);
    if config.otlp.is_empty() {
        return Ok(builder.build());
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(&config.otlp)
        .build()
        .map_err(|error| Error::Telemetry(error.to_string()))?;
    Ok(builder.with_batch_exporter(exporter).build())
}

/// The time between two folds of the samples that no scrape has taken into their buckets.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The metrics of a process, with the task that keeps them up: a recorder holds each sample of a
/// histogram until it is rendered or kept up. The task ends with the last clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    recorder: PrometheusHandle,
    _upkeep: Arc<JoinSet<()>>,
}

impl Metrics {
    /// Keeps a recorder up, `every` so often. Must be called inside a tokio runtime.
    pub fn kept_up(recorder: PrometheusHandle, every: Duration) -> Self {
        let mut upkeep = JoinSet::new();
        let kept = recorder.clone();
        upkeep.spawn(async move {
            let mut due = tokio::time::interval(every);
            due.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                due.tick().await;
                kept.run_upkeep();
            }
        });
        Self {
            recorder,
            _upkeep: Arc::new(upkeep),
        }
    }

    /// Returns the metrics page, in the Prometheus text format.
    pub fn render(&self) -> String {
        self.recorder.render()
    }
}

/// Installs the recorder of this process.
fn install() -> Result<Metrics, Error> {
    let fail = |error: &dyn std::fmt::Display| Error::Telemetry(error.to_string());
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), SIZES)
        })
        .map_err(|error| fail(&error))?
        .install_recorder()
        .map_err(|error| fail(&error))?;
    Ok(Metrics::kept_up(recorder, UPKEEP_EVERY))
}

/// Returns the trace context of the current span as a header for records of the event log:
/// `traceparent` and its value, when a trace is being carried.
pub fn trace_header() -> Option<(String, String)> {
    let mut headers = http::HeaderMap::new();
    crate::observe::inject(&mut headers);
    let value = headers.get("traceparent")?.to_str().ok()?;
    Some(("traceparent".to_owned(), value.to_owned()))
}

/// Makes `span` a child of the trace that a request's headers name, if they name one.
pub fn continue_request(span: &tracing::Span, headers: &http::HeaderMap) {
    crate::observe::extract(span, headers);
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
