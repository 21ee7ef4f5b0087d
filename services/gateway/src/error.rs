//! The errors of the gateway, and each as its caller sees it.

use std::num::NonZeroU32;

use fairlead_chassis::status::{CallError, ServiceError, status_of};
use fairlead_domain::{Origin, Origins};
use tonic::{Code, Status};

use crate::config::ConfigError;

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
    /// The call did not come through the access layer: nobody knows who calls.
    #[error("a call without a caller reached a handler")]
    NoCaller,
    /// The call has no key, or one that is not known.
    #[error("the call has no known key")]
    UnknownKey,
    /// The key was used more often than it may be.
    #[error("more than {0} requests per second with one key")]
    TooManyRequests(NonZeroU32),
    /// The key of the call speaks for another tenant.
    #[error("tenant `{0}` is not the one that this key speaks for")]
    OtherTenant(String),
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
    /// No decision of this request id is in the log.
    #[error("request id `{0}` is not in the decision log")]
    UnknownRequest(String),
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
            Self::UnknownRequest(id) => {
                let allowed = "a request answered within the log's retention";
                CallError::field(Code::NotFound, "UNKNOWN_REQUEST", "request_id", id, allowed)
            }
            Self::OtherTenant(tenant) => {
                let allowed = "the tenant that the key speaks for, or empty";
                CallError::field(
                    Code::PermissionDenied,
                    "OTHER_TENANT",
                    "tenant",
                    tenant,
                    allowed,
                )
            }
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
            Self::NoCaller => CallError::internal("the call did not come through the access layer"),
            Self::UnknownKey => CallError::plain(
                Code::Unauthenticated,
                "authorization: Bearer KEY with a known key is needed",
            ),
            Self::TooManyRequests(rate) => {
                let message = format!(
                    "more than {rate} requests per second with this key; try again in a second"
                );
                CallError::plain(Code::ResourceExhausted, message)
            }
            Self::Config(_) | Self::Chassis(_) => {
                CallError::internal("the gateway is misconfigured")
            }
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        status_of(&error)
    }
}

#[cfg(test)]
mod tests;
