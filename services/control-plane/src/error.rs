//! The errors of the control plane, and each as its caller sees it.

use fairlead_authentication::Denied;
use fairlead_chassis::status::{CallError, ServiceError, status_of};
use fairlead_identity::{Permission, Refused, permission_name};
use fairlead_proto::control::v1::Finding;
use fairlead_release::Section;
use sqlx::migrate::MigrateError;
use tonic::{Code, Status};

use crate::access_error::AccessError;
use crate::refusal;

/// The remedy where another write came first.
const READ_AGAIN: &str = "read it again and decide again";

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
        /// The allowed values.
        allowed: String,
    },
    /// The folder of the database cannot be made.
    #[error("the folder `{path}` of the control database cannot be made: {source}")]
    Folder {
        /// The folder.
        path: String,
        /// The answer of the system.
        source: std::io::Error,
    },
    /// The control database cannot be opened.
    #[error(
        "configuration: `database` is {database}: that control database cannot be opened: {source}; start it, or correct the key"
    )]
    Open {
        /// The database, without user and password.
        database: String,
        /// The error that it gave.
        source: sqlx::Error,
    },
    /// The control database cannot be brought to this version.
    #[error("the control database {database} cannot be brought to this version: {source}")]
    Migration {
        /// The database, without user and password.
        database: String,
        /// The error that it gave.
        source: sqlx::migrate::MigrateError,
    },
    /// The control database was brought to a newer version already.
    #[error(
        "the control database {database} is of a newer version: migration {version} is not known here; run that version or a later one"
    )]
    Newer {
        /// The database, without user and password.
        database: String,
        /// The migration that this version does not have.
        version: i64,
    },
    /// The control database failed or does not answer.
    #[error("the control database {database} failed: {source}")]
    Database {
        /// The database, without user and password.
        database: String,
        /// The error that it gave.
        source: sqlx::Error,
    },
    /// Another write came first, as the database itself found.
    #[error("another write came first: {0}; read it again and decide again")]
    Overtaken(sqlx::Error),
    /// A row of the control database is not what was written.
    #[error("the control database holds a row that cannot be read: {0}")]
    Row(#[from] sqlx::Error),
    /// Something in the control database is not what was written.
    #[error("the control database holds {what} that cannot be read: {cause}")]
    Corrupt {
        /// The content: "release 3 of acme".
        what: String,
        /// The cause.
        cause: String,
    },
    /// The event log, which holds the heads of audit chains, failed or does not answer.
    #[error("the event log with the heads of audit chains failed: {0}")]
    Log(#[from] fairlead_event_log::Error),
    /// A task of the service died.
    #[error("a check died: {0}")]
    Died(#[from] tokio::task::JoinError),
    /// Nobody is known who calls, or the caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A change reaches a section that the caller may not edit.
    #[error("the section {section} changes, which needs the permission {}", permission_name(section.permission()))]
    Section {
        /// The section.
        section: Section,
    },
    /// The caller speaks for a customer, and would put this customer into an arm.
    #[error("nobody puts the customer into an arm for whom they speak: {0}")]
    OwnOverride(String),
    /// The caller may publish what moves no price, and this may move one.
    #[error(
        "publishing this needs the permission {}: {reason}",
        permission_name(Permission::ChangePublish)
    )]
    Priced {
        /// The reason.
        reason: String,
    },
    /// A person may not sign in, or may not change this about people.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// An argument is not allowed.
    #[error("{field} is `{value}`; allowed: {allowed}")]
    Argument {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// The allowed values.
        allowed: String,
    },
    /// Content that does not pass its checks.
    #[error("{what} is refused with {} findings", findings.len())]
    Refused {
        /// The content: "the draft", "the products".
        what: &'static str,
        /// True if it was sent with the call, false if it was composed from the draft.
        sent: bool,
        /// Every finding.
        findings: Vec<Finding>,
    },
    /// The object does not exist.
    #[error("{what} `{value}` is not there; allowed: {allowed}")]
    NotFound {
        /// The kind of object: "revision".
        what: &'static str,
        /// The value.
        value: String,
        /// The values that exist.
        allowed: String,
    },
    /// The object exists already and never changes.
    #[error("{what} `{value}` is there with other content; allowed: {allowed}")]
    Exists {
        /// The kind of object: "model version".
        what: &'static str,
        /// Its name.
        value: String,
        /// The allowed values.
        allowed: &'static str,
    },
    /// Another write came first.
    #[error("{what} is {found} by now, not {expected}; read it again and decide again")]
    Conflict {
        /// The value that changed: "the revision in force".
        what: &'static str,
        /// The value that the caller decided on.
        expected: i64,
        /// The value now.
        found: i64,
    },
}

