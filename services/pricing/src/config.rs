//! Configuration of the pricing service.

use std::path::PathBuf;

use serde::Deserialize;

/// The configuration of the service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The file of the keys that sign quotes, the same for every instance. Empty is a file in the
    /// data folder, which is made with a fresh key where there is none.
    pub signing_keys_file: PathBuf,
    /// The time for which a quote is kept after it can no longer be accepted, milliseconds.
    pub quotes_kept_ms: u64,
    /// The time that the quote store may take where a call carries no deadline, milliseconds.
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
