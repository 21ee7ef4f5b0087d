//! A gateway on a port of its own, its stubs, and its clients.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fairlead_authentication::ToolsToken;
use fairlead_chassis::clock::ManualClock;
use fairlead_chassis::link::Link;
use fairlead_chassis::serve::{ServeOptions, grpc_router, serve, serve_router};
use fairlead_event_log::{EmbeddedEventLog, EmbeddedOptions, EventLog, OriginKeys};
use fairlead_gateway::{ApiKey, Config, Deps, Service, topics};
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::event::v1::Event;
use fairlead_proto::gateway::v1::customer_profile_service_client::CustomerProfileServiceClient;
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;
use fairlead_proto::gateway::v1::quote_service_client::QuoteServiceClient;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;
use fairlead_registry::Registry;
use fairlead_release_follow::ReleaseHandle;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;

use crate::calls::Credentials;
use crate::log_valve::LogValve;
use crate::releases::{NOW_MS, live};
use crate::stubs::{StubServer, Stubs};

/// No test waits longer for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A served gateway with all around it. Dropping it ends the servers.
pub(crate) struct Setup {
    pub(crate) stubs: Arc<Stubs>,
    pub(crate) log: Arc<LogValve>,
    pub(crate) releases: ReleaseHandle,
    pub(crate) service: Service,
    pub(crate) address: SocketAddr,
    link: Link,
    servers: JoinSet<()>,
    tasks: TaskTracker,
    stop: DropGuard,
    /// The token of the bank's own tools.
    pub(crate) tools: String,
    _folder: tempfile::TempDir,
}

/// The keys that sign the origin of events.
pub(crate) fn origin_keys() -> OriginKeys {
    let keys = BTreeMap::from([("k1".to_owned(), vec![7; 32])]);
    OriginKeys::new("k1", keys).expect("keys")
}

/// A configuration of the tenant `acme` that gives slow machines time.
pub(crate) fn config() -> Config {
    Config {
        default_tenant: "acme".to_owned(),
        deadline_ms: 20_000,
        ..Config::default()
    }
}

/// The same, with keys: `(key, tenant, requests per second)`.
pub(crate) fn config_with_keys(keys: &[(&str, &str, u32)]) -> Config {
    let key = |(key, tenant, requests_per_second): &(&str, &str, u32)| {
        let rights = ApiKey {
            tenant: (*tenant).to_owned(),
            requests_per_second: *requests_per_second,
            origin: "app".to_owned(),
            scopes: Vec::new(),
        };
        ((*key).to_owned(), rights)
    };
    Config {
        api_keys: keys.iter().map(key).collect::<BTreeMap<_, _>>(),
        ..config()
    }
}

impl Setup {
    /// A gateway for anyone, with a release, in front of stubs that work.
    pub(crate) async fn start() -> Self {
        Self::start_with(config()).await
    }

    pub(crate) async fn start_with(config: Config) -> Self {
        Self::serve(config, ReleaseHandle::fixed(live(1))).await
    }

    pub(crate) async fn without_release() -> Self {
        Self::serve(config(), ReleaseHandle::empty()).await
    }

