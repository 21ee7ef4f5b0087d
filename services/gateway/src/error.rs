//! The errors of the gateway, and each as its caller sees it.

use fairlead_chassis::status::{CallError, ServiceError, status_of};
use tonic::{Code, Status};

/// An error of the gateway.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A configuration value is not allowed.
    #[error("configuration: {0}")]
    Config(String),
    /// The chassis could not serve.
    #[error(transparent)]
    Chassis(#[from] fairlead_chassis::Error),
    /// The event log failed.
    #[error("event log: {0}")]
    Log(#[from] fairlead_event_log::Error),
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
    /// The key of the call speaks for another tenant.
    #[error("tenant `{0}` is not the one that this key speaks for")]
    OtherTenant(String),
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
            Self::NoRelease => CallError::unavailable("release", "none is in force yet"),
            Self::Log(_) => {
                let cause = "the record was not acknowledged; try again";
                CallError::unavailable("event log", cause).logged_as_error()
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
