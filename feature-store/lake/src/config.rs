//! The configuration of the process and of the lake.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fairlead_chassis::telemetry::TelemetryConfig;

use crate::error::Error;

/// The commented default configuration of this process.
pub const DEFAULTS: &str = include_str!("lake.toml");
/// The topic of behaviour events.
pub const EVENTS_TOPIC: &str = "fairlead.events.v1";
/// The topic of decision records.
pub const DECISIONS_TOPIC: &str = "fairlead.decisions.v1";
/// The topic of decision records of accepted quotes.
pub const ACCEPTANCES_TOPIC: &str = "fairlead.acceptances.v1";
/// The consumer group.
pub const GROUP: &str = "fairlead-lake";

/// The sections of the shared configuration file that this process reads. Other processes' sections
/// are ignored.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct ProcessConfig {
    /// The folder of everything whose location is not configured.
    pub data_dir: PathBuf,
    /// The longest time in milliseconds that a metrics request in flight may take after SIGTERM.
    pub drain_ms: u64,
    /// The addresses to listen on.
    pub listen: Listen,
    /// The event log.
    pub events: Events,
    /// The lake.
    pub lake: Config,
    /// Logs, traces and metrics.
    pub telemetry: TelemetryConfig,
}

/// The addresses to listen on.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Listen {
    /// The address of metrics and probes.
    pub metrics: SocketAddr,
}

/// The event log.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Events {
    /// Kafka's bootstrap servers; empty for the embedded log.
    pub kafka: String,
}

impl ProcessConfig {
    /// Loads defaults, file and environment, and checks all that can be checked without starting.
    pub fn load(file: Option<&Path>) -> Result<Self, LoadError> {
        let config: Self = fairlead_chassis::config::load(DEFAULTS, file)?;
        config.lake.check()?;
        crate::store::check_url(&config.lake.url)?;
        Ok(config)
    }
}

/// The error of a refused configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read, or a key is unknown or of the wrong type.
    #[error(transparent)]
    Read(#[from] fairlead_chassis::Error),
    /// A value is not allowed.
    #[error(transparent)]
    Value(#[from] Error),
}

/// The section `[lake]`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The URL of the files; empty for the folder `lake` in the data folder.
    pub url: String,
    /// The number of waiting records at which a partition's batch is written.
    pub roll_rows: usize,
    /// The bytes of waiting records at which a partition's batch is written.
    pub roll_bytes: usize,
    /// The age of the first waiting record at which a partition's batch is written.
    pub roll_seconds: u64,
    /// The most bytes that wait in memory over all partitions.
    pub buffer_bytes: usize,
    /// The size below which `compact` merges files.
    pub compact_below_bytes: u64,
    /// The approximate size of a merged file.
    pub compact_to_bytes: u64,
    /// The age at which files are merged even if their day is not over.
    pub compact_after_seconds: u64,
    /// The memory that one query may use before it spills to disk.
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
    /// Checks that every value is in its range.
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

/// The topics that the lake reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    /// The topic of behaviour events.
    pub events: String,
    /// The topic of decision records.
    pub decisions: String,
    /// The topic of decision records of accepted quotes.
    pub acceptances: String,
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            events: EVENTS_TOPIC.into(),
            decisions: DECISIONS_TOPIC.into(),
            acceptances: ACCEPTANCES_TOPIC.into(),
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
    fn the_defaults_of_file_and_code_are_equal() {
        let config = ProcessConfig::load(None).expect("the defaults");
        assert_eq!(config.lake, Config::default());
    }

    #[test]
    fn sections_of_other_processes_are_ignored() {
        let config = with_file(
            "tenant = \"acme\"\n[gateway]\ndeadline_ms = 3\n[listen]\ngateway = \"127.0.0.1:1\"\n[lake]\nroll_rows = 7\n",
        );
        assert_eq!(config.expect("valid").lake.roll_rows, 7);
    }

    #[test]
    fn a_wrong_value_is_refused_with_key_value_and_range() {
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
