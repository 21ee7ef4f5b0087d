//! The errors of the ranking service, and each as its caller sees it.

use std::path::PathBuf;

use fairlead_chassis::status::{CallError, ServiceError, status_of};
use fairlead_inference::Error as Inference;
use tonic::{Code, Status};

/// A failure of the ranking service.
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
    /// The release names no ranker, or none as the default.
    #[error("no {which}ranker in release {revision}")]
    NoRanker {
        /// "default " where the release names rankers, but none as the default.
        which: &'static str,
        /// The release.
        revision: i64,
    },
    /// The ranker asked for is being loaded.
    #[error("ranker {version} of release {revision} is being loaded")]
    Loading {
        /// The version.
        version: String,
        /// The release.
        revision: i64,
    },
    /// The ranker asked for was refused when it was loaded.
    #[error("ranker {version} of release {revision} cannot be used: {reason}")]
    Refused {
        /// The version.
        version: String,
        /// The release.
        revision: i64,
        /// The cause.
        reason: String,
    },
    /// The release has no such version.
    #[error("model_version `{asked}` is not in release {revision}: {known}")]
    UnknownVersion {
        /// The version asked for.
        asked: String,
        /// The release.
        revision: i64,
        /// The versions that can be asked for.
        known: String,
    },
    /// The call's deadline had passed.
    #[error("the deadline had passed")]
    DeadlineExceeded,
    /// Features that this process cannot read.
    #[error("features: {0}")]
    Features(#[from] fairlead_registry::Error),
    /// A model folder does not hold what it must.
    #[error("{}: {reason}", path.display())]
    Artefact {
        /// The folder.
        path: PathBuf,
        /// The finding, and the allowed content.
        reason: String,
    },
    /// A model could not be loaded or run.
    #[error(transparent)]
    Inference(#[from] Inference),
    /// A score that is no probability.
    #[error("model {model}: {cause}")]
    Score {
        /// Name and version.
        model: String,
        /// The value and what is allowed.
        cause: fairlead_domain::Error,
    },
    /// The feature store could not be reached.
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
        let precondition = |reason: &'static str, field: &str, value: &str, allowed: &str| {
            CallError::field(Code::FailedPrecondition, reason, field, value, allowed)
        };
        match self {
            Self::Argument {
                field,
                value,
                allowed,
            } => CallError::argument(field, value, allowed),
            Self::Tenant { asked, served } => CallError::unknown_tenant(asked, served),
            Self::NoRelease => CallError::unavailable("release", "none has been received yet"),
            // The gateway goes on in recall order.
            Self::NoRanker { .. } => CallError::plain(Code::FailedPrecondition, self.to_string()),
            Self::Loading { .. } => CallError::unavailable("ranker", &self.to_string()),
            Self::Refused {
                version, revision, ..
            } => {
                let allowed = format!("release {revision} names it, but it was refused");
                precondition("RANKER_REFUSED", "model_version", version, &allowed)
            }
            Self::UnknownVersion { asked, known, .. } => {
                precondition("UNKNOWN_MODEL_VERSION", "model_version", asked, known)
            }
            Self::DeadlineExceeded | Self::Inference(Inference::DeadlineExceeded) => {
                CallError::deadline_exceeded()
            }
            Self::Features(fairlead_registry::Error::ForeignRegistry { found, expected }) => {
                let (found, allowed) = (format!("{found:016x}"), format!("{expected:016x}"));
                let field = "features.registry_hash";
                precondition("FOREIGN_REGISTRY", field, &found, &allowed)
            }
            Self::Features(cause) => {
                let allowed = "a set for the purpose recommend, as profile gives it";
                CallError::argument("features", &cause.to_string(), allowed)
            }
            Self::Inference(Inference::Overloaded { .. }) => {
                CallError::plain(Code::ResourceExhausted, "the queue of requests is full")
            }
            Self::Inference(_) | Self::Score { .. } => {
                CallError::internal("the model gave no usable scores; the service's log says more")
            }
            Self::Artefact { .. } | Self::Store(_) | Self::Config { .. } => {
                CallError::internal("ranking is not set up; the service's log says more")
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
