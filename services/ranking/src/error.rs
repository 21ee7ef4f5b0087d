//! Everything that can go wrong here, and what a caller is told of it.

use std::path::PathBuf;

use fairlead_chassis::status;
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
        /// What is allowed.
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
        /// Why.
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
        /// What was found, and what is allowed.
        reason: String,
    },
    /// A model folder could not be hashed.
    #[error(transparent)]
    ModelFolder(#[from] fairlead_release::Error),
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
        /// What is allowed.
        allowed: &'static str,
    },
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let precondition = |reason: &str, field: &str, value: &str, allowed: &str| {
            status::refuse(Code::FailedPrecondition, reason, field, value, allowed)
        };
        match &error {
            Error::Argument {
                field,
                value,
                allowed,
            } => status::invalid_argument(field, value, allowed),
            Error::Tenant { asked, served } => {
                let allowed = format!("{served}, the tenant served here");
                status::refuse(Code::NotFound, "UNKNOWN_TENANT", "tenant", asked, &allowed)
            }
            Error::NoRelease => status::unavailable("release", "none has been received yet"),
            // The gateway goes on in recall order.
            Error::NoRanker { .. } => Self::failed_precondition(error.to_string()),
            Error::Loading { .. } => status::unavailable("ranker", &error.to_string()),
            Error::Refused {
                version, revision, ..
            } => {
                let allowed = format!("release {revision} names it, but it was refused");
                precondition("RANKER_REFUSED", "model_version", version, &allowed)
            }
            Error::UnknownVersion { asked, known, .. } => {
                precondition("UNKNOWN_MODEL_VERSION", "model_version", asked, known)
            }
            Error::DeadlineExceeded | Error::Inference(Inference::DeadlineExceeded) => {
                Self::deadline_exceeded("the deadline had passed")
            }
            Error::Features(fairlead_registry::Error::ForeignRegistry { found, expected }) => {
                let (found, allowed) = (format!("{found:016x}"), format!("{expected:016x}"));
                precondition(
                    "FOREIGN_REGISTRY",
                    "features.registry_hash",
                    &found,
                    &allowed,
                )
            }
            Error::Features(cause) => {
                let allowed = "a set for the purpose recommend, as profile gives it";
                status::invalid_argument("features", &cause.to_string(), allowed)
            }
            Error::Inference(Inference::Overloaded { .. }) => {
                Self::resource_exhausted("the queue of requests is full")
            }
            Error::Inference(_) | Error::Score { .. } => {
                tracing::error!(%error, "ranking failed");
                Self::internal("the model gave no usable scores; the service's log says more")
            }
            Error::Artefact { .. }
            | Error::ModelFolder(_)
            | Error::Store(_)
            | Error::Config { .. } => {
                tracing::error!(%error, "ranking cannot be answered");
                Self::internal("ranking is not set up; the service's log says more")
            }
        }
    }
}
