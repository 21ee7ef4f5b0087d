//! Configuration of the profile service.

use serde::Deserialize;

/// The settings of the service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The longest that the store may take where a call carries no deadline, milliseconds.
    pub read_timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            read_timeout_ms: 1_000,
        }
    }
}
