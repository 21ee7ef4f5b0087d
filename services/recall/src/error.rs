//! Everything that can go wrong here, and what a caller is told of it.

use std::path::PathBuf;

use fairlead_chassis::status;
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
        /// What is allowed.
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
        /// What the system said.
        source: std::io::Error,
    },
    /// A model folder does not hold what it must.
    #[error("{}: {reason}", path.display())]
    Artefact {
        /// The folder or file.
        path: PathBuf,
        /// What was found, and what is allowed.
        reason: String,
    },
    /// A model folder could not be hashed.
    #[error(transparent)]
    ModelFolder(#[from] fairlead_release::Error),
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
        /// What is allowed.
        allowed: &'static str,
    },
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match &error {
            Error::Argument {
                field,
                value,
                allowed,
            } => status::invalid_argument(field, value, allowed),
            Error::Parameter(finding) => {
                status::invalid_argument(&finding.thing, &finding.value, &finding.allowed)
            }
            Error::Tenant { asked, served } => {
                let allowed = format!("{served}, the tenant served here");
                status::refuse(Code::NotFound, "UNKNOWN_TENANT", "tenant", asked, &allowed)
            }
            Error::NoRelease => status::unavailable("release", "none has been received yet"),
            Error::DeadlineExceeded => Self::deadline_exceeded("the deadline had passed"),
            Error::Features(fairlead_registry::Error::ForeignRegistry { found, expected }) => {
                let (found, allowed) = (format!("{found:016x}"), format!("{expected:016x}"));
                let code = Code::FailedPrecondition;
                status::refuse(
                    code,
                    "FOREIGN_REGISTRY",
                    "features.registry_hash",
                    &found,
                    &allowed,
                )
            }
            Error::Features(cause) => status::invalid_argument(
                "features",
                &cause.to_string(),
                "a set as profile gives it",
            ),
            Error::File { .. }
            | Error::Artefact { .. }
            | Error::ModelFolder(_)
            | Error::Inference(_)
            | Error::Index(_)
            | Error::Store(_)
            | Error::Config { .. } => {
                tracing::error!(%error, "recall cannot be answered");
                Self::internal("recall is not set up; the service's log says more")
            }
        }
    }
}
