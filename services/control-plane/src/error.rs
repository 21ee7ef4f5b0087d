//! Every way in which a call can fail, and the one place where it becomes a status.

use fairlead_chassis::status::{invalid_argument, refuse, unavailable};
use fairlead_proto::control::v1::Finding;
use tonic::{Code, Status};

use crate::refusal;

/// A failure of the control plane.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A configuration key holds a value that is not allowed.
    #[error("configuration: `{key}` is `{value}`; allowed: {allowed}")]
    Config {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The folder of the database cannot be made.
    #[error("the folder `{path}` of the control database cannot be made: {source}")]
    Folder {
        /// The folder.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The control database failed.
    #[error("the control database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The control database cannot be brought to this version.
    #[error("the control database cannot be migrated: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Something in the control database is not what was written.
    #[error("the control database holds {what} that cannot be read: {cause}")]
    Corrupt {
        /// What: "release 3 of acme".
        what: String,
        /// Why.
        cause: String,
    },
    /// A task of the service died.
    #[error("a check died: {0}")]
    Died(#[from] tokio::task::JoinError),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] fairlead_chassis::Error),
    /// An argument is not allowed.
    #[error("{field} is `{value}`; allowed: {allowed}")]
    Argument {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// What was sent does not pass its checks.
    #[error("{what} is refused with {} findings", findings.len())]
    Refused {
        /// What: "the draft", "the products".
        what: &'static str,
        /// Whether it was sent with the call (else it is what the drafts came to).
        sent: bool,
        /// Every finding.
        findings: Vec<Finding>,
    },
    /// There is no such thing.
    #[error("{what} `{value}` is not there; allowed: {allowed}")]
    NotFound {
        /// What was asked for: "revision".
        what: &'static str,
        /// The value.
        value: String,
        /// What there is.
        allowed: String,
    },
    /// The thing is there already and never changes.
    #[error("{what} `{value}` is there with other content; allowed: {allowed}")]
    Exists {
        /// What: "model version".
        what: &'static str,
        /// Which.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Another write came first.
    #[error("{what} is {found} by now, not {expected}; read it again and decide again")]
    Conflict {
        /// What changed: "the revision in force".
        what: &'static str,
        /// What the caller decided on.
        expected: i64,
        /// What it is.
        found: i64,
    },
}

impl Error {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers and texts alike, without a borrow at each of the calls"
    )]
    pub(crate) fn argument(
        field: &'static str,
        value: impl ToString,
        allowed: impl Into<String>,
    ) -> Self {
        Self::Argument {
            field,
            value: value.to_string(),
            allowed: allowed.into(),
        }
    }

    pub(crate) fn corrupt(what: impl Into<String>, cause: &prost::DecodeError) -> Self {
        Self::Corrupt {
            what: what.into(),
            cause: cause.to_string(),
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match &error {
            Error::Database(_) | Error::Migration(_) => {
                tracing::error!(%error, "control database failed");
                unavailable(
                    "control database",
                    "try again; the log of the control plane says why",
                )
            }
            Error::Corrupt { .. } => {
                tracing::error!(%error, "control database is damaged");
                Self::data_loss("the control database is damaged; the log says where")
            }
            Error::Died(_) | Error::Serve(_) | Error::Folder { .. } | Error::Config { .. } => {
                tracing::error!(%error, "call failed");
                Self::internal("the call failed; the log of the control plane says why")
            }
            Error::Argument {
                field,
                value,
                allowed,
            } => invalid_argument(field, value, allowed),
            Error::Refused {
                what,
                sent,
                findings,
            } => refusal::status(what, *sent, findings),
            Error::NotFound {
                what,
                value,
                allowed,
            } => refuse(Code::NotFound, "NOT_FOUND", what, value, allowed),
            Error::Exists {
                what,
                value,
                allowed,
            } => refuse(Code::AlreadyExists, "ALREADY_EXISTS", what, value, allowed),
            Error::Conflict {
                what,
                expected,
                found,
            } => {
                let allowed = format!("{found}, what it is by now");
                refuse(
                    Code::Aborted,
                    "CONFLICT",
                    what,
                    &expected.to_string(),
                    &allowed,
                )
            }
        }
    }
}
