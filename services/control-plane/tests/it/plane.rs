//! A control plane on a free port, with its own runtime, so that it can be killed.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use fairlead_authentication::{LocalCallers, ServicesToken, ToolsToken, guard};
use fairlead_chassis::clock::SystemClock;
use fairlead_chassis::serve::{ServeOptions, grpc_router, serve_router};
use fairlead_control_plane::{Config, Deps, Service};
use fairlead_event_log::EventLog;
use fairlead_identity::Principal;
use fairlead_proto::access::v1::access_service_client::AccessServiceClient;
use fairlead_proto::access::v1::session_service_client::SessionServiceClient;
use fairlead_proto::access::v1::{AcceptInvitationRequest, CreatePersonRequest};
use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{DepositTerms, Product, ProductKind};
use fairlead_proto::control::v1::audit_service_client::AuditServiceClient;
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_proto::control::v1::{
    AuditRow, GetReleaseRequest, ListAuditRequest, PublishRequest, PublishResponse,
    PutProductsRequest, Release, VerifyAuditRequest, VerifyAuditResponse,
};
use fairlead_proto::money::v1::Money;
use fairlead_testkit::PostgresServer;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

/// The longest that a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The password of every person.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The tenant of every test.
pub(crate) const TENANT: &str = "acme";

/// Runs each of these tests on SQLite and on PostgreSQL: they take the [`Home`] of their planes.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    super::$test(crate::plane::Home::sqlite()).await;
                }
            )+
        }
        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    super::$test(crate::plane::Home::postgres()).await;
                }
            )+
        }
    };
}
pub(crate) use on_both;

/// A folder and a control database for the planes of one test.
pub(crate) struct Home {
    folder: TempDir,
    pub(crate) database: String,
}

impl Home {
    /// Makes one whose database is a file in the folder.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = format!("sqlite:{}", folder.path().join("control.db").display());
        Self { folder, database }
    }

    /// Makes one with a new database of the PostgreSQL that all tests use.
    pub(crate) fn postgres() -> Self {
        let server = PostgresServer::shared().expect("a PostgreSQL");
        Self::of(server.database().expect("a database"))
    }

    /// Makes one with a new database of this server.
    pub(crate) fn on(server: &PostgresServer) -> Self {
        Self::of(server.database().expect("a database"))
    }

    /// Makes one with the database at a URL.
    pub(crate) fn at(url: String) -> Self {
        Self::of(url)
    }

    fn of(database: String) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            database,
        }
    }

    /// Makes one with another database of the same kind.
    pub(crate) fn another(&self) -> Self {
        if self.is_postgres() {
            Self::postgres()
        } else {
            Self::sqlite()
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.database.starts_with("postgres:")
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> Config {
        Config {
            database: self.database.clone(),
            // A runner under load is no reason to fail.
            busy_timeout_ms: 30_000,
            ..Config::default()
        }
    }
}

/// The tokens of the planes of a test.
struct Tokens {
    local: LocalCallers,
    tools: String,
    services: ServicesToken,
}

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(ToolsToken::FILE);
    let tools = ToolsToken::kept_at(&file).expect("a token");
    let services = folder.path().join(ServicesToken::FILE);
    let services = ServicesToken::kept_at(&services).expect("a token");
    Tokens {
        local: LocalCallers {
            tools: Some(tools),
            services: Some(services.clone()),
        },
        tools: std::fs::read_to_string(file).expect("a token"),
        services,
    }
});

/// Returns the bearer token of a service of the installation.
pub(crate) fn service_token(name: &str) -> String {
    TOKENS.services.of(name)
}

/// Returns the callers that every plane knows by a file.
pub(crate) fn local_callers() -> LocalCallers {
    TOKENS.local.clone()
}

/// A connection that shows a bearer token, if there is one.
pub(crate) type Way = InterceptedService<Channel, Bearer>;

/// Shows a bearer token on every call.
#[derive(Debug, Clone)]
pub(crate) struct Bearer(Option<MetadataValue<Ascii>>);

