//! Configuration of the profile service as its own process.

use std::path::PathBuf;

use serde::Deserialize;

/// How the service runs. In one process with the others only `read_timeout_ms` is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The tenant whose releases are followed.
    pub tenant: String,
    /// The feature store.
    pub redis_url: String,
    /// Addresses of the control plane.
    pub control_plane: Vec<String>,
    /// Folder of the last good release.
    pub cache_dir: Option<PathBuf>,
    /// How long the store may take where a call carries no deadline, milliseconds.
    pub read_timeout_ms: u64,
    /// How long calls in flight may go on after shutdown began, milliseconds.
    pub drain_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tenant: "demo".to_owned(),
            redis_url: "redis://127.0.0.1:6379".to_owned(),
            control_plane: vec!["http://127.0.0.1:7006".to_owned()],
            cache_dir: None,
            read_timeout_ms: 1_000,
            drain_ms: 5_000,
        }
    }
}
