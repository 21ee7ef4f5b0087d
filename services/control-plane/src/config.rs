//! What an operator sets.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::Error;

/// Configuration of the control plane.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The control database: `sqlite:PATH`. Default `sqlite:data/control.db`; the folder is made.
    pub database: String,
    /// Connections to it. Default 4; 1 to 64.
    pub connections: u32,
    /// How long a write waits for another one, milliseconds. Default 5,000.
    pub busy_timeout_ms: u64,
    /// How long calls in flight may go on after shutdown began, milliseconds. Default 10,000.
    pub drain_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database: "sqlite:data/control.db".to_owned(),
            connections: 4,
            busy_timeout_ms: 5_000,
            drain_ms: 10_000,
        }
    }
}

impl Config {
    /// The file of the SQLite database.
    pub(crate) fn sqlite_path(&self) -> Result<PathBuf, Error> {
        let path = self.database.strip_prefix("sqlite:").unwrap_or_default();
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains('?') {
            return Err(Error::Config {
                key: "database",
                value: self.database.clone(),
                allowed: "sqlite:PATH, such as sqlite:data/control.db",
            });
        }
        Ok(path.into())
    }

    /// The number of connections, where it is allowed.
    pub(crate) fn checked_connections(&self) -> Result<u32, Error> {
        if (1..=64).contains(&self.connections) {
            return Ok(self.connections);
        }
        Err(Error::Config {
            key: "connections",
            value: self.connections.to_string(),
            allowed: "1 to 64",
        })
    }

    pub(crate) fn busy_timeout(&self) -> Duration {
        Duration::from_millis(self.busy_timeout_ms)
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(database: &str) -> Result<PathBuf, String> {
        let config = Config {
            database: database.to_owned(),
            ..Config::default()
        };
        config.sqlite_path().map_err(|error| error.to_string())
    }

    #[test]
    fn the_database_is_a_sqlite_file() {
        assert_eq!(path("sqlite:data/control.db"), Ok("data/control.db".into()));
        assert_eq!(
            path("sqlite:///var/control.db"),
            Ok("/var/control.db".into())
        );
        for bad in [
            "",
            "sqlite:",
            "control.db",
            "postgres://db",
            "sqlite:a?mode=ro",
        ] {
            let refused = path(bad).expect_err(bad);
            assert!(refused.contains("sqlite:PATH"), "{refused}");
        }
    }
}
