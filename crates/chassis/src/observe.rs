//! The layer of every served call: trace context in, span, rate, errors, duration, deadline.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use opentelemetry::propagation::{Extractor, Injector};
use tower::{Layer, Service};
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::deadline::timeout_of;

/// Wraps a gRPC server (over the network or in process) with measurement.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ObserveLayer;

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Observe { inner }
    }
}

/// The wrapped server.
#[derive(Debug, Clone)]
pub(crate) struct Observe<S> {
    inner: S,
}

type Answering<A, E> = Pin<Box<dyn Future<Output = Result<http::Response<A>, E>> + Send>>;

impl<S, B, A> Service<http::Request<B>> for Observe<S>
where
    S: Service<http::Request<B>, Response = http::Response<A>>,
    S::Future: Send + 'static,
    A: Default + Send + 'static,
{
    type Response = http::Response<A>;
    type Error = S::Error;
    type Future = Answering<A, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let method = method_of(request.uri().path());
        let span = tracing::info_span!("rpc", otel.kind = "server", method = %method);
        extract(&span, request.headers());
        let limit = timeout_of(request.headers());
        let started = Instant::now();
        let answering = self.inner.call(request);
        Box::pin(
            async move {
                let answer = match limit {
                    None => answering.await,
                    Some(limit) => match tokio::time::timeout(limit, answering).await {
                        Ok(answer) => answer,
                        Err(_) => Ok(tonic::Status::deadline_exceeded(format!(
                            "{method} did not answer within {limit:?}"
                        ))
                        .into_http()),
                    },
                };
                record(&method, answer.as_ref().ok(), started);
                answer
            }
            .instrument(span),
        )
    }
}

/// Returns a method as a label, such as `RecommendService/Recommend` for `Recommend` of
/// `fairlead.gateway.v1.RecommendService`: the set of methods is fixed by the contracts, so the
/// label stays bounded.
fn method_of(path: &str) -> String {
    let mut parts = path.rsplit('/');
    let method = parts.next().unwrap_or_default();
    let service = parts
        .next()
        .unwrap_or_default()
        .rsplit('.')
        .next()
        .unwrap_or_default();
    format!("{service}/{method}")
}

fn record<A>(method: &str, answer: Option<&http::Response<A>>, started: Instant) {
    let code = answer
        .and_then(|answer| answer.headers().get("grpc-status"))
        .and_then(|value| value.to_str().ok())
        .unwrap_or("0");
    let labels = [("method", method.to_owned()), ("code", code.to_owned())];
    metrics::counter!("fairlead_rpc_total", &labels).increment(1);
    metrics::histogram!("fairlead_rpc_seconds", &labels[..1])
        .record(started.elapsed().as_secs_f64());
}

/// Reads trace headers.
struct Headers<'a>(&'a http::HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

/// Writes trace headers.
struct HeadersMut<'a>(&'a mut http::HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (
            http::HeaderName::try_from(key),
            http::HeaderValue::try_from(value),
        ) {
            self.0.insert(name, value);
        }
    }
}

/// Makes `span` a child of the trace that incoming headers name.
pub(crate) fn extract(span: &tracing::Span, headers: &http::HeaderMap) {
    let parent = opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.extract(&Headers(headers))
    });
    // Without a telemetry layer there is no span to continue, which is fine.
    let _ = span.set_parent(parent);
}

/// Puts the current span's context on outgoing headers.
pub(crate) fn inject(headers: &mut http::HeaderMap) {
    let context = tracing::Span::current().context();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut HeadersMut(headers));
    });
}