impl Error {
    /// Returns true if a later try may succeed with the same configuration: the control database
    /// does not answer, is starting, or has no free connection.
    pub fn is_transient(&self) -> bool {
        let (Self::Open { source, .. }
        | Self::Database { source, .. }
        | Self::Migration {
            source: MigrateError::Execute(source),
            ..
        }) = self
        else {
            return false;
        };
        match source {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
            // Connection, resources, operator: 57P03 is "starting up".
            sqlx::Error::Database(said) => said.code().is_some_and(|code| {
                code.len() == 5
                    && ["08", "53", "57"]
                        .iter()
                        .any(|class| code.starts_with(class))
            }),
            _ => false,
        }
    }

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

    /// Returns what is told of an error that is the lack of a permission.
    fn not_permitted(&self, permission: Permission) -> CallError {
        let data = [("permission", permission_name(permission))];
        let code = Code::PermissionDenied;
        CallError::with_reason(code, "PERMISSION_DENIED", self.to_string(), data)
    }

    /// Returns the error of a caller who may not do this.
    pub(crate) fn refused(refused: Refused) -> Self {
        Self::Denied(refused.into())
    }

    pub(crate) fn corrupt(what: impl Into<String>, cause: &prost::DecodeError) -> Self {
        Self::Corrupt {
            what: what.into(),
            cause: cause.to_string(),
        }
    }
}

impl ServiceError for Error {
    fn call_error(&self) -> CallError {
        match self {
            Self::Database { database, .. }
            | Self::Open { database, .. }
            | Self::Migration { database, .. }
            | Self::Newer { database, .. } => away(&format!("control database {database}")),
            Self::Log(_) => away("event log"),
            Self::Overtaken(_) => {
                conflict("write", "on an older state", READ_AGAIN).logged_as_warning()
            }
            Self::Corrupt { .. } | Self::Row(_) => {
                let message = "the control database is damaged; the log says where";
                CallError::plain(Code::DataLoss, message).logged_as_error()
            }
            Self::Died(_) | Self::Folder { .. } | Self::Config { .. } => {
                CallError::internal("the call failed; the log of the control plane says why")
            }
            Self::Denied(denied) => denied.call_error(),
            Self::Section { section } => self.not_permitted(section.permission()),
            Self::Priced { .. } => self.not_permitted(Permission::ChangePublish),
            Self::OwnOverride(customer) => {
                let data = [("customer", customer.clone())];
                let code = Code::PermissionDenied;
                CallError::with_reason(code, "OWN_OVERRIDE", self.to_string(), data)
            }
            Self::Access(refused) => refused.call_error(),
            Self::Argument {
                field,
                value,
                allowed,
            } => CallError::argument(field, value, allowed),
            Self::Refused {
                what,
                sent,
                findings,
            } => refusal::call_error(what, *sent, findings),
            Self::NotFound {
                what,
                value,
                allowed,
            } => CallError::field(Code::NotFound, "NOT_FOUND", what, value, allowed),
            Self::Exists {
                what,
                value,
                allowed,
            } => CallError::field(Code::AlreadyExists, "ALREADY_EXISTS", what, value, allowed),
            Self::Conflict {
                what,
                expected,
                found,
            } => {
                let allowed = format!("{found}, what it is by now");
                conflict(what, &expected.to_string(), &allowed)
            }
        }
    }
}

/// Returns the error of a server that does not answer.
fn away(what: &str) -> CallError {
    CallError::unavailable(what, "try again; the log of the control plane says why")
        .logged_as_error()
}

fn conflict(what: &str, value: &str, allowed: &str) -> CallError {
    CallError::field(Code::Aborted, "CONFLICT", what, value, allowed)
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        status_of(&error)
    }
}

#[cfg(test)]
mod tests;
