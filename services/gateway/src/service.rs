//! The gateway's state, shared by its four services and by REST.

use std::sync::Arc;

use fairlead_authentication::{ToolsToken, in_process, tools};
use fairlead_chassis::clock::Clock;
use fairlead_chassis::link::Link;
use fairlead_event_log::{EventLog, OriginKeys};
use fairlead_proto::gateway::v1::customer_profile_service_server::CustomerProfileServiceServer;
use fairlead_proto::gateway::v1::event_service_server::EventServiceServer;
use fairlead_proto::gateway::v1::quote_service_server::QuoteServiceServer;
use fairlead_proto::gateway::v1::recommend_service_server::RecommendServiceServer;
use fairlead_registry::Registry;
use fairlead_release_follow::ReleaseHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use crate::access::Access;
use crate::backends::{Backends, Links};
use crate::bounded_log::BoundedLog;
use crate::config::Config;
use crate::decision::{Decider, LastKnown};
use crate::decision_log::DecisionLog;
use crate::keys::{KeyFollower, KeySource};
use crate::{Error, topics};

/// The parts that the gateway is built on.
pub struct Deps {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Feature definitions.
    pub registry: Registry,
    /// The log of events and decision records.
    pub log: Arc<dyn EventLog>,
    /// The release in force.
    pub releases: ReleaseHandle,
    /// A link to the profile service.
    pub profile: Link,
    /// A link to the recall service.
    pub recall: Link,
    /// A link to the ranking service.
    pub ranking: Link,
    /// A link to the pricing service.
    pub pricing: Link,
    /// The token of the bank's own tools on this machine, if there is one.
    pub tools: Option<ToolsToken>,
    /// Where keys and sessions are followed, or `None` if those of the configuration are all.
    pub keys: Option<KeySource>,
    /// True if whoever reaches the port may call while there are neither keys nor customer tokens: for a
    /// port that only this machine reaches.
    pub open: bool,
    /// The keys that sign the origin of events, or `None` if this installation signs none: readers
    /// then take every event for an app's.
    pub origin_keys: Option<OriginKeys>,
    /// The owner of the background tasks.
    pub tasks: TaskTracker,
    /// The token that ends them.
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
    pub(crate) log: BoundedLog,
    pub(crate) origin_keys: Option<OriginKeys>,
    pub(crate) access: Arc<Access>,
    pub(crate) backends: Backends,
    pub(crate) decider: Decider,
    pub(crate) decisions: DecisionLog,
}

impl Service {
    /// Checks the configuration, makes the topics, starts the decision log.
    pub async fn new(config: Config, deps: Deps) -> Result<Self, Error> {
        config.check()?;
        let access = Arc::new(Access::new(&config, (deps.tools, deps.open), &deps.clock)?);
        if let Some(source) = deps.keys {
            let follower = KeyFollower::new(source, access.keys());
            deps.tasks.spawn(follower.run(deps.shutdown.clone()));
        }
        if access.is_open() {
            tracing::warn!(
                "neither keys nor customer tokens are configured: whoever reaches the gateway may call"
            );
        }
        if let Some(customers) = access.customers() {
            let shutdown = deps.shutdown.clone();
            deps.tasks
                .spawn(async move { customers.keep_fresh(shutdown).await });
        }
        let (tasks, shutdown) = (&deps.tasks, deps.shutdown.clone());
        topics::create(deps.log.clone(), &config, tasks, shutdown).await?;
        let decisions = DecisionLog::start(
            deps.log.clone(),
            config.log_buffer,
            &deps.tasks,
            deps.shutdown,
        );
        let backends = Backends::new(Links {
            profile: deps.profile,
            recall: deps.recall,
            ranking: deps.ranking,
            pricing: deps.pricing,
        });
        let decider = Decider {
            registry: deps.registry.clone(),
            last_known: LastKnown::default(),
            releases: deps.releases,
            backends: backends.clone(),
            shares: config.shares,
            candidates: config.candidates,
        };
        let inner = Inner {
            config,
            clock: deps.clock,
            registry: deps.registry,
            log: BoundedLog::new(deps.log),
            origin_keys: deps.origin_keys,
            access,
            backends,
            decider,
            decisions,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Returns the gRPC services. They are to be served behind [`Service::router`]: a call that did not
    /// come through its access layer is refused.
    pub fn routes(&self) -> Routes {
        Routes::new(RecommendServiceServer::new(self.clone()))
            .add_service(QuoteServiceServer::new(self.clone()))
            .add_service(EventServiceServer::new(self.clone()))
            .add_service(CustomerProfileServiceServer::new(self.clone()))
    }

    /// Returns a link for callers in this process, who need no key and act for the bank.
    pub fn in_process(&self) -> Link {
        in_process(self.routes(), tools())
    }
}
