//! The errors that keep a test server from starting.

use std::{io, path::PathBuf, time::Duration};

/// The result of starting, stopping or asking a test server.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of a test server. Each variant names the thing and what to do or look at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is not installed.
    #[error("cannot start {program}: {source}; run scripts/setup.sh test")]
    Spawn {
        /// The program as it was called.
        program: String,
        /// The answer of the system.
        source: io::Error,
    },
    /// No Apache Kafka on this machine.
    #[error(
        "no Apache Kafka: looked in KAFKA_HOME, for kafka-storage.sh on PATH, and in {}; run scripts/setup.sh test",
        cache.display()
    )]
    KafkaMissing {
        /// The folder of the cache that would hold its jars.
        cache: PathBuf,
    },
    /// No PostgreSQL on this machine.
    #[error(
        "no PostgreSQL: looked for initdb, postgres and createdb on PATH and in /usr/lib/postgresql/*/bin; run scripts/setup.sh test"
    )]
    PostgresMissing,
    /// The server ended instead of answering.
    #[error("{program} ended ({status}) before it was ready; its last words:\n{log}")]
    Ended {
        /// The server's program.
        program: String,
        /// Its exit status, in words.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// The server runs, but did not answer in time.
    #[error("{program} at {address} was not ready within {waited:?}; its last words:\n{log}")]
    NotReady {
        /// The server's program.
        program: String,
        /// The address at which it was asked.
        address: String,
        /// The time for which it was waited for.
        waited: Duration,
        /// The end of its log.
        log: String,
    },
    /// A certificate could not be made.
    #[error("a certificate cannot be made: {0}")]
    Certificate(String),
    /// A file, folder, port or process could not be had.
    #[error("{what}: {source}")]
    Io {
        /// The action that was tried.
        what: String,
        /// The answer of the system.
        source: io::Error,
    },
}

impl Error {
    /// Names an I/O error after what was tried, for `map_err`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Returns `true` if another process took the port between our letting go of it and the
    /// server's binding it.
    pub(crate) fn is_lost_port(&self) -> bool {
        matches!(self, Self::Ended { log, .. } if log.contains("Address already in use"))
    }
}
