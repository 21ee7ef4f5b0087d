//! What can be set.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fairlead_chassis::telemetry::TelemetryConfig;

use crate::error::Error;

/// The commented defaults of what this process reads.
pub const DEFAULTS: &str = include_str!("lake.toml");
/// The topic of behaviour events.
pub const EVENTS_TOPIC: &str = "fairlead.events.v1";
/// The topic of decision records.
pub const DECISIONS_TOPIC: &str = "fairlead.decisions.v1";
/// The consumer group.
pub const GROUP: &str = "fairlead-lake";

/// What this process reads of the one configuration file. Sections of others are passed over.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct ProcessConfig {
    /// Where everything is kept that has no place of its own.
    pub data_dir: PathBuf,
    /// How long a metrics request in flight may go on after SIGTERM, milliseconds.
    pub drain_ms: u64,
    /// Addresses.
    pub listen: Listen,
    /// Where events are kept.
    pub events: Events,
    /// The lake.
    pub lake: Config,
    /// Logs, traces, metrics.
    pub telemetry: TelemetryConfig,
}

/// Addresses to listen on.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Listen {
    /// Metrics and probes.
    pub metrics: SocketAddr,
}

/// Where events are kept.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Events {
    /// Kafka's bootstrap servers; empty for the embedded log.
    pub kafka: String,
}

impl ProcessConfig {
    /// Reads defaults, file and environment, and checks what can be checked without starting.
    pub fn load(file: Option<&Path>) -> Result<Self, LoadError> {
        let config: Self = fairlead_chassis::config::load(DEFAULTS, file)?;
        config.lake.check()?;
        crate::store::check_url(&config.lake.url)?;
        Ok(config)
    }
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read, or a key is unknown or of the wrong type.
    #[error(transparent)]
    Read(#[from] fairlead_chassis::Error),
    /// A value is not allowed.
    #[error(transparent)]
    Value(#[from] Error),
}

/// The section `[lake]`; the defaults are good.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the files lie; empty for the folder `lake` in the data folder.
    pub url: String,
    /// A partition's records are written when there are so many of them ...
    pub roll_rows: usize,
    /// ... or so many bytes ...
    pub roll_bytes: usize,
    /// ... or the first of them has waited for so long.
    pub roll_seconds: u64,
    /// Bytes that may wait in memory over all partitions.
    pub buffer_bytes: usize,
    /// `compact` merges files below this size ...
    pub compact_below_bytes: u64,
    /// ... into files of about this size ...
    pub compact_to_bytes: u64,
    /// ... once their day is over or they are so many seconds old.
    pub compact_after_seconds: u64,
    /// Memory that one query may take before it spills.
    pub sql_memory_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: String::new(),
            roll_rows: 50_000,
            roll_bytes: 32 << 20,
            roll_seconds: 300,
            buffer_bytes: 256 << 20,
            compact_below_bytes: 32 << 20,
            compact_to_bytes: 128 << 20,
            compact_after_seconds: 3_600,
            sql_memory_bytes: 1 << 30,
        }
    }
}

impl Config {
    /// Sees that every value is in its range.
    pub fn check(&self) -> Result<(), Error> {
        let ranges = [
            ("roll_rows", self.roll_rows as u64, 1..=1_000_000),
            ("roll_bytes", self.roll_bytes as u64, 1_024..=256 << 20),
            ("roll_seconds", self.roll_seconds, 1..=86_400),
            ("buffer_bytes", self.buffer_bytes as u64, 1 << 20..=8 << 30),
            (
                "compact_below_bytes",
                self.compact_below_bytes,
                1_024..=1 << 30,
            ),
            ("compact_to_bytes", self.compact_to_bytes, 1_024..=4 << 30),
            (
                "compact_after_seconds",
                self.compact_after_seconds,
                0..=31_536_000,
            ),
            (
                "sql_memory_bytes",
                self.sql_memory_bytes as u64,
                16 << 20..=1 << 40,
            ),
        ];
        for (key, value, range) in ranges {
            if !range.contains(&value) {
                return Err(Error::Config {
                    key,
                    value: value.to_string(),
                    allowed: format!("{} to {}", range.start(), range.end()),
                });
            }
        }
        Ok(())
    }

    pub(crate) fn roll_after(&self) -> Duration {
        Duration::from_secs(self.roll_seconds)
    }
}

/// The topics that are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    /// Behaviour events.
    pub events: String,
    /// Decision records.
    pub decisions: String,
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            events: EVENTS_TOPIC.into(),
            decisions: DECISIONS_TOPIC.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str) -> Result<ProcessConfig, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("fairlead.toml");
        std::fs::write(&path, text).expect("written");
        ProcessConfig::load(Some(&path)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_in_the_file_are_those_in_the_code() {
        let config = ProcessConfig::load(None).expect("the defaults");
        assert_eq!(config.lake, Config::default());
    }

    #[test]
    fn sections_of_other_processes_are_passed_over() {
        let config = with_file(
            "tenant = \"acme\"\n[gateway]\ndeadline_ms = 3\n[listen]\ngateway = \"127.0.0.1:1\"\n[lake]\nroll_rows = 7\n",
        );
        assert_eq!(config.expect("valid").lake.roll_rows, 7);
    }

    #[test]
    fn a_wrong_value_is_named_with_its_key_and_what_is_allowed() {
        for (text, expected) in [
            (
                "[lake]\nroll_rows = 0\n",
                "lake.roll_rows `0` is not allowed: 1 to 1000000",
            ),
            ("[lake]\nroll_rowz = 1\n", "roll_rowz"),
            (
                "[lake]\nurl = \"ftp://x\"\n",
                "lake.url `ftp://x` is not allowed",
            ),
            (
                "[lake]\nurl = \"s3://\"\n",
                "lake.url `s3://` is not allowed",
            ),
            ("[listen]\nmetrics = \"here\"\n", "listen.metrics"),
        ] {
            let error = with_file(text).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
