//! The errors of this crate.

use std::time::Duration;

/// An error of the online store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The address cannot be used.
    #[error(
        "Redis address `{url}` is not allowed: redis://[user:password@]host:port[/database], redis+unix://path, or redis+cluster://[user:password@]host:port,host:port ({detail})"
    )]
    Address {
        /// The address without user and password.
        url: String,
        /// The client's message.
        detail: String,
    },
    /// There is no connection, or it broke. The last command may have been carried out.
    #[error(
        "Redis at {url} cannot be reached while {operation}: {detail}; check that a redis-server runs there"
    )]
    Unreachable {
        /// The address without user and password.
        url: String,
        /// The operation that failed.
        operation: &'static str,
        /// The client's message.
        detail: String,
    },
    /// There was no reply in time. The last command may have been carried out.
    #[error("Redis at {url} did not answer within {} ms while {operation}", timeout.as_millis())]
    Timeout {
        /// The address without user and password.
        url: String,
        /// The operation that failed.
        operation: &'static str,
        /// The timeout.
        timeout: Duration,
    },
    /// Redis replied with an error.
    #[error("Redis at {url} refused {operation}: {detail}")]
    Refused {
        /// The address without user and password.
        url: String,
        /// The operation that failed.
        operation: &'static str,
        /// Redis's message.
        detail: String,
    },
    /// A stored value is not in this crate's format.
    #[error("a stored {thing} cannot be read: {detail}")]
    Corrupt {
        /// The kind of value: "entity state", "quote".
        thing: &'static str,
        /// The reason.
        detail: String,
    },
    /// A value cannot be part of a key.
    #[error("{thing} `{value}` is not allowed: {allowed}")]
    Key {
        /// The kind of value.
        thing: &'static str,
        /// The value, at most 80 characters of it.
        value: String,
        /// The allowed values.
        allowed: &'static str,
    },
}

impl Error {
    /// Returns true if the same call may succeed later: the server was unreachable, slow, loading
    /// its data, or short of memory or disk.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Refused { .. } => true,
            Self::Address { .. } | Self::Corrupt { .. } | Self::Key { .. } => false,
        }
    }
}
