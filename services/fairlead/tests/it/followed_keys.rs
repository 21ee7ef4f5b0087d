//! Keys made in the control plane, as a gateway that follows them knows them: served over TCP, both.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fairlead_authentication::{LocalCallers, ToolsToken};
use fairlead_chassis::clock::{Clock, ManualClock, SystemClock};
use fairlead_chassis::link::Link;
use fairlead_chassis::serve::{ServeOptions, grpc_router, serve_router};
use fairlead_event_log::{EmbeddedEventLog, EmbeddedOptions, EventLog};
use fairlead_gateway::KeySource;
use fairlead_identity::Permission;
use fairlead_proto::access::v1::access_service_client::AccessServiceClient;
use fairlead_proto::access::v1::{
    CreateKeyRequest, Key, KeyKind, RevokeKeyRequest, RotateKeyRequest,
};
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::gateway::v1::TrackRequest;
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;
use fairlead_registry::Registry;
use fairlead_release_follow::ReleaseHandle;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tonic::Code;
use tonic::service::Routes;

/// No test waits longer for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A control plane, and a folder for what gateways keep.
struct Plane {
    folder: tempfile::TempDir,
    address: SocketAddr,
    token: String,
    clock: Arc<ManualClock>,
    servers: JoinSet<()>,
    /// Ends the control plane.
    ended: CancellationToken,
    _stop: DropGuard,
}

/// A gateway that follows a control plane.
struct Gateway {
    /// One connection for all calls.
    link: Link,
    _stop: DropGuard,
}

async fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

fn options(name: &'static str) -> ServeOptions {
    ServeOptions {
        name,
        drain: Duration::from_millis(100),
        tls: None,
    }
}

fn connect(address: SocketAddr) -> Link {
    Link::connect(&[format!("http://{address}")]).expect("an address")
}

