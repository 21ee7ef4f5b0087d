//! Configuration of the pricing service.

use std::path::PathBuf;

use serde::Deserialize;

/// How the service runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The file of the keys that sign quotes, the same for every instance; empty: one in the data
    /// folder, made with a fresh key where there is none.
    pub signing_keys_file: PathBuf,
    /// For how long a quote is kept after it can no longer be accepted, milliseconds.
    pub quotes_kept_ms: u64,
    /// How long the quote store may take where a call carries no deadline, milliseconds.
    pub store_timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            signing_keys_file: PathBuf::new(),
            quotes_kept_ms: 7 * 86_400_000,
            store_timeout_ms: 1_000,
        }
    }
}
