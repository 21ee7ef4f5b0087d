//! A server for tests: set up with a small population, on free ports, in a temporary folder.

use std::path::Path;
use std::sync::OnceLock;

use fairlead_client::terminal::Bars;
use fairlead_lab::setup::{self, Simulation};
use fairlead_server::{AppConfig, Server};
use fairlead_testkit::RedisServer;
use tokio::runtime::Runtime;

/// Customers of the small population.
pub(crate) const CUSTOMERS: usize = 1_500;
const EVENTS: usize = 15_000;
const SEED: u64 = 11;

/// A running server with its customers.
pub(crate) struct Fixture {
    pub(crate) server: Server,
    pub(crate) customers: Vec<String>,
    config: AppConfig,
    _redis: RedisServer,
    _folder: tempfile::TempDir,
}

impl Fixture {
    /// Starts a server and sets it up. `kafka` names a broker; if it is empty, the embedded log is
    /// used.
    pub(crate) async fn start(kafka: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut config = config(folder.path())?;
        kafka.clone_into(&mut config.events.kafka);
        // This one ends with the process: the shared server is never stopped.
        let redis = RedisServer::start()?;
        config.redis.url = redis.url();
        let server = Server::start(&config, None).await?;
        let simulation = Simulation {
            seed: SEED,
            customers: CUSTOMERS,
            events: EVENTS,
            parameters: &[],
        };
        let customers = setup::populate(&server, simulation, Bars::hidden()).await?;
        Ok(Self {
            server,
            customers,
            config,
            _redis: redis,
            _folder: folder,
        })
    }

    /// Stops the server and starts another one with the same data.
    pub(crate) async fn restart(self) -> anyhow::Result<Self> {
        self.server.stop().await?;
        let server = Server::start(&self.config, None).await?;
        Ok(Self { server, ..self })
    }
}

/// Returns the configuration of a server in `folder`, on free ports.
pub(crate) fn config(folder: &Path) -> anyhow::Result<AppConfig> {
    let mut config = AppConfig::load(None)?;
    folder.clone_into(&mut config.data_dir);
    // Tests run beside each other on few cores, and assert on answers, not on speed.
    config.gateway.deadline_ms = 20_000;
    config.gateway.allow_as_of = true;
    let any = "127.0.0.1:0".parse()?;
    (
        config.listen.gateway,
        config.listen.control,
        config.listen.metrics,
    ) = (any, any, any);
    Ok(config)
}

/// Returns the runtime of the shared server: it outlives the test that started it.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime"))
}

/// Returns the server that is shared by all tests that only read; the first one starts it.
pub(crate) async fn shared() -> &'static Fixture {
    static SHARED: tokio::sync::OnceCell<Fixture> = tokio::sync::OnceCell::const_new();
    SHARED
        .get_or_init(|| async { Fixture::start("").await.expect("a server") })
        .await
}
