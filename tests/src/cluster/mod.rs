//! The cluster form on one machine: real Kafka, Redis, Consul and PostgreSQL, and every service in
//! a process of its own, with TLS between them. All of them end with this process.

mod certificates;
mod instance;
mod load;
mod reference;
mod scrape;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use fairlead_chassis::discovery::{ConsulOptions, ConsulRegistry, Scheme, ServiceRegistry as _};
use fairlead_chassis::link::Link;
use fairlead_chassis::tls::Tls;
use fairlead_server::{ServicesToken, ToolsToken};
use fairlead_testkit::{ConsulAgent, KafkaBroker, PostgresServer, RedisServer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use certificates::Certificates;
pub use instance::{PATIENCE, ServiceInstance, binary};
pub use load::{Load, Tally};
pub use reference::Reference;
pub use scrape::{get, total};

/// Every service, in the order in which a request reaches them, then those that run beside it.
pub const SERVICES: &[&str] = &[
    "gateway", "profile", "recall", "ranking", "pricing", "control", "stream", "lake",
];

/// The name of tests in their own certificate.
const TESTS: &str = "tests";

/// The servers that a cluster depends on.
pub struct Servers {
    /// Events and decision records.
    pub kafka: KafkaBroker,
    /// The feature store.
    pub redis: RedisServer,
    /// Service discovery.
    pub consul: ConsulAgent,
    /// The control database.
    pub postgres: PostgresServer,
}

/// A cluster: servers, processes, and their configuration.
pub struct Cluster {
    /// The servers. Dropped last: processes that drain still write to them.
    pub servers: Servers,
    /// The authority that all processes trust.
    pub certificates: Certificates,
    /// Processes by name: "ranking-1".
    pub instances: BTreeMap<String, ServiceInstance>,
    settings: BTreeMap<String, String>,
    tls: Tls,
    folder: Arc<tempfile::TempDir>,
    following: CancellationToken,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.following.cancel();
        self.instances.clear();
    }
}

impl Cluster {
    /// Starts the servers, but no process yet. `settings` are configuration keys of every process,
    /// named as in the environment without `FAIRLEAD_`: "GATEWAY__DEADLINE_MS".
    pub fn start_servers(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let servers = Servers {
            kafka: KafkaBroker::start()?,
            redis: RedisServer::start_with(fairlead_testkit::Durability::AppendOnly)?,
            consul: ConsulAgent::start()?,
            postgres: PostgresServer::start()?,
        };
        let folder = Arc::new(tempfile::tempdir()?);
        let keys = folder.path().join("signing-keys.json");
        let origin_keys = folder.path().join("origin-keys.json");
        let services_token = folder.path().join(ServicesToken::FILE);
        let tools_token = folder.path().join(ToolsToken::FILE);
        let mut all = BTreeMap::from([
            ("EVENTS__KAFKA".to_owned(), servers.kafka.bootstrap()),
            ("REDIS__URL".to_owned(), servers.redis.url()),
            ("CONTROL__DATABASE".to_owned(), servers.postgres.database()?),
            ("DISCOVERY__KIND".to_owned(), "consul".to_owned()),
            ("DISCOVERY__CONSUL".to_owned(), servers.consul.url()),
            (
                "PRICING__SIGNING_KEYS_FILE".to_owned(),
                keys.display().to_string(),
            ),
            (
                "EVENTS__ORIGIN_KEYS_FILE".to_owned(),
                origin_keys.display().to_string(),
            ),
            (
                "IDENTITY__TOOLS_TOKEN_FILE".to_owned(),
                tools_token.display().to_string(),
            ),
            (
                "IDENTITY__SERVICES_TOKEN_FILE".to_owned(),
                services_token.display().to_string(),
            ),
            ("NOTICE_MS".to_owned(), "500".to_owned()),
            ("TLS__RELOAD_MS".to_owned(), "100".to_owned()),
        ]);
        let given = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        all.extend(given);
        let certificates = Certificates::new(folder.path())?;
        Ok(Self {
            tls: certificates.held_by(TESTS, folder.path())?,
            certificates,
            servers,
            instances: BTreeMap::new(),
            settings: all,
            folder,
            following: CancellationToken::new(),
        })
    }

