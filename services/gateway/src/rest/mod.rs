//! REST and JSON for the same calls: the canonical JSON mapping of the same messages, handled by the
//! same services. One table lists every path; OpenAPI is made from it.

mod openapi;
pub(crate) mod paths;

use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{self, MatchedPath, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use fairlead_authentication::is_grpc;
use fairlead_chassis::telemetry::continue_request;
use fairlead_proto::gateway::v1 as gateway;
use fairlead_proto::gateway::v1::customer_profile_service_server::CustomerProfileService;
use fairlead_proto::gateway::v1::event_service_server::EventService;
use fairlead_proto::gateway::v1::quote_service_server::QuoteService;
use fairlead_proto::gateway::v1::recommend_service_server::RecommendService;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};
use tracing::Instrument as _;

use crate::access;
use crate::problem::{Problem, refuse};
use crate::{Error, Service};

/// The largest body taken.
const MAX_BODY: usize = 8 << 20;

impl Service {
    /// Adds REST and its documentation to the gRPC routes, and puts the access layer around them.
    pub fn router(&self, grpc: Router) -> Router {
        let rest = Router::new()
            .route(paths::RECOMMEND, axum::routing::post(recommend))
            .route(paths::EXPLAIN, axum::routing::get(explain))
            .route(paths::QUOTE, axum::routing::post(quote))
            .route(paths::VERIFY, axum::routing::post(verify))
            .route(paths::ACCEPT, axum::routing::post(accept))
            .route(paths::TRACK, axum::routing::post(track))
            .route(paths::TRACK_MANY, axum::routing::post(track_many))
            .route(paths::PROFILE, axum::routing::get(profile))
            .method_not_allowed_fallback(method_not_allowed)
            .route_layer(axum::middleware::from_fn(observed))
            .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY))
            .with_state(self.clone());
        let all = rest.merge(openapi::routes()).merge(grpc);
        access::guard(all, self.inner.access.clone()).fallback(unknown_path)
    }
}

type Answer = Result<Response, Problem>;
/// The body of a request, or why it was not taken.
type Content = Result<Bytes, BytesRejection>;
/// The variable part of a path, or why it cannot be read.
type Segment = Result<Path<String>, PathRejection>;

/// Continues the caller's trace, and measures. The label is the route: the path would hold ids.
async fn observed(route: MatchedPath, request: extract::Request, next: Next) -> Response {
    let route = route.as_str().to_owned();
    let span = tracing::info_span!("rest", otel.kind = "server", route = %route);
    continue_request(&span, request.headers());
    let started = Instant::now();
    let answer = next.run(request).instrument(span).await;
    let status = answer.status().as_u16().to_string();
    metrics::histogram!("fairlead_rest_seconds", "route" => route.clone())
        .record(started.elapsed().as_secs_f64());
    metrics::counter!("fairlead_rest_total", "route" => route, "status" => status).increment(1);
    answer
}

async fn recommend(State(service): State<Service>, head: Parts, body: Content) -> Answer {
    let request = call(head, read::<gateway::RecommendRequest>(body)?);
    answer(RecommendService::recommend(&service, request).await)
}

async fn explain(State(service): State<Service>, head: Parts, request_id: Segment) -> Answer {
    let tenant = tenant(&head.headers);
    let Path(request_id) = request_id?;
    let request = call(head, gateway::ExplainRequest { tenant, request_id });
    answer(RecommendService::explain(&service, request).await)
}

async fn quote(State(service): State<Service>, head: Parts, body: Content) -> Answer {
    let request = call(head, read::<gateway::QuoteRequest>(body)?);
    answer(QuoteService::quote(&service, request).await)
}

async fn verify(State(service): State<Service>, head: Parts, body: Content) -> Answer {
    let request = call(head, read::<gateway::VerifyRequest>(body)?);
    answer(QuoteService::verify(&service, request).await)
}

async fn accept(
    State(service): State<Service>,
    head: Parts,
    quote_id: Segment,
    body: Content,
) -> Answer {
    let Path(quote_id) = quote_id?;
    let request = read::<gateway::AcceptRequest>(body)?;
    let request = call(
        head,
        gateway::AcceptRequest {
            quote_id,
            ..request
        },
    );
    answer(QuoteService::accept(&service, request).await)
}

async fn track(State(service): State<Service>, head: Parts, body: Content) -> Answer {
    let request = call(head, read::<gateway::TrackRequest>(body)?);
    answer(EventService::track(&service, request).await)
}

async fn track_many(State(service): State<Service>, head: Parts, body: Content) -> Answer {
    let request = call(head, read::<gateway::TrackManyRequest>(body)?);
    answer(EventService::track_many(&service, request).await)
}

async fn profile(State(service): State<Service>, head: Parts, customer_id: Segment) -> Answer {
    let tenant = tenant(&head.headers);
    let Path(customer_id) = customer_id?;
    let request = call(
        head,
        gateway::GetCustomerProfileRequest {
            tenant,
            customer_id,
        },
    );
    answer(CustomerProfileService::get_customer_profile(&service, request).await)
}

async fn unknown_path(uri: Uri, headers: HeaderMap) -> Response {
    if is_grpc(&headers) {
        return refuse(&headers, Status::unimplemented(""));
    }
    let path: String = uri.path().chars().take(80).collect();
    let message = format!("there is no {path}; /docs lists every path");
    Problem::plain(StatusCode::NOT_FOUND, message).into_response()
}

async fn method_not_allowed(method: Method) -> Problem {
    Problem::plain(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{method} is not allowed here; /docs lists every path with its method"),
    )
}

/// Reads a message from its JSON.
fn read<T: DeserializeOwned>(body: Content) -> Result<T, Problem> {
    let body = body?;
    serde_json::from_slice(&body).map_err(|error| {
        let shown: String = String::from_utf8_lossy(&body).chars().take(80).collect();
        Status::from(Error::Field {
            field: "body",
            value: shown,
            allowed: format!("JSON as /docs describes it; {error}"),
        })
        .into()
    })
}

/// Returns the call as the gRPC services take it: with the caller's deadline, and with the extensions,
/// among which the access layer put the caller.
fn call<T>(head: Parts, message: T) -> Request<T> {
    let mut metadata = MetadataMap::new();
    if let Some(timeout) = head
        .headers
        .get("grpc-timeout")
        .and_then(|value| value.to_str().ok())
        && let Ok(value) = timeout.parse()
    {
        metadata.insert("grpc-timeout", value);
    }
    Request::from_parts(metadata, head.extensions, message)
}

/// Returns the tenant that a call without a body names.
fn tenant(headers: &HeaderMap) -> String {
    let value = headers
        .get("x-fairlead-tenant")
        .and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn answer<T: Serialize>(outcome: Result<tonic::Response<T>, Status>) -> Answer {
    let message = outcome?.into_inner();
    let json = serde_json::to_vec(&message).map_err(|_| {
        Problem::plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the answer has no JSON form",
        )
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}
