//! The reference: the same house in one process, on the same events and the same releases, with a
//! feature store of its own.

use anyhow::Context as _;
use fairlead_client::terminal::Bars;
use fairlead_lab::setup::{self, Simulation};
use fairlead_server::config::AppConfig;
use fairlead_server::up::Running;
use fairlead_testkit::RedisServer;

use super::Cluster;

const SEED: u64 = 11;

/// A house in this process beside a cluster.
pub struct Reference {
    /// The house.
    pub running: Running,
    /// The customers of its population, which are the cluster's as well.
    pub customers: Vec<String>,
    _redis: RedisServer,
}

impl Reference {
    /// Starts a house on the cluster's Kafka and control database, and furnishes both with a
    /// population, trained models and a release. Its stream is a consumer group of its own, so that
    /// each side computes the features for itself.
    pub async fn furnish(
        cluster: &Cluster,
        customers: usize,
        events: usize,
        bars: Bars,
    ) -> anyhow::Result<Self> {
        let redis = RedisServer::start()?;
        let mut config = AppConfig::load(None)?;
        config.data_dir = cluster.folder().join("reference");
        config.redis.url = redis.url();
        config.events.kafka = cluster.setting("EVENTS__KAFKA").to_owned();
        config.control.database = cluster.setting("CONTROL__DATABASE").to_owned();
        config.pricing.signing_keys_file = cluster.setting("PRICING__SIGNING_KEYS_FILE").into();
        "reference".clone_into(&mut config.stream.group);
        config.gateway.deadline_ms = 20_000;
        config.gateway.allow_as_of = true;
        let any = "127.0.0.1:0".parse()?;
        (
            config.listen.gateway,
            config.listen.control,
            config.listen.metrics,
        ) = (any, any, any);
        let running = Running::start(&config, None)
            .await
            .context("the reference")?;
        let simulation = Simulation {
            seed: SEED,
            customers,
            events,
        };
        let customers = setup::populate(&running, simulation, bars).await?;
        Ok(Self {
            running,
            customers,
            _redis: redis,
        })
    }
}