impl Plane {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(ToolsToken::FILE);
        let tools = ToolsToken::kept_at(&path).expect("a token");
        let token = std::fs::read_to_string(&path).expect("a token");
        let clock = Arc::new(ManualClock::at(SystemClock.now_ms()));
        let ended = CancellationToken::new();
        let config = fairlead_control_plane::Config {
            database: format!("sqlite:{}", folder.path().join("control.db").display()),
            ..fairlead_control_plane::Config::default()
        };
        let deps = fairlead_control_plane::Deps {
            clock: clock.clone(),
            log: None,
            shutdown: ended.clone(),
            local: LocalCallers {
                tools: Some(tools),
                services: None,
            },
        };
        let service = fairlead_control_plane::Service::new(&config, deps).await;
        let service = service.expect("a control plane");
        let (grpc, health) = grpc_router(service.routes()).expect("routes");
        health.set_serving(true).await;
        let (listener, address) = bind().await;
        let (router, stop) = (service.router(grpc), ended.clone());
        let mut servers = JoinSet::new();
        servers.spawn(async move {
            drop(serve_router(options("control"), listener, router, stop).await);
            service.close().await;
        });
        Self {
            folder,
            address,
            token,
            clock,
            servers,
            _stop: ended.clone().drop_guard(),
            ended,
        }
    }

    /// Ends the control plane, and waits until it is gone.
    async fn end(&mut self) {
        self.ended.cancel();
        while self.servers.join_next().await.is_some() {}
    }

    fn link(&self) -> Link {
        let link = connect(self.address);
        link.with_bearer(&self.token).expect("ASCII")
    }

    fn keys(&self) -> AccessServiceClient<Link> {
        AccessServiceClient::new(self.link())
    }

    fn kept(&self) -> PathBuf {
        self.folder.path().join("gateway").join("keys.last-told")
    }

    /// A gateway that follows it.
    async fn gateway(&self, name: &str, open: bool) -> Gateway {
        let folder = self.folder.path().join(name);
        let log = EmbeddedEventLog::open(EmbeddedOptions::new(&folder)).await;
        let log: Arc<dyn EventLog> = Arc::new(log.expect("a log"));
        let shutdown = CancellationToken::new();
        let no_service = || Link::in_process(Routes::default());
        let deps = fairlead_gateway::Deps {
            clock: self.clock.clone(),
            registry: Registry::builtin(),
            log,
            releases: ReleaseHandle::empty(),
            profile: no_service(),
            recall: no_service(),
            ranking: no_service(),
            pricing: no_service(),
            tools: None,
            keys: Some(KeySource {
                control: self.link(),
                kept: Some(self.kept()),
            }),
            open,
            origin_keys: None,
            tasks: TaskTracker::new(),
            shutdown: shutdown.clone(),
        };
        let config = fairlead_gateway::Config::default();
        let service = fairlead_gateway::Service::new(config, deps).await;
        let service = service.expect("a gateway");
        let (grpc, health) = grpc_router(service.routes()).expect("routes");
        health.set_serving(true).await;
        let (listener, address) = bind().await;
        let (router, stop) = (service.router(grpc), shutdown.clone());
        TaskTracker::new().spawn(async move {
            drop(serve_router(options("gateway"), listener, router, stop).await);
        });
        Gateway {
            link: connect(address),
            _stop: shutdown.drop_guard(),
        }
    }

    async fn create(&self, change: impl FnOnce(&mut CreateKeyRequest)) -> (Key, String) {
        let mut request = CreateKeyRequest {
            tenant: "demo".to_owned(),
            name: "the shop".to_owned(),
            kind: KeyKind::Partner.into(),
            scopes: vec![Permission::EventSend.into()],
            requests_per_second: 100_000,
            ..CreateKeyRequest::default()
        };
        change(&mut request);
        let made = self.keys().create_key(request).await.expect("a key");
        let made = made.into_inner();
        (made.key.expect("a key"), made.secret)
    }

    async fn rotate(&self, id: &str, overlap_seconds: i64) -> String {
        let request = RotateKeyRequest {
            tenant: "demo".to_owned(),
            id: id.to_owned(),
            overlap_seconds,
        };
        let rotated = self.keys().rotate_key(request).await.expect("a secret");
        rotated.into_inner().secret
    }

    async fn revoke(&self, id: &str) {
        let request = RevokeKeyRequest {
            tenant: "demo".to_owned(),
            id: id.to_owned(),
        };
        self.keys().revoke_key(request).await.expect("revoked");
    }
}

impl Gateway {
    /// Sends an event as the bearer of a secret, and returns the code of the answer.
    async fn code(&self, secret: &str) -> Code {
        let event = Event {
            customer_id: "c-1".to_owned(),
            kind: EventKind::AppOpened.into(),
            ..Event::default()
        };
        let request = TrackRequest { event: Some(event) };
        let link = self.link.with_bearer(secret).expect("ASCII");
        let answer = EventServiceClient::new(link).track(request).await;
        answer.map_or_else(|status| status.code(), |_| Code::Ok)
    }

    async fn until(&self, secret: &str, code: Code) {
        until(|| async { self.code(secret).await == code }).await;
    }
}

