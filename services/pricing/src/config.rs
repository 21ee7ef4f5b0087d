//! Configuration of the pricing service.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// How the service runs. In one process with the others only `quotes_kept_ms` and `store_timeout_ms`
/// are read: the rest comes as parts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The tenant whose releases are followed.
    pub tenant: String,
    /// Where firm quotes are kept.
    pub redis_url: String,
    /// Addresses of the control plane.
    pub control_plane: Vec<String>,
    /// Folder of the last good release.
    pub cache_dir: Option<PathBuf>,
    /// The keys that sign quotes.
    pub signing: Signing,
    /// For how long a quote is kept after it can no longer be accepted, milliseconds.
    pub quotes_kept_ms: u64,
    /// How long the quote store may take where a call carries no deadline, milliseconds.
    pub store_timeout_ms: u64,
    /// How long calls in flight may go on after shutdown began, milliseconds.
    pub drain_ms: u64,
}

/// The keys that sign quotes: a file, or the keys themselves.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Signing {
    /// A key file; made with a fresh key where there is none. Used where `keys` is empty.
    pub file: Option<PathBuf>,
    /// The key that signs; the others only verify.
    pub current: String,
    /// Keys by id, each at least 32 bytes in hex.
    pub keys: BTreeMap<String, String>,
}

impl std::fmt::Debug for Signing {
    /// Without the keys.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Signing")
            .field("file", &self.file)
            .field("current", &self.current)
            .field("keys", &self.keys.keys().collect::<Vec<_>>())
            .finish()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tenant: "demo".to_owned(),
            redis_url: "redis://127.0.0.1:6379".to_owned(),
            control_plane: vec!["http://127.0.0.1:7006".to_owned()],
            cache_dir: None,
            signing: Signing::default(),
            quotes_kept_ms: 7 * 86_400_000,
            store_timeout_ms: 1_000,
            drain_ms: 5_000,
        }
    }
}
