//! The reference: all services in one process, on the same events and the same releases as a
//! cluster, with a feature store of its own.

use anyhow::Context as _;
use fairlead_client::terminal::Bars;
use fairlead_lab::setup::{self, Simulation};
use fairlead_server::{AppConfig, Server};
use fairlead_testkit::RedisServer;

use super::Cluster;

const SEED: u64 = 11;

/// All services in this process, beside a cluster.
pub struct Reference {
    /// The server.
    pub server: Server,
    /// The customers of the population, of which the cluster has the same events.
    pub customers: Vec<String>,
    _redis: RedisServer,
}

impl Reference {
    /// Starts a server on the cluster's Kafka and control database, and sets both up with a
    /// population, trained models and a release. Its stream has a consumer group of its own, so
    /// that each side computes the features itself.
    pub async fn start(
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
        config.events.origin_keys_file = cluster.setting("EVENTS__ORIGIN_KEYS_FILE").into();
        config.identity.tools_token_file = cluster.tools_token();
        "reference".clone_into(&mut config.stream.group);
        config.gateway.deadline_ms = 20_000;
        config.gateway.allow_as_of = true;
        let any = "127.0.0.1:0".parse()?;
        (
            config.listen.gateway,
            config.listen.control,
            config.listen.metrics,
        ) = (any, any, any);
        let server = Server::start(&config, None)
            .await
            .context("the reference")?;
        let simulation = Simulation {
            seed: SEED,
            customers,
            events,
            // Each answer has a request id of its own, and its exploration follows from it: without
            // exploration two answers can be compared.
            parameters: &[("slate.exploration", "0")],
        };
        let customers = setup::populate(&server, simulation, bars).await?;
        Ok(Self {
            server,
            customers,
            _redis: redis,
        })
    }
}
