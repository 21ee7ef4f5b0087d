//! The errors of the profile service, and each as its caller sees it.

use fairlead_chassis::status::{CallError, ServiceError, status_of};
use tonic::Status;

/// A failure of the profile service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request holds a value that is not allowed.
    #[error("{field} `{value}` is not allowed: {allowed}")]
    Argument {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// The allowed values.
        allowed: String,
    },
    /// The tenant is not the one whose release is live here.
    #[error("tenant `{asked}` is not served here: {served} is")]
    Tenant {
        /// The tenant asked for.
        asked: String,
        /// The tenant served.
        served: String,
    },
    /// A segment of the release cannot be used.
    #[error("segmentation `{segmentation}`, segment `{segment}`: {reason}")]
    Segment {
        /// The segmentation.
        segmentation: String,
        /// The segment.
        segment: String,
        /// The fault of its expression, and the allowed forms.
        reason: String,
    },
    /// The call's deadline had passed.
    #[error("the deadline had passed")]
    DeadlineExceeded,
    /// The feature store did not answer, or not in time.
    #[error("feature store: {0}")]
    Store(#[from] fairlead_online::Error),
    /// The feature store did not answer in the time that the call had.
    #[error("the feature store did not answer within {limit_ms} ms")]
    StoreLate {
        /// The time it had.
        limit_ms: u128,
    },
    /// Feature values that do not follow the registry.
    #[error("features: {0}")]
    Features(#[from] fairlead_registry::Error),
    /// A value of the configuration is not allowed.
    #[error("configuration: `{key}` = `{value}` is not allowed: {allowed}")]
    Config {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// The allowed values.
        allowed: &'static str,
    },
}

impl ServiceError for Error {
    fn call_error(&self) -> CallError {
        let internal =
            |thing: &str| CallError::internal(format!("{thing}; the service's log says more"));
        match self {
            Self::Argument {
                field,
                value,
                allowed,
            } => CallError::argument(field, value, allowed),
            Self::Tenant { asked, served } => CallError::unknown_tenant(asked, served),
            Self::DeadlineExceeded => CallError::deadline_exceeded(),
            // The cause names hosts and ports: it stays in the log.
            Self::Store(cause) if cause.is_transient() => {
                CallError::unavailable("feature store", "it cannot be read now").logged_as_warning()
            }
            Self::Store(_) => internal("the stored state cannot be read"),
            Self::StoreLate { limit_ms } => CallError::late("feature store", *limit_ms),
            Self::Features(_) => internal("feature values do not follow the registry"),
            Self::Segment { .. } | Self::Config { .. } => internal("the service is not set up"),
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
