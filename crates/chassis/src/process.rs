//! One service as a process: it listens, says when it can serve, is found, drains, stops.
//!
//! ```text
//! bind -> listen (not ready) -> parts are there -> ready, registered
//!      -> SIGTERM: not ready, withdrawn -> notice -> no new calls, those in flight end -> stop
//! ```

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Error;
use crate::admin;
use crate::discovery::{Registration, ServiceRegistry};
use crate::readiness::Readiness;
use crate::serve::{Health, ServeOptions, serve_router};
use crate::telemetry::Metrics;
use crate::tls::ListenerTls;

/// The name of a process, and the way it is watched and stopped.
#[derive(Debug, Clone)]
pub struct Process {
    /// Name in logs: "ranking".
    pub name: &'static str,
    /// The longest that calls in flight may go on once no new ones are taken.
    pub drain: Duration,
    /// The time for which calls are still taken after callers were told to go elsewhere.
    pub notice: Duration,
    /// The parts that must be there before it serves.
    pub readiness: Readiness,
}

/// The content of a server, and the registry that is told of it.
pub struct Served {
    /// The socket at which calls come in.
    pub listener: TcpListener,
    /// Its TLS; `None` for plaintext.
    pub tls: Option<ListenerTls>,
    /// gRPC, and everything else that is routed on its port.
    pub router: axum::Router,
    /// The gRPC health of `router`.
    pub health: Health,
    /// The registry that is told.
    pub registry: Arc<dyn ServiceRegistry>,
    /// The description that it is told.
    pub registration: Registration,
}

impl Process {
    /// Serves the operators' page in `tasks` until the tasks' owner ends them with `ended`.
    pub fn watch(
        &self,
        listener: TcpListener,
        metrics: Option<Metrics>,
        tasks: &TaskTracker,
        ended: CancellationToken,
    ) {
        let readiness = self.readiness.clone();
        let page = admin::router(metrics, move || readiness.refusal());
        let options = ServeOptions {
            name: "metrics",
            // A scrape in flight is not worth waiting for.
            drain: Duration::from_millis(100),
            // It holds no personal data, and probes and scrapers come without certificates.
            tls: None,
        };
        let readiness = self.readiness.clone();
        tasks.spawn(async move {
            let said = async {
                metrics::gauge!("fairlead_ready").set(0.0);
                readiness.ready().await;
                metrics::gauge!("fairlead_ready").set(1.0);
                std::future::pending::<()>().await;
            };
            tokio::select! {
                served = serve_router(options, listener, page, ended) => match served {
                    Ok(()) | Err(Error::Drain { .. }) => {}
                    Err(error) => tracing::error!(%error, "operators' page ended"),
                },
                () = said => {}
            }
        });
    }

    /// Serves until `shutdown`, then drains. The calls that are in flight then are answered.
    ///
    /// # Errors
    /// The server stops by itself, or calls outlive the drain time.
    pub async fn serve(self, served: Served, shutdown: CancellationToken) -> Result<(), Error> {
        let Served {
            listener,
            tls,
            router,
            health,
            registry,
            registration,
        } = served;
        let closing = CancellationToken::new();
        let options = ServeOptions {
            name: self.name,
            drain: self.drain,
            tls,
        };
        let serving = serve_router(options, listener, router, closing.clone());
        let told = async {
            health.set_serving(false).await;
            let ready = shutdown.run_until_cancelled(self.readiness.ready()).await;
            if ready.is_some() {
                health.set_serving(true).await;
                tracing::info!(server = self.name, "ready");
                registry.announce(registration, shutdown.clone()).await;
            }
            self.readiness.drain();
            health.set_serving(false).await;
            metrics::gauge!("fairlead_ready").set(0.0);
            tracing::info!(server = self.name, "draining");
            tokio::time::sleep(self.notice).await;
            closing.cancel();
        };
        tokio::pin!(serving, told);
        tokio::select! {
            // It failed by itself: no call is left that could drain.
            ended = &mut serving => ended,
            () = &mut told => serving.await,
        }
    }
}
