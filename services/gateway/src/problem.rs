//! Refusals over REST: the HTTP status of the gRPC code, and the same details as JSON.

use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fairlead_authentication::is_grpc;
use fairlead_chassis::status::{info, retry_after};
use serde_json::json;
use tonic::{Code, Status};

use crate::error::NOT_YET;

/// A refusal: `{"error": {"code", "status", "message", "reason", "details"}}`.
#[derive(Debug)]
pub(crate) struct Problem {
    http: StatusCode,
    status: Status,
}

impl Problem {
    /// A refusal of HTTP itself.
    pub(crate) fn plain(http: StatusCode, message: impl Into<String>) -> Self {
        Self {
            http,
            status: Status::unknown(message.into()),
        }
    }
}

/// Returns a refusal in the protocol of the request with these headers: gRPC, or else REST.
pub(crate) fn refuse(headers: &HeaderMap, status: Status) -> Response {
    if is_grpc(headers) {
        return (StatusCode::OK, status.into_http::<axum::body::Body>()).into_response();
    }
    Problem::from(status).into_response()
}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        let not_yet = info(&status).is_some_and(|(reason, _)| reason == NOT_YET);
        let http = if not_yet {
            StatusCode::ACCEPTED
        } else {
            http_of(status.code())
        };
        Self { http, status }
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        Self::plain(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::plain(rejection.status(), rejection.body_text())
    }
}

/// Returns the HTTP status that `google.rpc.Code` maps to.
fn http_of(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition => {
            StatusCode::BAD_REQUEST
        }
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Cancelled => StatusCode::REQUEST_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (reason, details) = info(&self.status).unwrap_or_default();
        let body = json!({"error": {
            "code": format!("{:?}", self.status.code()),
            "status": self.http.as_u16(),
            "message": self.status.message(),
            "reason": reason,
            "details": details,
        }});
        let head = [(header::CONTENT_TYPE, "application/json")];
        let mut response = (self.http, head, body.to_string()).into_response();
        if let Some(delay) = retry_after(&self.status) {
            // HTTP counts full seconds.
            let seconds = delay.as_millis().div_ceil(1_000) as u64;
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