    async fn serve(config: Config, releases: ReleaseHandle) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = EmbeddedOptions::new(folder.path().join("log"));
        let log = EmbeddedEventLog::open(options).await.expect("a log");
        let log = Arc::new(LogValve::new(log));
        let stubs = Arc::new(Stubs::default());
        let stub_server = StubServer::new(stubs.clone());
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let mut servers = JoinSet::new();
        let mut serve_stub = async |routes: Routes| {
            let (listener, address) = bind().await;
            let stop = stop.clone();
            servers.spawn(async move {
                // It ends with the test; calls that hang outlive the drain.
                drop(serve(options_of("stub"), listener, routes, stop).await);
            });
            connect(address)
        };
        let token = folder.path().join(ToolsToken::FILE);
        let deps = Deps {
            origin_keys: Some(origin_keys()),
            tools: Some(ToolsToken::kept_at(&token).expect("a token")),
            keys: None,
            open: true,
            clock: Arc::new(ManualClock::at(NOW_MS)),
            registry: Registry::builtin(),
            log: log.clone() as Arc<dyn EventLog>,
            releases: releases.clone(),
            profile: serve_stub(stub_server.profile()).await,
            recall: serve_stub(stub_server.recall()).await,
            ranking: serve_stub(stub_server.ranking()).await,
            pricing: serve_stub(stub_server.pricing()).await,
            tasks: tasks.clone(),
            shutdown: stop.clone(),
        };
        let tools = std::fs::read_to_string(token).expect("the token");
        let service = Service::new(config, deps).await.expect("a gateway");
        let (grpc, health) = grpc_router(service.routes()).expect("routes");
        health.set_serving(true).await;
        let (listener, address) = bind().await;
        let (router, stopping) = (service.router(grpc), stop.clone());
        servers.spawn(async move {
            drop(serve_router(options_of("gateway"), listener, router, stopping).await);
        });
        Self {
            stubs,
            log,
            releases,
            service,
            address,
            link: connect(address),
            servers,
            tasks,
            stop: stop.drop_guard(),
            tools,
            _folder: folder,
        }
    }

    /// Serves the gateway's gRPC services without its access layer, and returns their address.
    pub(crate) async fn serve_without_access_layer(&mut self) -> SocketAddr {
        let (listener, address) = bind().await;
        let (routes, stop) = (self.service.routes(), CancellationToken::new());
        self.servers.spawn(async move {
            drop(serve(options_of("bare"), listener, routes, stop).await);
        });
        address
    }

    pub(crate) fn recommendations(&self) -> RecommendServiceClient<Link> {
        RecommendServiceClient::new(self.link.clone())
    }

    pub(crate) fn quotes(&self) -> QuoteServiceClient<Link> {
        QuoteServiceClient::new(self.link.clone())
    }

    pub(crate) fn events(&self) -> EventServiceClient<Link> {
        EventServiceClient::new(self.link.clone())
    }

    pub(crate) fn profiles(&self) -> CustomerProfileServiceClient<Link> {
        CustomerProfileServiceClient::new(self.link.clone())
    }

    /// Events as the bearer of a key or token.
    pub(crate) fn events_by(&self, bearer: &str) -> EventServiceClient<Link> {
        EventServiceClient::new(self.link.with_bearer(bearer).expect("ASCII"))
    }

    /// A link whose calls carry credentials.
    pub(crate) fn link_with(
        &self,
        credentials: Credentials,
    ) -> InterceptedService<Link, Credentials> {
        InterceptedService::new(self.link.clone(), credentials)
    }

    /// The decision records in the log.
    pub(crate) async fn decisions(&self) -> Vec<DecisionRecord> {
        let records = self.log.records(topics::DECISIONS).await;
        let decode = |payload| DecisionRecord::decode(payload).expect("a decision record");
        records
            .into_iter()
            .map(|one| decode(one.record.payload))
            .collect()
    }

    /// The events in the log.
    pub(crate) async fn logged_events(&self) -> Vec<Event> {
        let records = self.log.records(topics::EVENTS).await;
        let decode = |payload| Event::decode(payload).expect("an event");
        records
            .into_iter()
            .map(|one| decode(one.record.payload))
            .collect()
    }

    /// Ends the gateway's tasks: the decision log then holds every record that was buffered.
    pub(crate) async fn flush(self) -> (Arc<LogValve>, tempfile::TempDir) {
        let Self {
            log,
            tasks,
            stop,
            _folder: folder,
            ..
        } = self;
        drop(stop);
        tasks.close();
        tokio::time::timeout(PATIENCE, tasks.wait())
            .await
            .expect("the decision log ends in time");
        (log, folder)
    }
}

fn options_of(name: &'static str) -> ServeOptions {
    ServeOptions {
        name,
        drain: Duration::from_millis(100),
        tls: None,
    }
}

async fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

fn connect(address: SocketAddr) -> Link {
    Link::connect(&[format!("http://{address}")]).expect("an address")
}
