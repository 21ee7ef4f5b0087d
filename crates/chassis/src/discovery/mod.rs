//! Discovery: finding the instances of a service, and making a process found.
//!
//! A [`ServiceRegistry`] is a seam with three implementations: addresses from the configuration,
//! names in DNS, and Consul. It gives a list of instances that changes; links balance over it.

mod consul;
mod dns;
mod fixed;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use consul::{ConsulOptions, ConsulRegistry};
pub use dns::{DnsNames, DnsRegistry};
pub use fixed::FixedRegistry;

use crate::Error;
use crate::endpoint::endpoint;

/// One instance of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// Unique among the instances of its service.
    pub id: String,
    /// `http://host:port`, or `https://host:port` where links use TLS.
    pub address: String,
    /// Its version; empty where the registry does not say.
    pub version: String,
    /// Its zone; empty where the registry does not say.
    pub zone: String,
}

impl Instance {
    /// Creates an instance of which only the address is known.
    pub fn at(address: impl Into<String>) -> Self {
        let address = address.into();
        Self {
            id: address.clone(),
            address,
            version: String::new(),
            zone: String::new(),
        }
    }
}

/// The instances of a service, sorted by id; the newest list, or the last known one.
pub type Instances = watch::Receiver<Arc<[Instance]>>;

/// The description of itself that a process registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The service: "ranking".
    pub service: &'static str,
    /// The host at which others reach it.
    pub host: String,
    /// Its gRPC port, which also answers the gRPC health protocol.
    pub port: u16,
    /// Its version.
    pub version: String,
    /// Its zone; may be empty.
    pub zone: String,
}

impl Registration {
    /// Returns the id. It stays the same after a restart, so that the process replaces its old
    /// self.
    pub fn id(&self) -> String {
        format!("fairlead-{}-{}-{}", self.service, self.host, self.port)
    }
}

/// Finds services, and makes this process found.
pub trait ServiceRegistry: Send + Sync + 'static {
    /// Follows the instances of a service, from now until the registry ends.
    fn follow(&self, service: &'static str) -> Result<Instances, Error>;

    /// Makes this process found until `shutdown`, then withdraws it; the future ends once it is
    /// withdrawn, or could not be within a second.
    fn announce(
        &self,
        registration: Registration,
        shutdown: CancellationToken,
    ) -> futures::future::BoxFuture<'static, ()>;
}

/// The means by which services are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiscoveryKind {
    /// At the addresses of the configuration.
    Static,
    /// By names in DNS: every address of a name is an instance.
    Dns,
    /// By Consul.
    Consul,
}

/// The scheme of the addresses that a registry gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plaintext.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// Returns the scheme of links with or without TLS.
    pub fn of(tls: bool) -> Self {
        if tls { Self::Https } else { Self::Http }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn rule(self) -> &'static str {
        match self {
            Self::Http => "http://, since no `tls.certificate_file` is set",
            Self::Https => "https://, since `tls.certificate_file` is set",
        }
    }

    /// Returns the address of an instance at `authority`, `host:port`.
    fn address(self, authority: impl std::fmt::Display) -> String {
        format!("{}://{authority}", self.name())
    }
}

/// Configuration of discovery.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscoveryConfig {
    /// The means by which services are found.
    pub kind: DiscoveryKind,
    /// Consul's agent: `http://host:port` or `https://host:port`.
    pub consul: String,
    /// The authorities of an agent at `https://`, PEM; empty: those of the system.
    pub consul_ca_file: PathBuf,
    /// The token for it; empty for none.
    pub consul_token: String,
    /// The host at which others reach this process; empty takes that of its `listen` address.
    pub advertise: String,
    /// The zone of this process; may be empty.
    pub zone: String,
    /// The time between two look-ups of names, milliseconds.
    pub refresh_ms: u64,
    /// By service: `host:port`, for `static` also URLs; not read for `consul`.
    pub services: BTreeMap<String, Vec<String>>,
}

impl DiscoveryConfig {
    /// Refuses what cannot be worked with: names the key, the value and what is allowed. Links use
    /// `scheme`.
    pub fn check(&self, known: &[&str], scheme: Scheme) -> Result<(), Error> {
        let refuse = |key: &str, value: &str, allowed: &str| {
            Err(Error::Config(format!(
                "`discovery.{key}` = `{value}` is not allowed: {allowed}"
            )))
        };
        if !(10..=600_000).contains(&self.refresh_ms) {
            return refuse("refresh_ms", &self.refresh_ms.to_string(), "10 to 600000");
        }
        if let Some(unknown) = self
            .services
            .keys()
            .find(|name| !known.contains(&name.as_str()))
        {
            return refuse("services", unknown, &known.join(", "));
        }
        for (service, addresses) in &self.services {
            let key = format!("services.{service}");
            for address in addresses {
                match self.kind {
                    DiscoveryKind::Static => {
                        let url = fixed::url(address, scheme);
                        if !address.contains("://") && dns::split(address).is_none() {
                            return refuse(&key, address, "host:port, such as 127.0.0.1:7004");
                        }
                        if endpoint(&url)?.uri().scheme_str() != Some(scheme.name()) {
                            return refuse(&key, address, scheme.rule());
                        }
                    }
                    DiscoveryKind::Dns if dns::split(address).is_none() => {
                        return refuse(&key, address, "host:port, such as fairlead-ranking:7004");
                    }
                    DiscoveryKind::Dns | DiscoveryKind::Consul => {}
                }
            }
        }
        match self.kind {
            DiscoveryKind::Consul => endpoint(&self.consul).map(drop),
            DiscoveryKind::Static | DiscoveryKind::Dns => Ok(()),
        }
    }

