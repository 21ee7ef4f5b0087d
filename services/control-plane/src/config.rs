//! Configuration of the control plane.

use std::time::Duration;

use serde::Deserialize;

use crate::Error;
use crate::address::Address;

/// The settings of the control plane.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The control database: `sqlite:PATH`, or `postgres://user:password@host:port/database`, which
    /// several control planes may share. Default `sqlite:data/control.db`; the folder is made.
    pub database: String,
    /// The connections to it. Default 4; 1 to 64.
    pub connections: u32,
    /// The longest wait of a write for another one, and of any call for a connection, milliseconds.
    /// Default 5,000.
    pub busy_timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database: "sqlite:data/control.db".to_owned(),
            connections: 4,
            busy_timeout_ms: 5_000,
        }
    }
}

impl Config {
    /// Checks every value, without opening anything.
    ///
    /// # Errors
    /// [`Error::Config`] names the key, the value and what is allowed.
    pub fn check(&self) -> Result<(), Error> {
        Address::read(&self.database)?;
        self.checked_connections()?;
        Ok(())
    }

    /// Returns the number of connections, checked.
    pub(crate) fn checked_connections(&self) -> Result<u32, Error> {
        if (1..=64).contains(&self.connections) {
            return Ok(self.connections);
        }
        Err(Error::Config {
            key: "connections",
            value: self.connections.to_string(),
            allowed: "1 to 64".to_owned(),
        })
    }

    pub(crate) fn busy_timeout(&self) -> Duration {
        Duration::from_millis(self.busy_timeout_ms)
    }
}
