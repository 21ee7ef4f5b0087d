//! Configuration of the recall service.

use std::path::PathBuf;

use serde::Deserialize;

use crate::error::Error;

/// How the service runs. In one process with the others, the fields about connections are not
/// read: what they make is handed over in `Deps`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The tenant whose releases are followed.
    pub tenant: String,
    /// The feature store, for product counters.
    pub redis_url: String,
    /// Addresses of the control plane.
    pub control_plane: Vec<String>,
    /// Folder of the last good release.
    pub cache_dir: Option<PathBuf>,
    /// How long calls in flight may go on after shutdown began, milliseconds.
    pub drain_ms: u64,
    /// How often product counters are read anew, milliseconds.
    pub refresh_ms: u64,
    /// Threads that run the user tower, each on one core.
    pub model_threads: usize,
    /// Threads that search the index.
    pub search_threads: usize,
    /// Requests that may wait for either; one more goes without the two-tower source.
    pub queue: usize,
    /// How long the two-tower source may take where a call carries no deadline, milliseconds.
    pub two_tower_timeout_ms: u64,
    /// How many live counts the training data's popularity is worth.
    pub popularity_strength: f64,
    /// What a click of the last 7 days counts beside a conversion of the last 30.
    pub popularity_click_weight: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tenant: "demo".to_owned(),
            redis_url: "redis://127.0.0.1:6379".to_owned(),
            control_plane: vec!["http://127.0.0.1:7006".to_owned()],
            cache_dir: None,
            drain_ms: 5_000,
            refresh_ms: 3_000,
            model_threads: 1,
            search_threads: 1,
            queue: 256,
            two_tower_timeout_ms: 100,
            popularity_strength: 1_000.0,
            popularity_click_weight: 0.1,
        }
    }
}

impl Config {
    /// Whether the values can be worked with.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |key, value: String, allowed| {
            Err(Error::Config {
                key,
                value,
                allowed,
            })
        };
        for (key, value) in [
            ("refresh_ms", self.refresh_ms),
            ("two_tower_timeout_ms", self.two_tower_timeout_ms),
            ("model_threads", self.model_threads as u64),
            ("search_threads", self.search_threads as u64),
            ("queue", self.queue as u64),
        ] {
            if value == 0 {
                return refuse(key, "0".to_owned(), "at least 1");
            }
        }
        let (strength, click) = (self.popularity_strength, self.popularity_click_weight);
        if !(strength.is_finite() && strength > 0.0) {
            return refuse(
                "popularity_strength",
                strength.to_string(),
                "a finite number above 0",
            );
        }
        if !(click.is_finite() && click >= 0.0) {
            return refuse(
                "popularity_click_weight",
                click.to_string(),
                "a finite number from 0",
            );
        }
        Ok(())
    }
}
