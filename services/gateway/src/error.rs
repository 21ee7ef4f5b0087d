//! The errors of the gateway, and each as its caller sees it.

use std::time::Duration;

use fairlead_authentication::Denied;
use fairlead_authentication::jwt::OptionsError;
use fairlead_chassis::status::{CallError, ServiceError, status_of};
use fairlead_domain::{Origin, Origins};
use tonic::{Code, Status};

use crate::config::ConfigError;

/// The reason of an answer that is there a moment later. REST answers it with 202.
pub(crate) const NOT_YET: &str = "NOT_YET";
/// The time in which a record is usually indexed.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// An error of the gateway.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A configuration value is not allowed.
    #[error("configuration: {0}")]
    Config(#[from] ConfigError),
    /// The chassis could not serve.
    #[error(transparent)]
    Chassis(#[from] fairlead_chassis::Error),
    /// The event log failed.
    #[error("event log: {0}")]
    Log(#[from] fairlead_event_log::Error),
    /// The event log did not answer by the deadline.
    #[error("event log: no answer by the deadline")]
    LogLate,
    /// A value of the request was refused.
    #[error(transparent)]
    Value(#[from] fairlead_domain::Error),
    /// A field of the request is not allowed.
    #[error("{field} `{value}` is not allowed: {allowed}")]
    Field {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// The allowed values.
        allowed: String,
    },
    /// A setting of customers' tokens is not allowed.
    #[error("configuration: gateway.customer_tokens.{0}")]
    CustomerTokens(#[from] OptionsError),
    /// The caller is unknown, or may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The event states a fact that its origin may not state.
    #[error("{field} `{value}` may not be stated by {origin}: by {allowed}")]
    Unauthorised {
        /// The field of the event.
        field: String,
        /// Its value.
        value: String,
        /// The origin of the call.
        origin: Origin,
        /// The origins that may state it.
        allowed: Origins,
    },
    /// There is no release yet.
    #[error("no release is in force for this tenant: publish one first")]
    NoRelease,
    /// The index is complete and has no decision of this request id, or the log has dropped its record.
    #[error("no decision record of request id `{0}` is kept")]
    UnknownRequest(String),
    /// The decision record of this request id may still be on its way into the index.
    #[error("a decision record of request id `{0}` is not indexed yet")]
    NotYet(String),
    /// The record at the position of this request id cannot be read.
    #[error("the decision record of request id `{0}` cannot be decoded")]
    UnreadableRecord(String),
    /// The index of decision records did not answer.
    #[error("index of decision records: {0}")]
    Index(#[source] Status),
}

impl ServiceError for Error {
    fn call_error(&self) -> CallError {
        match self {
            Self::Value(refused) => {
                CallError::argument(refused.thing, &refused.value, refused.allowed)
            }
            Self::Field {
                field,
                value,
                allowed,
            } => CallError::argument(field, value, allowed),
            Self::UnknownRequest(id) => unknown_request(id),
            Self::NotYet(id) => not_yet(id),
            Self::UnreadableRecord(_) => CallError::internal(
                "the decision record cannot be read; the gateway's log says more",
            ),
            Self::Index(_) => {
                CallError::unavailable("index of decision records", "it did not answer; try again")
                    .logged_as_warning()
            }
            Self::Denied(denied) => denied.call_error(),
            Self::Unauthorised {
                field,
                value,
                origin,
                allowed,
            } => {
                let field = format!("event.{field}");
                let allowed = format!("a call of {allowed}; this one is of {origin}");
                let code = Code::PermissionDenied;
                CallError::field(code, "UNAUTHORISED_FACT", &field, value, &allowed)
            }
            Self::NoRelease => CallError::unavailable("release", "none is in force yet"),
            Self::Log(_) => {
                let cause = "the record was not acknowledged; try again";
                CallError::unavailable("event log", cause).logged_as_error()
            }
            Self::LogLate => {
                CallError::unavailable("event log", "it did not answer in time; try again")
            }
            Self::Config(_) | Self::CustomerTokens(_) | Self::Chassis(_) => {
                CallError::internal("the gateway is misconfigured")
            }
        }
    }
}

fn unknown_request(id: &str) -> CallError {
    let message = format!(
        "no decision record of request_id `{id}` is kept for this tenant: none was made, or it is \
         older than the log's retention"
    );
    CallError::with_reason(Code::NotFound, "UNKNOWN_REQUEST", message, of_request(id))
}

fn not_yet(id: &str) -> CallError {
    let message = format!(
        "a decision record of request_id `{id}` may exist and is not indexed yet; try again"
    );
    CallError::with_reason(Code::Unavailable, NOT_YET, message, of_request(id))
        .with_retry_after(RETRY_AFTER)
}

fn of_request(id: &str) -> [(&'static str, String); 2] {
    [("field", "request_id".to_owned()), ("value", id.to_owned())]
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        status_of(&error)
    }
}

#[cfg(test)]
mod tests;
