//! The configuration of Fairlead: one file for all services in one process and for each in its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use fairlead_authentication::{LocalCallers, ServicesToken, ToolsToken};
use fairlead_chassis::discovery::{DiscoveryConfig, Scheme};
use fairlead_chassis::link::Link;
use fairlead_chassis::telemetry::TelemetryConfig;
use fairlead_chassis::tls::TlsConfig;
use fairlead_event_log::TopicSpec;
use fairlead_gateway::KeySource;

/// Every key with its default, commented.
pub const DEFAULTS: &str = include_str!("default.toml");

/// The services that other services call.
pub const SERVICES: &[&str] = &["profile", "recall", "ranking", "pricing", "control"];

/// The listeners that TLS is configured for: those of gateway and control plane, and of the services
/// between them. Metrics have none: they hold no personal data.
pub const LISTENERS: &[&str] = &[
    "gateway", "profile", "recall", "ranking", "pricing", "control",
];

/// The configuration of every process.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppConfig {
    /// The tenant that is served.
    pub tenant: String,
    /// The folder of everything that is kept on disk.
    pub data_dir: PathBuf,
    /// Milliseconds for which calls are still taken after SIGTERM.
    pub notice_ms: u64,
    /// Milliseconds for which calls in flight may go on after that.
    pub drain_ms: u64,
    /// The addresses to listen on.
    pub listen: ListenConfig,
    /// TLS of listeners and links.
    pub tls: TlsConfig,
    /// The event log.
    pub events: EventLogConfig,
    /// The feature store.
    pub redis: RedisConfig,
    /// How services and tools on this machine are known.
    pub identity: IdentityConfig,
    /// The control plane.
    pub control: fairlead_control_plane::Config,
    /// Service discovery.
    pub discovery: DiscoveryConfig,
    /// Logs, traces, metrics.
    pub telemetry: TelemetryConfig,
    /// The gateway.
    pub gateway: fairlead_gateway::Config,
    /// The profile service.
    pub profile: fairlead_profile::Config,
    /// The recall service.
    pub recall: fairlead_recall::Config,
    /// The ranking service.
    pub ranking: fairlead_ranking::Config,
    /// The pricing service.
    pub pricing: fairlead_pricing::Config,
    /// The stream.
    pub stream: fairlead_stream::Config,
    /// The lake; `fairlead-lake` checks and reads it.
    pub lake: serde_json::Map<String, serde_json::Value>,
}

/// Addresses to listen on.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenConfig {
    /// gRPC and REST for apps.
    pub gateway: SocketAddr,
    /// gRPC of the profile service.
    pub profile: SocketAddr,
    /// gRPC of the recall service.
    pub recall: SocketAddr,
    /// gRPC of the ranking service.
    pub ranking: SocketAddr,
    /// gRPC of the pricing service.
    pub pricing: SocketAddr,
    /// gRPC for drafts, releases and audit.
    pub control: SocketAddr,
    /// Metrics, liveness, readiness.
    pub metrics: SocketAddr,
}

/// The event log.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventLogConfig {
    /// Kafka's bootstrap servers; empty for the embedded log.
    pub kafka: String,
    /// The topic of the bank's direct producers, on Kafka; empty for none.
    pub bank_topic: String,
    /// The file of the keys that sign the origin of events.
    pub origin_keys_file: PathBuf,
}

/// How services and tools are known where they have no certificates.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// The file of the token of tools on this machine; empty for one in the data folder.
    pub tools_token_file: PathBuf,
    /// The file of the services' token; empty for one in the data folder.
    pub services_token_file: PathBuf,
}

/// The feature store.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// The URL; empty starts a `redis-server`.
    pub url: String,
}

