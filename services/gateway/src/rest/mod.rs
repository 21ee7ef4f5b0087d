//! REST and JSON for the same calls: the canonical JSON mapping of the same messages, put through
//! the same services. One table lists every path; routes and OpenAPI are made from it.

mod error;
mod openapi;
mod paths;

use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{self, MatchedPath, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use fairlead_chassis::telemetry::continue_request;
use fairlead_proto::gateway::v1 as gateway;
use fairlead_proto::gateway::v1::customer_profile_service_server::CustomerProfileService;
use fairlead_proto::gateway::v1::event_service_server::EventService;
use fairlead_proto::gateway::v1::quote_service_server::QuoteService;
use fairlead_proto::gateway::v1::recommend_service_server::RecommendService;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::{Request, Status};
use tracing::Instrument as _;

use crate::{Error, Service};
pub(crate) use error::Problem;

/// The largest body taken.
const MAX_BODY: usize = 8 << 20;

impl Service {
    /// REST, documentation and access control around the gRPC routes.
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
        let guarded = crate::access::guard(rest.merge(grpc), &self.inner.config);
        guarded.merge(openapi::routes())
    }
}

type Answer = Result<Response, Problem>;

/// Continues the caller's trace, and measures. The label is the route, not the path: it holds no ids.
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

async fn recommend(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Answer {
    let request = call(&headers, read::<gateway::RecommendRequest>(&body)?);
    answer(RecommendService::recommend(&service, request).await)
}

async fn explain(
    State(service): State<Service>,
    headers: HeaderMap,
    Path(request_id): Path<String>,
) -> Answer {
    let tenant = tenant(&headers);
    let request = call(&headers, gateway::ExplainRequest { tenant, request_id });
    answer(RecommendService::explain(&service, request).await)
}

async fn quote(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Answer {
    let request = call(&headers, read::<gateway::QuoteRequest>(&body)?);
    answer(QuoteService::quote(&service, request).await)
}

async fn verify(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Answer {
    let request = call(&headers, read::<gateway::VerifyRequest>(&body)?);
    answer(QuoteService::verify(&service, request).await)
}

async fn accept(
    State(service): State<Service>,
    headers: HeaderMap,
    Path(quote_id): Path<String>,
    body: Bytes,
) -> Answer {
    let request = read::<gateway::AcceptRequest>(&body)?;
    let request = call(
        &headers,
        gateway::AcceptRequest {
            quote_id,
            ..request
        },
    );
    answer(QuoteService::accept(&service, request).await)
}

async fn track(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Answer {
    let request = call(&headers, read::<gateway::TrackRequest>(&body)?);
    answer(EventService::track(&service, request).await)
}

async fn track_many(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Answer {
    let request = call(&headers, read::<gateway::TrackManyRequest>(&body)?);
    answer(EventService::track_many(&service, request).await)
}

async fn profile(
    State(service): State<Service>,
    headers: HeaderMap,
    Path(customer_id): Path<String>,
) -> Answer {
    let tenant = tenant(&headers);
    let request = call(
        &headers,
        gateway::GetCustomerProfileRequest {
            tenant,
            customer_id,
        },
    );
    answer(CustomerProfileService::get_customer_profile(&service, request).await)
}

async fn method_not_allowed(method: Method) -> Problem {
    Problem::plain(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{method} is not allowed here; /docs lists every path with its method"),
    )
}

/// A message from its JSON.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let shown: String = String::from_utf8_lossy(body).chars().take(80).collect();
        Status::from(Error::Field {
            field: "body",
            value: shown,
            allowed: format!("JSON as /docs describes it; {error}"),
        })
        .into()
    })
}

/// The call as the gRPC services take it, with the caller's deadline.
fn call<T>(headers: &HeaderMap, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(timeout) = headers
        .get("grpc-timeout")
        .and_then(|value| value.to_str().ok())
        && let Ok(value) = timeout.parse()
    {
        request.metadata_mut().insert("grpc-timeout", value);
    }
    request
}

/// The tenant of a call without a body.
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
