//! A house for tests: furnished with a small population, on free ports, in a folder of its own.

use std::path::Path;
use std::sync::OnceLock;

use fairlead_client::terminal::Bars;
use fairlead_lab::setup::{self, Simulation};
use fairlead_server::config::AppConfig;
use fairlead_server::up::Running;
use fairlead_testkit::RedisServer;
use tokio::runtime::Runtime;

/// Customers and events of the small population.
pub(crate) const CUSTOMERS: usize = 1_500;
const EVENTS: usize = 15_000;
const SEED: u64 = 11;

/// A running house with its customers.
pub(crate) struct House {
    pub(crate) running: Running,
    pub(crate) customers: Vec<String>,
    _redis: RedisServer,
    _folder: tempfile::TempDir,
}

impl House {
    /// Starts a house and furnishes it; `kafka` names a broker, empty takes the embedded log.
    pub(crate) async fn furnished(kafka: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut config = config(folder.path())?;
        kafka.clone_into(&mut config.events.kafka);
        // One that ends with this process, however it ends: nobody stops the shared house.
        let redis = RedisServer::start()?;
        config.redis.url = redis.url();
        let running = Running::start(&config, None).await?;
        let simulation = Simulation {
            seed: SEED,
            customers: CUSTOMERS,
            events: EVENTS,
        };
        let customers = setup::populate(&running, simulation, Bars::hidden()).await?;
        Ok(Self {
            running,
            customers,
            _redis: redis,
            _folder: folder,
        })
    }
}

/// The configuration of a house in `folder`, on free ports.
pub(crate) fn config(folder: &Path) -> anyhow::Result<AppConfig> {
    let mut config = AppConfig::load(None)?;
    folder.clone_into(&mut config.data_dir);
    // Tests run beside each other on few cores: they ask what is answered, not how fast.
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

/// The runtime that the shared house lives on: it outlives the test that started it.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime"))
}

/// One house for all tests that only ask, started by the first.
pub(crate) async fn shared() -> &'static House {
    static SHARED: tokio::sync::OnceCell<House> = tokio::sync::OnceCell::const_new();
    SHARED
        .get_or_init(|| async { House::furnished("").await.expect("a house") })
        .await
}
