//! The errors of this crate.

use std::time::Duration;

/// What can go wrong between here and Redis.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The address cannot be used.
    #[error(
        "Redis address `{url}` is not allowed: redis://[user:password@]host:port[/database], redis+unix://path, or redis+cluster://[user:password@]host:port,host:port ({detail})"
    )]
    Address {
        /// The address without user and password.
        url: String,
        /// What the client said.
        detail: String,
    },
    /// No connection, or it broke. Whether the last command was carried out is not known.
    #[error(
        "Redis at {url} cannot be reached while {operation}: {detail}; check that a redis-server runs there"
    )]
    Unreachable {
        /// The address without user and password.
        url: String,
        /// What was being done.
        operation: &'static str,
        /// What the client said.
        detail: String,
    },
    /// No answer in time. Whether the last command was carried out is not known.
    #[error("Redis at {url} did not answer within {} ms while {operation}", limit.as_millis())]
    Timeout {
        /// The address without user and password.
        url: String,
        /// What was being done.
        operation: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// Redis answered with an error.
    #[error("Redis at {url} refused {operation}: {detail}")]
    Refused {
        /// The address without user and password.
        url: String,
        /// What was being done.
        operation: &'static str,
        /// What Redis said.
        detail: String,
    },
    /// A stored value that is not ours.
    #[error("a stored {thing} cannot be read: {detail}")]
    Corrupt {
        /// "entity state", "quote".
        thing: &'static str,
        /// What was found.
        detail: String,
    },
    /// A value that cannot be part of a key.
    #[error("{thing} `{value}` is not allowed: {allowed}")]
    Key {
        /// What it is.
        thing: &'static str,
        /// The value, cut to 80 characters.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
}

impl Error {
    /// Whether the same call may succeed later without anyone changing it: the server was away,
    /// slow, loading its data, or short of memory or disk.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Refused { .. } => true,
            Self::Address { .. } | Self::Corrupt { .. } | Self::Key { .. } => false,
        }
    }
}