/// Waits until a question is answered with yes.
async fn until<F: Future<Output = bool>>(mut yes: impl FnMut() -> F) {
    let asked = async {
        while !yes().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked)
        .await
        .expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_works_once_it_is_made_and_stops_once_it_is_revoked() {
    let plane = Plane::start().await;
    let gateway = plane.gateway("log", false).await;
    assert_eq!(gateway.code("nobody").await, Code::Unauthenticated);
    let (key, secret) = plane.create(|_| ()).await;
    gateway.until(&secret, Code::Ok).await;
    let (_, other) = plane.create(|_| ()).await;
    gateway.until(&other, Code::Ok).await;
    // On the connection that is open, without a restart of anything.
    plane.revoke(&key.id).await;
    gateway.until(&secret, Code::Unauthenticated).await;
    assert_eq!(gateway.code(&other).await, Code::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_has_both_secrets_for_a_while_and_then_the_new_one() {
    let plane = Plane::start().await;
    let gateway = plane.gateway("log", false).await;
    let (key, first) = plane.create(|_| ()).await;
    gateway.until(&first, Code::Ok).await;
    let second = plane.rotate(&key.id, 60).await;
    gateway.until(&second, Code::Ok).await;
    plane.clock.advance(59_000);
    assert_eq!(gateway.code(&first).await, Code::Ok);
    plane.clock.advance(1_000);
    assert_eq!(gateway.code(&first).await, Code::Unauthenticated);
    assert_eq!(gateway.code(&second).await, Code::Ok);
    let third = plane.rotate(&key.id, 0).await;
    gateway.until(&third, Code::Ok).await;
    assert_eq!(gateway.code(&second).await, Code::Unauthenticated);
    plane.revoke(&key.id).await;
    gateway.until(&third, Code::Unauthenticated).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_counts_within_its_times_and_for_its_scopes() {
    let plane = Plane::start().await;
    let gateway = plane.gateway("log", false).await;
    let now_ms = plane.clock.now_ms();
    let (_, timed) = plane
        .create(|request| {
            request.not_before_ms = now_ms + 10_000;
            request.expires_at_ms = now_ms + 20_000;
        })
        .await;
    let (_, reader) = plane
        .create(|request| request.scopes = vec![Permission::Recommend.into()])
        .await;
    gateway.until(&reader, Code::PermissionDenied).await;
    assert_eq!(gateway.code(&timed).await, Code::Unauthenticated);
    plane.clock.advance(10_000);
    assert_eq!(gateway.code(&timed).await, Code::Ok);
    plane.clock.advance(10_000);
    assert_eq!(gateway.code(&timed).await, Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_without_a_control_plane_knows_the_keys_last_told() {
    let mut plane = Plane::start().await;
    let (good, revoked) = {
        let gateway = plane.gateway("log", false).await;
        let (_, good) = plane.create(|_| ()).await;
        let (key, revoked) = plane.create(|_| ()).await;
        gateway.until(&revoked, Code::Ok).await;
        plane.revoke(&key.id).await;
        gateway.until(&revoked, Code::Unauthenticated).await;
        let kept = plane.kept();
        until(|| async { holds(&kept, &key.id) == Some(false) }).await;
        (good, revoked)
    };
    plane.end().await;
    secret_to_its_owner(&plane.kept(), &good);
    let gateway = plane.gateway("log-again", false).await;
    assert_eq!(gateway.code(&good).await, Code::Ok);
    assert_eq!(gateway.code(&revoked).await, Code::Unauthenticated);
    // A damaged file lets nobody in.
    std::fs::write(plane.kept(), b"junk").expect("written");
    let gateway = plane.gateway("log-damaged", false).await;
    assert_eq!(gateway.code(&good).await, Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_gateway_closes_with_the_first_key_and_stays_closed() {
    let plane = Plane::start().await;
    let gateway = plane.gateway("log", true).await;
    assert_eq!(gateway.code("nobody").await, Code::Ok);
    let (key, secret) = plane.create(|_| ()).await;
    gateway.until("nobody", Code::Unauthenticated).await;
    assert_eq!(gateway.code(&secret).await, Code::Ok);
    plane.revoke(&key.id).await;
    gateway.until(&secret, Code::Unauthenticated).await;
    assert_eq!(gateway.code("nobody").await, Code::Unauthenticated);
    let kept = plane.kept();
    until(|| async { holds(&kept, &key.id) == Some(false) }).await;
    let again = plane.gateway("log-again", true).await;
    assert_eq!(again.code("nobody").await, Code::Unauthenticated);
}

/// Returns whether a file holds a text, or `None` if there is no file.
fn holds(path: &Path, text: &str) -> Option<bool> {
    let content = std::fs::read(path).ok()?;
    Some(
        content
            .windows(text.len())
            .any(|part| part == text.as_bytes()),
    )
}

fn secret_to_its_owner(path: &Path, secret: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).expect("kept").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(holds(path, secret), Some(false), "hashes alone are kept");
}