impl AppConfig {
    /// Returns the configuration from defaults, `file` and environment, or an error that names the
    /// key if a value is not allowed.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut config: Self = fairlead_chassis::config::load(DEFAULTS, file)?;
        if config.gateway.default_tenant.is_empty() {
            config.gateway.default_tenant.clone_from(&config.tenant);
        }
        fairlead_domain::TenantId::new(&config.tenant)?;
        config.gateway.check()?;
        config.control().check().context("[control]")?;
        config.pricing.check()?;
        config.gateway.acceptances_kept_days = config.pricing.acceptances_kept_days;
        config.recall.check().context("[recall]")?;
        config.ranking.check().context("[ranking]")?;
        config.stream.check().context("[stream]")?;
        config.telemetry.check()?;
        config.tls.check(LISTENERS)?;
        config.discovery.check(SERVICES, config.scheme())?;
        Ok(config)
    }

    /// Returns the scheme of links between services.
    pub fn scheme(&self) -> Scheme {
        Scheme::of(self.tls.has_identity())
    }

    /// Returns the path of the file with the keys that sign quotes.
    pub fn signing_keys(&self) -> PathBuf {
        self.or_in_data(&self.pricing.signing_keys_file, "signing-keys.json")
    }

    /// Returns the configured path, or that of `file` in the data folder if it is empty.
    fn or_in_data(&self, configured: &Path, file: &str) -> PathBuf {
        if configured.as_os_str().is_empty() {
            return self.data_dir.join(file);
        }
        configured.to_owned()
    }

    /// Returns the path of the file with the token of the bank's own tools on this machine.
    pub fn tools_token(&self) -> PathBuf {
        self.or_in_data(&self.identity.tools_token_file, ToolsToken::FILE)
    }

    /// Returns where the gateway follows keys and sessions, over this link to the control plane.
    pub(crate) fn key_source(&self, control: Link) -> KeySource {
        KeySource {
            control,
            kept: Some(self.data_dir.join("keys.last-told")),
        }
    }

    /// Returns the path of the file with the token by which services know each other.
    pub fn services_token(&self) -> PathBuf {
        self.or_in_data(&self.identity.services_token_file, ServicesToken::FILE)
    }

    /// Returns the callers of the control plane that are known by a file or a certificate. The tools
    /// are those on the same machine: where others reach its port, none are.
    pub(crate) fn local_callers(&self) -> anyhow::Result<LocalCallers> {
        let tools = if self.listen.control.ip().is_loopback() {
            Some(ToolsToken::kept_at(&self.tools_token())?)
        } else {
            None
        };
        Ok(LocalCallers {
            tools,
            services: self.kept_services_token()?,
        })
    }

    /// Returns the token by which services know each other, or `None` where they have certificates.
    pub(crate) fn kept_services_token(&self) -> anyhow::Result<Option<ServicesToken>> {
        if self.tls.has_identity() {
            return Ok(None);
        }
        Ok(Some(ServicesToken::kept_at(&self.services_token())?))
    }

    /// Returns the configuration of the control plane, with a database in the data folder if none is
    /// named.
    pub fn control(&self) -> fairlead_control_plane::Config {
        let mut control = self.control.clone();
        if control.database.is_empty() {
            control.database = format!("sqlite:{}", self.data_dir.join("control.db").display());
        }
        control
    }

    /// Returns how topics are created.
    pub fn topic(&self) -> TopicSpec {
        TopicSpec {
            partitions: self.gateway.partitions,
            retention: Duration::from_secs(self.gateway.retention_days * 86_400),
        }
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
            ("[ranking]\nthreads = 0\n", "`threads` = `0`"),
            ("[stream]\nbatch_records = 0\n", "batch_records"),
            ("[control]\ndatabase = \"mysql://x\"\n", "mysql://x"),
            ("[discovery]\nkind = \"guess\"\n", "discovery.kind"),
            ("[discovery.services]\nrankign = []\n", "rankign"),
            ("[telemetry]\ntrace_share = 2.0\n", "telemetry.trace_share"),
            ("[tls]\nkey_file = \"k\"\n", "`tls.certificate_file` = ``"),
            ("[tls]\nplaintext = \"yes\"\n", "tls.plaintext"),
            (
                "[tls.client_certificates]\nmetrics = \"none\"\n",
                "`metrics`",
            ),
            (
                "[discovery.services]\nranking = [\"https://r:1\"]\n",
                "`https://r:1`",
            ),
        ] {
            std::fs::write(&path, text).expect("written");
            let error = format!("{:#}", AppConfig::load(Some(&path)).expect_err(expected));
            assert!(error.contains(expected), "{error}");
        }
    }
}
