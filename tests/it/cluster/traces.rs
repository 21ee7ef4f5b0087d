//! One request of an app is one trace, through every process that it reaches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fairlead_tests::cluster::PATIENCE;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use super::rest::post;
use super::{ClusterFixture, with};

/// A span with the process that sent it.
#[derive(Debug, Clone)]
struct ReceivedSpan {
    process: String,
    span: Span,
}

/// An OTLP receiver: the gRPC service of a collector, which keeps what it receives.
#[derive(Clone)]
pub(super) struct Receiver {
    url: Arc<str>,
    seen: Arc<Mutex<Vec<ReceivedSpan>>>,
}

impl Receiver {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let receiver = Self {
            url: format!("http://{}", listener.local_addr()?).into(),
            seen: Arc::default(),
        };
        let service = TraceServiceServer::new(receiver.clone());
        let serving = tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener));
        std::thread::spawn(move || crate::fixture::runtime().block_on(serving));
        Ok(receiver)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the spans of one trace so far.
    fn of(&self, trace: &str) -> Vec<ReceivedSpan> {
        let seen = self.seen.lock().expect("no holder panics");
        let mine = seen
            .iter()
            .filter(|seen| hex::encode(&seen.span.trace_id) == trace);
        mine.cloned().collect()
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut seen = self.seen.lock().expect("no holder panics");
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.unwrap_or_default().attributes;
            let name = attributes.into_iter().find(|one| one.key == "service.name");
            let process = match name.and_then(|one| one.value?.value) {
                Some(Value::StringValue(name)) => name,
                _ => String::new(),
            };
            let spans = resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans);
            seen.extend(spans.map(|span| ReceivedSpan {
                process: process.clone(),
                span,
            }));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// Waits until spans of all these processes are there, and checks that they are one tree.
async fn one_tree(fixture: &ClusterFixture, trace: &str, processes: &[&str]) -> Vec<ReceivedSpan> {
    let complete = async {
        loop {
            let spans = fixture.spans.of(trace);
            let from = |process: &&str| spans.iter().any(|seen| seen.process == **process);
            if processes.iter().all(from) {
                return spans;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let spans = tokio::time::timeout(PATIENCE, complete)
        .await
        .unwrap_or_else(|_| panic!("spans of {processes:?} in {:#?}", fixture.spans.of(trace)));
    let by_id: BTreeMap<&[u8], &ReceivedSpan> = spans
        .iter()
        .map(|seen| (seen.span.span_id.as_slice(), seen))
        .collect();
    for seen in &spans {
        let parent = seen.span.parent_span_id.as_slice();
        assert!(
            by_id.contains_key(parent) || hex::encode(parent) == "00f067aa0ba902b7",
            "{} of {} hangs in the air",
            seen.span.name,
            seen.process
        );
    }
    spans
}

#[test]
fn a_recommendation_is_one_trace_through_every_service() {
    with(async |fixture| {
        fixture.until_undegraded().await;
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let body = format!(
            "{{\"customerId\":\"{}\",\"slateSize\":3}}",
            fixture.customer()
        );
        let (status, answer) = post(fixture, "/v1/recommend", body, Some(trace)).await;
        assert_eq!(status, 200, "{answer}");
        let services = ["gateway", "profile", "recall", "ranking", "pricing"];
        let processes = services.map(|service| format!("fairlead-{service}"));
        let processes: Vec<&str> = processes.iter().map(String::as_str).collect();
        let spans = one_tree(fixture, trace, &processes).await;
        assert!(
            spans.iter().any(|seen| seen.span.name == "rest"),
            "{spans:#?}"
        );
    });
}

#[test]
fn an_event_is_one_trace_from_the_phone_to_the_feature_store() {
    with(async |fixture| {
        fixture.until_undegraded().await;
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let body = format!(
            "{{\"event\":{{\"customerId\":\"{}\",\"kind\":\"EVENT_KIND_APP_OPENED\"}}}}",
            fixture.customer()
        );
        let (status, answer) = post(fixture, "/v1/events", body, Some(trace)).await;
        assert_eq!(status, 200, "{answer}");
        let spans = one_tree(fixture, trace, &["fairlead-gateway", "fairlead-stream"]).await;
        for name in ["rest", "produce", "apply_event"] {
            assert!(
                spans.iter().any(|seen| seen.span.name == name),
                "{name} in {spans:#?}"
            );
        }
    });
}
