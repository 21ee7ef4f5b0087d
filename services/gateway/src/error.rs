//! What the gateway can refuse, and its one mapping to the wire.

use fairlead_chassis::status;
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
        /// What is allowed.
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

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Value(value) => {
                status::invalid_argument(value.thing, &value.value, value.allowed)
            }
            Error::Field {
                field,
                value,
                allowed,
            } => status::invalid_argument(field, &value, &allowed),
            Error::UnknownRequest(id) => status::refuse(
                Code::NotFound,
                "UNKNOWN_REQUEST",
                "request_id",
                &id,
                "a request answered within the log's retention",
            ),
            Error::OtherTenant(tenant) => status::refuse(
                Code::PermissionDenied,
                "OTHER_TENANT",
                "tenant",
                &tenant,
                "the tenant that the key speaks for, or empty",
            ),
            Error::NoRelease => status::unavailable("release", "none is in force yet"),
            Error::Log(error) => {
                tracing::error!(%error, "event log refused");
                status::unavailable("event log", "the record was not acknowledged; try again")
            }
            Error::Config(_) | Error::Chassis(_) => {
                Status::internal("the gateway is misconfigured")
            }
        }
    }
}