    /// Starts an instance of a service, named `{service}-{number}`. It may not be ready yet.
    pub fn start(
        &mut self,
        service: &'static str,
        number: usize,
    ) -> anyhow::Result<&mut ServiceInstance> {
        self.start_with(service, number, &[])
    }

    /// Starts an instance with settings of its own.
    pub fn start_with(
        &mut self,
        service: &'static str,
        number: usize,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<&mut ServiceInstance> {
        let name = format!("{service}-{number}");
        let folder = self.folder.path().join(&name);
        std::fs::create_dir_all(&folder)?;
        let mut all = self.settings.clone();
        all.extend(self.certificates.settings(service, &folder)?);
        let own = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        all.extend(own);
        let instance = ServiceInstance::start(service, &folder, all)
            .with_context(|| format!("starting {name}"))?;
        self.instances.insert(name.clone(), instance);
        self.instance(&name)
    }

    /// Returns an instance by name.
    pub fn instance(&mut self, name: &str) -> anyhow::Result<&mut ServiceInstance> {
        let instance = self.instances.get_mut(name);
        instance.with_context(|| format!("no instance {name}"))
    }

    /// Ends an instance and deletes its folder.
    pub fn forget(&mut self, name: &str) -> anyhow::Result<()> {
        drop(self.instances.remove(name));
        Ok(std::fs::remove_dir_all(self.folder.path().join(name))?)
    }

    /// Waits until every process is ready.
    pub fn until_ready(&mut self) -> anyhow::Result<()> {
        for (name, instance) in &mut self.instances {
            instance
                .until_ready()
                .with_context(|| format!("waiting for {name}"))?;
        }
        Ok(())
    }

    /// Returns a link to the control planes for the tools of this machine.
    pub fn control(&self) -> anyhow::Result<Link> {
        let token = std::fs::read_to_string(self.tools_token())?;
        Ok(self.link("control")?.with_bearer(token.trim())?)
    }

    /// Returns the file of the token by which the control planes know the tools of this machine.
    pub fn tools_token(&self) -> PathBuf {
        self.setting("IDENTITY__TOOLS_TOKEN_FILE").into()
    }

    /// Gives an instance a new certificate, while it runs.
    pub fn renew(&self, name: &str) -> anyhow::Result<()> {
        let instance = self.instances.get(name);
        let instance = instance.with_context(|| format!("no instance {name}"))?;
        let folder = self.folder.path().join(name);
        self.certificates.issue(instance.service(), &folder)?;
        Ok(())
    }

    /// Returns a link to a service as other services have it: balanced over the instances in Consul,
    /// with a certificate of its own, and without a token.
    pub fn link(&self, service: &'static str) -> anyhow::Result<Link> {
        let instances = self.registry()?.follow(service)?;
        Ok(Link::balanced(service, instances, self.tls.link(service)))
    }

    /// Returns a link to one instance, with a certificate of its own.
    pub fn link_to(&self, instance: &str) -> anyhow::Result<Link> {
        let one = self.instances.get(instance);
        let one = one.with_context(|| format!("no instance {instance}"))?;
        let tls = self.tls.link(one.service());
        Ok(Link::connect_by(&[one.address()], tls)?)
    }

    /// Returns the registry of services, until the cluster ends.
    pub fn registry(&self) -> anyhow::Result<ConsulRegistry> {
        let options = ConsulOptions {
            url: self.servers.consul.url(),
            token: String::new(),
            ca_file: std::path::PathBuf::new(),
            scheme: Scheme::Https,
        };
        let (tasks, shutdown) = (TaskTracker::new(), self.following.clone());
        Ok(ConsulRegistry::new(&options, tasks, shutdown)?)
    }

    /// Returns the folder of all files of this cluster.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Changes a setting of every process that is started from now on.
    pub fn set(&mut self, key: &str, value: &str) {
        self.settings.insert(key.to_owned(), value.to_owned());
    }

    /// Returns a setting of every process.
    pub fn setting(&self, key: &str) -> &str {
        self.settings
            .get(key)
            .map(String::as_str)
            .unwrap_or_default()
    }
}
