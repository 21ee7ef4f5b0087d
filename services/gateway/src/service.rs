//! The gateway's state, shared by its four services and by REST.

use std::sync::Arc;

use fairlead_chassis::clock::Clock;
use fairlead_chassis::link::Link;
use fairlead_event_log::EventLog;
use fairlead_proto::gateway::v1::customer_profile_service_server::CustomerProfileServiceServer;
use fairlead_proto::gateway::v1::event_service_server::EventServiceServer;
use fairlead_proto::gateway::v1::quote_service_server::QuoteServiceServer;
use fairlead_proto::gateway::v1::recommend_service_server::RecommendServiceServer;
use fairlead_proto::pricing::v1::pricing_service_client::PricingServiceClient;
use fairlead_proto::profile::v1::profile_service_client::ProfileServiceClient;
use fairlead_proto::ranking::v1::ranking_service_client::RankingServiceClient;
use fairlead_proto::recall::v1::recall_service_client::RecallServiceClient;
use fairlead_registry::Registry;
use fairlead_release_follow::ReleaseHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use crate::checks::Checks;
use crate::config::Config;
use crate::decision::{Decider, LastKnown};
use crate::decision_log::DecisionLog;
use crate::{Error, topics};

/// What the gateway works with.
pub struct Deps {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Feature definitions.
    pub registry: Registry,
    /// Where events and decision records go.
    pub log: Arc<dyn EventLog>,
    /// The release in force.
    pub releases: ReleaseHandle,
    /// To the profile service.
    pub profile: Link,
    /// To the recall service.
    pub recall: Link,
    /// To the ranking service.
    pub ranking: Link,
    /// To the pricing service.
    pub pricing: Link,
    /// Owns the background tasks.
    pub tasks: TaskTracker,
    /// Ends them.
    pub shutdown: CancellationToken,
}

/// The gateway. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) registry: Registry,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) decider: Decider,
    pub(crate) decisions: DecisionLog,
}

impl Service {
    /// Checks the configuration, makes the topics, starts the decision log.
    pub async fn new(config: Config, deps: Deps) -> Result<Self, Error> {
        config.check().map_err(Error::Config)?;
        let (tasks, shutdown) = (&deps.tasks, deps.shutdown.clone());
        topics::create(deps.log.clone(), &config, tasks, shutdown).await?;
        let decisions = DecisionLog::start(
            deps.log.clone(),
            config.log_buffer,
            &deps.tasks,
            deps.shutdown,
        );
        let decider = Decider {
            registry: deps.registry.clone(),
            last_known: LastKnown::default(),
            releases: deps.releases,
            profile: ProfileServiceClient::new(deps.profile),
            recall: RecallServiceClient::new(deps.recall),
            ranking: RankingServiceClient::new(deps.ranking),
            pricing: PricingServiceClient::new(deps.pricing),
            shares: config.shares,
            candidates: config.candidates,
        };
        let inner = Inner {
            config,
            clock: deps.clock,
            registry: deps.registry,
            log: deps.log,
            decider,
            decisions,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The gRPC services.
    pub fn routes(&self) -> Routes {
        Routes::new(RecommendServiceServer::new(self.clone()))
            .add_service(QuoteServiceServer::new(self.clone()))
            .add_service(EventServiceServer::new(self.clone()))
            .add_service(CustomerProfileServiceServer::new(self.clone()))
    }

    pub(crate) fn checks(&self) -> Checks<'_> {
        Checks {
            config: &self.inner.config,
            clock: self.inner.clock.as_ref(),
        }
    }
}
