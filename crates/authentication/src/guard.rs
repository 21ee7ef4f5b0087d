//! The guard: no request reaches a handler before its caller is known and may call it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use fairlead_domain::TenantId;
use fairlead_identity::{Permissions, Principal, Refused, Requirement};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use tonic::{Code, Status};

use crate::{Denied, Identify};

/// The methods that are not ours and need no caller: health.
const OPEN: [&str; 2] = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
];
/// The methods that are not ours and need a caller who may do something: they list what there is.
const DESCRIBING: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Lets through the requests whose caller is known and may call the path. The handler finds the
/// [`Principal`] by [`caller`].
#[derive(Clone)]
pub struct Guard {
    identify: Arc<dyn Identify>,
    requirement: fn(&Parts) -> Option<Requirement>,
    refuse: fn(&HeaderMap, Status) -> Response,
}

/// Puts a guard around every route of a gRPC server.
pub fn guard(router: Router, identify: Arc<dyn Identify>) -> Router {
    Guard::new(identify).around(router)
}

/// Returns the caller of a request.
///
/// # Errors
/// [`Denied::PastTheGuard`] if the request did not come through a guard.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<Principal, Denied> {
    let found = request.extensions().get::<Principal>();
    found.cloned().ok_or(Denied::PastTheGuard)
}

/// Returns the caller of a request as one who speaks for this tenant alone, and may do there what the
/// method requires.
///
/// # Errors
/// The request did not come through a guard, the caller does not speak for the tenant, or has the
/// permission in another tenant only.
pub fn caller_within<T>(
    request: &tonic::Request<T>,
    tenant: &TenantId,
) -> Result<Principal, Denied> {
    let requirement = request.extensions().get::<Requirement>();
    let requirement = *requirement.ok_or(Denied::PastTheGuard)?;
    let within = caller(request)?.within(tenant)?;
    requirement.check(within.permissions())?;
    Ok(within)
}

/// Returns true if the request with these headers is a gRPC call.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    let content = headers.get(header::CONTENT_TYPE);
    let content = content.and_then(|value| value.to_str().ok());
    content.is_some_and(|content| content.starts_with("application/grpc"))
}

impl Guard {
    /// Returns a guard of gRPC methods.
    pub fn new(identify: Arc<dyn Identify>) -> Self {
        Self {
            identify,
            requirement: |request| Requirement::of(request.uri.path()),
            refuse: refuse_plainly,
        }
    }

    /// Returns the guard for a server that has other paths than those of gRPC: `requirement` returns
    /// what the path of a request requires, or `None` if there is no such path.
    #[must_use]
    pub fn with_requirements(self, requirement: fn(&Parts) -> Option<Requirement>) -> Self {
        Self {
            requirement,
            ..self
        }
    }

    /// Returns the guard with refusals in the words of the server's own protocol.
    #[must_use]
    pub fn with_refusals(self, refuse: fn(&HeaderMap, Status) -> Response) -> Self {
        Self { refuse, ..self }
    }

    /// Puts the guard around every route.
    pub fn around(self, router: Router) -> Router {
        router.layer(from_fn_with_state(self, pass))
    }

    /// Checks a request, and puts its caller into its extensions.
    async fn admit(&self, request: &mut Parts) -> Result<(), Denied> {
        request.extensions.remove::<Principal>();
        if OPEN.contains(&request.uri.path()) {
            return Ok(());
        }
        let requirement = if DESCRIBING.contains(&request.uri.path()) {
            Some(Requirement::AnyOf(Permissions::all()))
        } else {
            (self.requirement)(request)
        };
        if requirement == Some(Requirement::Anyone) {
            return Ok(());
        }
        // Who is not known learns nothing of which methods there are.
        let caller = self.identify.identify(request).await?;
        let requirement = requirement.ok_or(Refused::UnknownMethod)?;
        requirement.check(caller.permissions())?;
        request.extensions.insert(caller);
        request.extensions.insert(requirement);
        Ok(())
    }
}

/// Refuses the request, or passes it on with its caller.
async fn pass(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match guard.admit(&mut parts).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(denied) => {
            metrics::counter!("fairlead_calls_denied_total", "cause" => denied.cause())
                .increment(1);
            (guard.refuse)(&parts.headers, denied.into())
        }
    }
}

/// Returns a refusal: a status of gRPC, or the HTTP status with the message as text.
fn refuse_plainly(headers: &HeaderMap, status: Status) -> Response {
    if is_grpc(headers) {
        return (StatusCode::OK, status.into_http::<axum::body::Body>()).into_response();
    }
    let http = match status.code() {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unimplemented => StatusCode::NOT_FOUND,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (http, status.message().to_owned()).into_response()
}