    /// Opens the registry that the configuration names; it gives addresses of `scheme`. Its tasks run
    /// in `tasks` until `shutdown`.
    pub fn open(
        &self,
        scheme: Scheme,
        tasks: &TaskTracker,
        shutdown: CancellationToken,
    ) -> Result<Arc<dyn ServiceRegistry>, Error> {
        Ok(match self.kind {
            DiscoveryKind::Static => Arc::new(FixedRegistry::new(self.services.clone(), scheme)),
            DiscoveryKind::Dns => Arc::new(DnsRegistry::new(
                DnsNames {
                    services: self.services.clone(),
                    refresh: std::time::Duration::from_millis(self.refresh_ms),
                    scheme,
                },
                tasks.clone(),
                shutdown,
            )),
            DiscoveryKind::Consul => {
                let agent = ConsulOptions {
                    url: self.consul.clone(),
                    token: self.consul_token.clone(),
                    ca_file: self.consul_ca_file.clone(),
                    scheme,
                };
                Arc::new(ConsulRegistry::new(&agent, tasks.clone(), shutdown)?)
            }
        })
    }
}

/// Takes a new list of instances; returns `true` if it changes the known one.
///
/// An empty list never replaces one that had instances: a registry that has just lost its memory,
/// or its connections to all of them, says "none". An instance that is truly gone refuses
/// connections, and costs one attempt.
fn update(
    service: &'static str,
    list: &watch::Sender<Arc<[Instance]>>,
    mut found: Vec<Instance>,
) -> bool {
    found.sort();
    found.dedup_by(|a, b| a.id == b.id);
    let kept = found.is_empty() && !list.borrow().is_empty();
    metrics::gauge!("fairlead_discovery_up", "service" => service).set(f64::from(u8::from(!kept)));
    if kept {
        return false;
    }
    metrics::gauge!("fairlead_discovery_instances", "service" => service).set(found.len() as f64);
    list.send_if_modified(|current| {
        let changed = **current != *found;
        if changed {
            tracing::info!(service, instances = found.len(), "instances changed");
            *current = found.into();
        }
        changed
    })
}

/// Notes that the registry did not answer: the last known list stays.
fn note_unanswered(service: &'static str) {
    metrics::gauge!("fairlead_discovery_up", "service" => service).set(0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_keeps_the_last_known_list() {
        let (list, seen) = watch::channel::<Arc<[Instance]>>(Arc::default());
        assert!(update(
            "ranking",
            &list,
            vec![Instance::at("http://b:1"), Instance::at("http://a:1")]
        ));
        assert!(!update("ranking", &list, Vec::new()));
        let ids: Vec<String> = seen.borrow().iter().map(|one| one.id.clone()).collect();
        assert_eq!(ids, ["http://a:1", "http://b:1"]);
        assert!(update("ranking", &list, vec![Instance::at("http://b:1")]));
    }

    #[test]
    fn what_cannot_be_worked_with_is_named() {
        let good = DiscoveryConfig {
            kind: DiscoveryKind::Static,
            consul: "http://127.0.0.1:8500".into(),
            consul_ca_file: PathBuf::new(),
            consul_token: String::new(),
            advertise: String::new(),
            zone: String::new(),
            refresh_ms: 1_000,
            services: BTreeMap::from([("ranking".to_owned(), vec!["http://r:7004".to_owned()])]),
        };
        assert!(good.check(&["ranking"], Scheme::Http).is_ok());
        let error = good.check(&["ranking"], Scheme::Https).expect_err("http");
        assert!(
            error
                .to_string()
                .contains("`http://r:7004` is not allowed: https://"),
            "{error}"
        );
        let with = |change: &dyn Fn(&mut DiscoveryConfig)| {
            let mut config = good.clone();
            change(&mut config);
            config
                .check(&["ranking"], Scheme::Http)
                .expect_err("refused")
                .to_string()
        };
        let service = |to: &str| BTreeMap::from([("ranking".to_owned(), vec![to.to_owned()])]);
        assert!(with(&|config| config.refresh_ms = 0).contains("refresh_ms"));
        assert!(with(&|config| config.services = service("nowhere")).contains("`nowhere`"));
        assert!(
            with(&|config| {
                config.kind = DiscoveryKind::Dns;
                config.services = service("http://r:1");
            })
            .contains("host:port")
        );
        assert!(
            with(&|config| {
                config.kind = DiscoveryKind::Consul;
                config.consul = "consul".into();
            })
            .contains("`consul`")
        );
        assert!(
            with(&|config| drop(config.services.insert("rankign".into(), vec![])))
                .contains("rankign")
        );
    }
}
