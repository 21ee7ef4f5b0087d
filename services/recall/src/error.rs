//! The errors of the recall service, and each as its caller sees it.

use std::path::PathBuf;

use fairlead_chassis::status::{CallError, ServiceError, status_of};
use tonic::{Code, Status};

/// A failure of the recall service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request holds a value that is not allowed.
    #[error("{field} `{value}` is not allowed: {allowed}")]
    Argument {
        /// The field.
        field: &'static str,
        /// Its value; empty when it is missing.
        value: String,
        /// The allowed values.
        allowed: String,
    },
    /// A parameter that is not declared, or a value that it does not take.
    #[error("{0}")]
    Parameter(fairlead_release::Finding),
    /// The tenant is not the one whose release is live here.
    #[error("tenant `{asked}` is not served here: {served} is")]
    Tenant {
        /// The tenant asked for.
        asked: String,
        /// The tenant served.
        served: String,
    },
    /// No release has come yet.
    #[error("no release has been received yet")]
    NoRelease,
    /// The call's deadline had passed.
    #[error("the deadline had passed")]
    DeadlineExceeded,
    /// Features that this process cannot read.
    #[error("features: {0}")]
    Features(#[from] fairlead_registry::Error),
    /// A file of a model folder could not be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The answer of the system.
        source: std::io::Error,
    },
    /// A model folder does not hold what it must.
    #[error("{}: {reason}", path.display())]
    Artefact {
        /// The folder or file.
        path: PathBuf,
        /// The finding, and the allowed content.
        reason: String,
    },
    /// The user tower could not be loaded or run.
    #[error(transparent)]
    Inference(#[from] fairlead_inference::Error),
    /// The index could not be loaded or searched.
    #[error(transparent)]
    Index(#[from] fairlead_vector_index::Error),
    /// The feature store could not be reached at start.
    #[error("feature store: {0}")]
    Store(#[from] fairlead_online::Error),
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
        match self {
            Self::Argument {
                field,
                value,
                allowed,
            } => CallError::argument(field, value, allowed),
            Self::Parameter(finding) => {
                CallError::argument(&finding.thing, &finding.value, &finding.allowed)
            }
            Self::Tenant { asked, served } => CallError::unknown_tenant(asked, served),
            Self::NoRelease => CallError::unavailable("release", "none has been received yet"),
            Self::DeadlineExceeded => CallError::deadline_exceeded(),
            Self::Features(fairlead_registry::Error::ForeignRegistry { found, expected }) => {
                let (found, allowed) = (format!("{found:016x}"), format!("{expected:016x}"));
                CallError::field(
                    Code::FailedPrecondition,
                    "FOREIGN_REGISTRY",
                    "features.registry_hash",
                    &found,
                    &allowed,
                )
            }
            Self::Features(cause) => {
                let allowed = "a set as profile gives it";
                CallError::argument("features", &cause.to_string(), allowed)
            }
            Self::File { .. }
            | Self::Artefact { .. }
            | Self::Inference(_)
            | Self::Index(_)
            | Self::Store(_)
            | Self::Config { .. } => {
                CallError::internal("recall is not set up; the service's log says more")
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
