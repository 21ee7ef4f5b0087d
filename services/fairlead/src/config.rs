//! The configuration of a house in one process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use fairlead_chassis::telemetry::TelemetryConfig;

/// The commented defaults.
pub const DEFAULTS: &str = include_str!("default.toml");

/// Everything that a house is told.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppConfig {
    /// The tenant that is served.
    pub tenant: String,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// How long calls in flight may go on after SIGTERM, milliseconds.
    pub drain_ms: u64,
    /// Addresses.
    pub listen: Listen,
    /// Where events are kept.
    pub events: Events,
    /// The feature store.
    pub redis: Redis,
    /// Logs, traces, metrics.
    pub telemetry: TelemetryConfig,
    /// The gateway.
    pub gateway: fairlead_gateway::Config,
}

/// Addresses to listen on.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// gRPC and REST for apps.
    pub gateway: SocketAddr,
    /// gRPC for drafts, releases and audit.
    pub control: SocketAddr,
    /// Prometheus metrics.
    pub metrics: SocketAddr,
}

/// Where events are kept.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// Kafka's bootstrap servers; empty for the embedded log.
    pub kafka: String,
}

/// The feature store.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Its URL; empty starts a `redis-server`.
    pub url: String,
}

impl AppConfig {
    /// Reads defaults, file and environment, and checks what can be checked without starting.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let config: Self = fairlead_chassis::config::load(DEFAULTS, file)?;
        config.gateway.check().map_err(anyhow::Error::msg)?;
        fairlead_domain::TenantId::new(&config.tenant)?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_complete() {
        let config = AppConfig::load(None).expect("the defaults");
        let gateway = fairlead_gateway::Config::default();
        assert_eq!(config.gateway.deadline_ms, gateway.deadline_ms);
        assert_eq!(config.gateway.candidates, gateway.candidates);
        assert_eq!(config.gateway.retention_days, gateway.retention_days);
    }

    #[test]
    fn a_wrong_file_is_named_with_key_and_value() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("f.toml");
        for (text, expected) in [
            ("[listen]\ngateway = \"here\"\n", "listen.gateway"),
            ("[gateway]\ncandidates = 0\n", "gateway.candidates"),
            ("tenant = \"a b\"\n", "tenant `a b`"),
            ("colour = 1\n", "colour"),
        ] {
            std::fs::write(&path, text).expect("written");
            let error = format!("{:#}", AppConfig::load(Some(&path)).expect_err(expected));
            assert!(error.contains(expected), "{error}");
        }
    }
}
