//! Refusals over REST: the HTTP status of the gRPC code, and the same details as JSON.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use fairlead_chassis::status::info;
use serde_json::json;
use tonic::{Code, Status};

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

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        Self {
            http: http_of(status.code()),
            status,
        }
    }
}

/// The mapping of google.rpc.Code.
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
        (self.http, head, body.to_string()).into_response()
    }
}
