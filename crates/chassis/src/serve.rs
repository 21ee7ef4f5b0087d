//! Serving: bind, serve gRPC (and what else is routed) on one port, drain, stop.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::Error;
use crate::connections::Connections;
use crate::observe::ObserveLayer;
use crate::tls::ListenerTls;

/// The settings of a server.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Name in logs: "gateway".
    pub name: &'static str,
    /// The longest that calls in flight may go on after shutdown began.
    pub drain: Duration,
    /// Its TLS; `None` for plaintext.
    pub tls: Option<ListenerTls>,
}

/// Tells callers, by the gRPC health protocol under the service "", if this process can serve.
#[derive(Debug, Clone)]
pub struct Health {
    reporter: HealthReporter,
}

impl Health {
    /// Sets whether calls can be answered now.
    pub async fn set_serving(&self, serving: bool) {
        let status = if serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        self.reporter.set_service_status("", status).await;
    }
}

/// Listens on `address`; port 0 takes any free port.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|cause| Error::Bind { address, cause })
}

/// Returns the gRPC services as a router with reflection, health and measurement, and the handle of
/// the health.
pub fn grpc_router(routes: Routes) -> Result<(axum::Router, Health), Error> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let reflect = |error: tonic_reflection::server::Error| Error::Config(error.to_string());
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(fairlead_proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let router = routes
        .add_service(health)
        .add_service(builder().build_v1().map_err(reflect)?)
        .add_service(builder().build_v1alpha().map_err(reflect)?)
        .prepare()
        .into_axum_router()
        .layer(ObserveLayer);
    Ok((router, Health { reporter }))
}

/// Serves gRPC alone until `shutdown`, then drains. Ready at once.
pub async fn serve(
    options: ServeOptions,
    listener: TcpListener,
    routes: Routes,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let (router, health) = grpc_router(routes)?;
    health.set_serving(true).await;
    serve_router(options, listener, router, shutdown).await
}

/// Serves a router (gRPC, REST or both; HTTP/1 and HTTP/2) until `shutdown`, then drains.
pub async fn serve_router(
    options: ServeOptions,
    listener: TcpListener,
    router: axum::Router,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let ServeOptions { name, drain, tls } = options;
    let address = listener
        .local_addr()
        .map_err(|cause| Error::Serve { name, cause })?;
    tracing::info!(server = name, %address, tls = tls.is_some(), "listening");
    let connections = Connections {
        name,
        router,
        tls,
        closing: shutdown.clone(),
    };
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        () = connections.accept(listener) => Ok(()),
        () = overdue => Err(Error::Drain { name, limit: drain }),
    }
}

/// Returns a token that is cancelled on SIGTERM or Ctrl-C.
pub fn shutdown_on_signal(
    tasks: &tokio_util::task::TaskTracker,
) -> std::io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let token = CancellationToken::new();
    let fired = token.clone();
    tasks.spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = fired.cancelled() => {}
        }
        fired.cancel();
    });
    Ok(token)
}
