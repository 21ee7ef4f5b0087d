//! Services with certificates of a test's authority.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use axum::Extension;
use axum::routing::get;
use fairlead_chassis::link::Link;
use fairlead_chassis::peer::Peer;
use fairlead_chassis::serve::{ServeOptions, bind, grpc_router, serve_router};
use fairlead_chassis::tls::{
    ClientCertificates, ClientTls, Plaintext, PublicCertificate, Shown, Tls, TlsConfig,
};
use fairlead_proto::control::v1::audit_service_client::AuditServiceClient;
use fairlead_proto::control::v1::audit_service_server::{AuditService, AuditServiceServer};
use fairlead_proto::control::v1::{
    ListAuditRequest, ListAuditResponse, VerifyAuditRequest, VerifyAuditResponse,
};
use fairlead_testkit::{Authority, CertificateFiles, Subject, TRUST_DOMAIN};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

/// The longest that a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Answers the gateway, and nobody else.
struct ForGateway;

#[tonic::async_trait]
impl AuditService for ForGateway {
    async fn list_audit(
        &self,
        _: Request<ListAuditRequest>,
    ) -> Result<Response<ListAuditResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }

    async fn verify_audit(
        &self,
        request: Request<VerifyAuditRequest>,
    ) -> Result<Response<VerifyAuditResponse>, Status> {
        match request.extensions().get::<Peer>() {
            Some(Peer::Service(name)) if name == "gateway" => {
                Ok(Response::new(VerifyAuditResponse::default()))
            }
            other => Err(Status::permission_denied(format!("you are {other:?}"))),
        }
    }
}

/// An authority with a folder for its certificates.
pub(crate) struct Bank {
    pub(crate) authority: Authority,
    folder: TempDir,
}

impl Bank {
    pub(crate) fn new() -> Self {
        let bank = Self {
            authority: Authority::new().expect("an authority"),
            folder: tempfile::tempdir().expect("a folder"),
        };
        bank.authority.write(&bank.ca()).expect("written");
        bank
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file with the authority's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(crate) fn issue(&self, subject: &Subject, name: &str) -> CertificateFiles {
        let issued = self.authority.issue(subject, self.folder(), name);
        issued.expect("a certificate")
    }

    /// The configuration of a service with a certificate of its own, which asks callers for theirs.
    pub(crate) fn config(&self, service: &str) -> TlsConfig {
        let files = self.issue(&Subject::service(service), service);
        self.config_of(&files, ClientCertificates::Required)
    }

    pub(crate) fn config_of(
        &self,
        files: &CertificateFiles,
        demand: ClientCertificates,
    ) -> TlsConfig {
        TlsConfig {
            certificate_file: files.certificate.clone(),
            key_file: files.key.clone(),
            ca_file: self.ca(),
            client_certificates: BTreeMap::from([("audit".to_owned(), demand)]),
            ..plaintext()
        }
    }
}

/// A configuration without any file.
pub(crate) fn plaintext() -> TlsConfig {
    TlsConfig {
        certificate_file: PathBuf::new(),
        key_file: PathBuf::new(),
        ca_file: PathBuf::new(),
        trust_domain: TRUST_DOMAIN.to_owned(),
        reload_ms: 10,
        handshake_ms: 10_000,
        plaintext: Plaintext::Loopback,
        client_certificates: BTreeMap::new(),
        public: PublicCertificate::default(),
    }
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
    _stop: DropGuard,
}

impl Server {
    /// Starts a server with this TLS, which follows its files.
    pub(crate) async fn start(
        config: &TlsConfig,
        service: Option<&'static str>,
        shown: Shown,
    ) -> Self {
        let tls = Tls::open(config, service).expect("certificates that can be used");
        let listener = bind("127.0.0.1:0".parse().expect("an address"))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("bound");
        let stop = CancellationToken::new();
        let (grpc, health) =
            grpc_router(Routes::new(AuditServiceServer::new(ForGateway))).expect("a router");
        health.set_serving(true).await;
        let who = |peer: Option<Extension<Peer>>| async move {
            peer.map_or("nobody".to_owned(), |Extension(Peer::Service(name))| name)
        };
        let router = grpc.route("/who", get(who));
        let options = ServeOptions {
            name: "audit",
            drain: Duration::from_secs(1),
            tls: tls.listener("audit", shown),
        };
        let mut tasks = JoinSet::new();
        let serving = serve_router(options, listener, router, stop.clone());
        tasks.spawn(async move { drop(serving.await) });
        tasks.spawn(tls.follow_files(stop.clone()));
        Self {
            address,
            _tasks: tasks,
            _stop: stop.drop_guard(),
        }
    }

    /// Starts `pricing` with a good certificate.
    pub(crate) async fn pricing(bank: &Bank) -> Self {
        Self::start(&bank.config("pricing"), Some("pricing"), Shown::Own).await
    }

    /// Asks as a client that has this TLS.
    pub(crate) async fn ask(&self, tls: Option<ClientTls>) -> Result<(), Status> {
        self.client(tls)
            .verify_audit(VerifyAuditRequest::default())
            .await
            .map(drop)
    }

    pub(crate) fn client(&self, tls: Option<ClientTls>) -> AuditServiceClient<Link> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = format!("{scheme}://{}", self.address);
        AuditServiceClient::new(Link::connect_by(&[address], tls).expect("an address"))
    }
}

/// The TLS of a link from the gateway to a service.
pub(crate) fn gateway_to(bank: &Bank, service: &'static str) -> Option<ClientTls> {
    let tls = Tls::open(&bank.config("gateway"), Some("gateway")).expect("a good certificate");
    tls.link(service)
}

/// Checks that a call was refused, and with which words.
pub(crate) fn refused(outcome: Result<(), Status>, words: &str) {
    let status = outcome.expect_err(words);
    assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
    assert!(status.message().contains(words), "{}", status.message());
}

/// Returns the metrics of this process so far.
pub(crate) fn metrics() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    let install = || {
        PrometheusBuilder::new()
            .install_recorder()
            .expect("the only recorder")
    };
    RECORDER.get_or_init(install).clone()
}

/// Returns the value of a series, named with its labels; 0 where it is absent.
pub(crate) fn value(page: &str, series: &str) -> u64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0, |value| value.trim().parse().expect("a count"))
}