impl Bearer {
    pub(crate) fn of(token: &str) -> Self {
        let value = format!("Bearer {token}");
        Self(Some(value.parse().expect("a header")))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            let metadata = request.metadata_mut();
            metadata.insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// Serves a control plane on `listener` until `shutdown`.
async fn run(
    (config, log): (Config, Option<Arc<dyn EventLog>>),
    listener: tokio::net::TcpListener,
    shutdown: CancellationToken,
    caller: Option<Principal>,
) -> anyhow::Result<()> {
    let deps = Deps {
        clock: Arc::new(SystemClock),
        log,
        shutdown: shutdown.clone(),
        local: local_callers(),
    };
    let service = Service::new(&config, deps).await?;
    let options = ServeOptions {
        name: "control-plane",
        drain: Duration::from_secs(10),
        tls: None,
    };
    let (grpc, health) = grpc_router(service.routes())?;
    health.set_serving(true).await;
    let router = match caller {
        Some(caller) => guard(grpc, Arc::new(caller)),
        None => service.router(grpc),
    };
    let served = serve_router(options, listener, router, shutdown).await;
    service.close().await;
    Ok(served?)
}

/// The clients of a person.
pub(crate) struct AsPerson(Way);

impl AsPerson {
    pub(crate) fn access(&self) -> AccessServiceClient<Way> {
        AccessServiceClient::new(self.0.clone())
    }

    pub(crate) fn sessions(&self) -> SessionServiceClient<Way> {
        SessionServiceClient::new(self.0.clone())
    }

    pub(crate) fn drafts(&self) -> DraftServiceClient<Way> {
        DraftServiceClient::new(self.0.clone())
    }

    pub(crate) fn releases(&self) -> ReleaseServiceClient<Way> {
        ReleaseServiceClient::new(self.0.clone())
    }
}

/// A running control plane.
pub(crate) struct Plane {
    runtime: Option<Runtime>,
    shutdown: CancellationToken,
    ended: Receiver<anyhow::Result<()>>,
    /// The port stays taken while the plane is down, so that it comes back at its address.
    listener: TcpListener,
}

impl Plane {
    /// Starts a plane over the database of this home, on a free port.
    pub(crate) fn start(home: &Home) -> Self {
        Self::start_with(home.config())
    }

    pub(crate) fn start_with(config: Config) -> Self {
        Self::start_over(config, None)
    }

    /// Starts a plane that writes heads of its audit chains to `log`.
    pub(crate) fn start_over(config: Config, log: Option<Arc<dyn EventLog>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self::start_on((config, log), listener, None)
    }

    /// Starts a plane all of whose callers are this one.
    pub(crate) fn start_for(home: &Home, caller: Principal) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self::start_on((home.config(), None), listener, Some(caller))
    }

    fn start_on(
        over: (Config, Option<Arc<dyn EventLog>>),
        listener: TcpListener,
        caller: Option<Principal>,
    ) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let shutdown = CancellationToken::new();
        let (end, ended) = sync_channel(1);
        let stop = shutdown.clone();
        let own = listener.try_clone().expect("a second handle");
        runtime.spawn(async move {
            own.set_nonblocking(true).expect("a socket");
            let own = tokio::net::TcpListener::from_std(own).expect("a listener");
            // The test that looks is the one that still listens.
            let _ = end.send(run(over, own, stop, caller).await);
        });
        Self {
            runtime: Some(runtime),
            shutdown,
            ended,
            listener,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("an address")
    }

    /// Returns a new connection of the tools.
    pub(crate) fn channel(&self) -> Way {
        self.channel_with(Bearer::of(&TOKENS.tools))
    }

    /// Returns a new connection that shows this bearer token.
    pub(crate) fn channel_with(&self, bearer: Bearer) -> Way {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address()));
        InterceptedService::new(endpoint.expect("an address").connect_lazy(), bearer)
    }

    /// Returns a new connection without a token.
    pub(crate) fn bare(&self) -> Way {
        self.channel_with(Bearer(None))
    }

    pub(crate) fn releases(&self) -> ReleaseServiceClient<Way> {
        ReleaseServiceClient::new(self.channel())
    }

    pub(crate) fn drafts(&self) -> DraftServiceClient<Way> {
        DraftServiceClient::new(self.channel())
    }

    pub(crate) fn audit(&self) -> AuditServiceClient<Way> {
        AuditServiceClient::new(self.channel())
    }

    pub(crate) fn access(&self) -> AccessServiceClient<Way> {
        AccessServiceClient::new(self.channel())
    }

    pub(crate) fn sessions(&self) -> SessionServiceClient<Way> {
        SessionServiceClient::new(self.bare())
    }

    /// Returns clients that show the token of a session.
    pub(crate) fn as_person(&self, token: &str) -> AsPerson {
        AsPerson(self.channel_with(Bearer::of(token)))
    }

    /// Adds a person with these roles, who chooses [`PASSWORD`]. Returns the token of the session.
    pub(crate) async fn person(&self, name: &str, roles: &[&str]) -> String {
        let create = CreatePersonRequest {
            tenant: TENANT.to_owned(),
            name: name.to_owned(),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            subject: String::new(),
        };
        let made = self.access().create_person(create).await.expect("made");
        let accept = AcceptInvitationRequest {
            invitation: made.into_inner().invitation,
            name: name.to_owned(),
            password: PASSWORD.to_owned(),
        };
        let inside = self.sessions().accept_invitation(accept).await;
        let session = inside.expect("signed in").into_inner().session;
        session.expect("a session").token
    }

    /// Stops it as an operator does.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        // The clients' side of each connection must be able to say goodbye meanwhile.
        let ended = tokio::task::spawn_blocking(move || self.ended.recv_timeout(PATIENCE));
        ended.await.expect("no panic").expect("drained in time")
    }

    /// Stops it as a crash does: nothing is drained, every connection breaks. Returns when its last
    /// task is gone: one that still accepted would take a connection that is meant for the plane
    /// that comes back, and break it.
    pub(crate) fn kill(mut self) -> TcpListener {
        if let Some(runtime) = self.runtime.take() {
            // A runtime may not wait inside another one.
            let ended = std::thread::spawn(move || runtime.shutdown_timeout(PATIENCE));
            ended.join().expect("no panic");
        }
        self.listener.try_clone().expect("a second handle")
    }

    /// Starts a plane at the address of one that was killed.
    pub(crate) fn come_back(home: &Home, listener: TcpListener) -> Self {
        Self::start_on((home.config(), None), listener, None)
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Returns a product that needs no strategy.
pub(crate) fn deposit(id: &str) -> Product {
    Product {
        product_id: id.to_owned(),
        name: format!("Deposit {id}"),
        kind: ProductKind::Deposit.into(),
        currency: "CNY".to_owned(),
        active: true,
        terms: Some(Terms::Deposit(DepositTerms {
            yield_ppm: 15_000,
            tenor_months: 12,
            min_amount: Some(Money {
                minor: 10_000,
                currency: "CNY".to_owned(),
            }),
        })),
        ..Product::default()
    }
}

pub(crate) fn put(products: Vec<Product>) -> PutProductsRequest {
    PutProductsRequest {
        tenant: TENANT.to_owned(),
        products,
        replace_all: false,
    }
}

pub(crate) fn publish() -> PublishRequest {
    PublishRequest {
        tenant: TENANT.to_owned(),
        comment: "why not".to_owned(),
        ..PublishRequest::default()
    }
}

impl Plane {
    pub(crate) async fn put(&self, products: Vec<Product>) {
        self.drafts()
            .put_products(put(products))
            .await
            .expect("put");
    }

    pub(crate) async fn publish(&self) -> PublishResponse {
        self.releases()
            .publish(publish())
            .await
            .expect("published")
            .into_inner()
    }

    /// Returns a release; 0 stands for the one in force.
    pub(crate) async fn release(&self, revision: i64) -> Result<Release, Status> {
        let request = GetReleaseRequest {
            tenant: TENANT.to_owned(),
            revision,
        };
        let answer = self.releases().get_release(request).await?.into_inner();
        Ok(answer.release.expect("a release"))
    }

    pub(crate) async fn audit_rows(&self) -> Vec<AuditRow> {
        let request = ListAuditRequest {
            tenant: TENANT.to_owned(),
            limit: 1_000,
        };
        self.audit()
            .list_audit(request)
            .await
            .expect("rows")
            .into_inner()
            .rows
    }

    pub(crate) async fn verify(&self) -> VerifyAuditResponse {
        self.verify_of(TENANT).await.expect("verified")
    }

    pub(crate) async fn verify_of(&self, tenant: &str) -> Result<VerifyAuditResponse, Status> {
        let request = VerifyAuditRequest {
            tenant: tenant.to_owned(),
        };
        let answer = self.audit().verify_audit(request).await?;
        Ok(answer.into_inner())
    }
}

/// Returns the findings in the details of a refusal.
pub(crate) fn findings(status: &Status) -> Vec<String> {
    let violations = status
        .get_details_bad_request()
        .expect("violations")
        .field_violations;
    violations.into_iter().map(|one| one.description).collect()
}
