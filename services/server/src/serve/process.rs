//! A process of the cluster form, from its start to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fairlead_authentication::{LocalCallers, ServicesToken, guard};
use fairlead_chassis::clock::{Clock, SystemClock};
use fairlead_chassis::discovery::{Registration, ServiceRegistry};
use fairlead_chassis::link::Link;
use fairlead_chassis::process::{Process, Served};
use fairlead_chassis::readiness::Readiness;
use fairlead_chassis::serve::{bind, grpc_router, shutdown_on_signal};
use fairlead_chassis::telemetry::{self, Telemetry};
use fairlead_chassis::tls::{ListenerTls, Shown, Tls};
use fairlead_domain::TenantId;
use fairlead_online::OnlineStore;
use fairlead_registry::Registry;
use fairlead_release_follow::{FollowOptions, Follower, ReleaseHandle, Reporter};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use super::{ready, wait};
use crate::config::AppConfig;
use crate::parts::ServiceParts;

/// A process that runs one service: configuration, telemetry, discovery, background tasks.
pub(super) struct ServiceProcess {
    pub(super) config: AppConfig,
    tenant: TenantId,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) registry: Registry,
    discovery: Arc<dyn ServiceRegistry>,
    /// The token by which services know each other, or `None` where they have certificates.
    services: Option<ServicesToken>,
    /// `None` where this process has neither links nor listeners.
    tls: Option<Tls>,
    /// Readiness, draining and the operators' page.
    pub(super) chassis: Process,
    /// Cancelled once this process is asked to stop, or stops by itself.
    shutdown: CancellationToken,
    /// Background work of this process.
    pub(super) tasks: TaskTracker,
    /// Stops the background work, once the last call was answered.
    pub(super) ended: CancellationToken,
    telemetry: Telemetry,
}

impl ServiceProcess {
    /// Starts telemetry, signal handling, the operators' page and service discovery. The returned
    /// token is cancelled once this process is asked to stop.
    pub(super) async fn start(
        config: AppConfig,
        name: &'static str,
        parts: &'static [&'static str],
        tls: Option<Tls>,
    ) -> anyhow::Result<(Self, CancellationToken)> {
        let telemetry = telemetry::init(&config.telemetry, name)?;
        let (tasks, ended) = (TaskTracker::new(), CancellationToken::new());
        let shutdown = shutdown_on_signal(&tasks)?;
        let chassis = Process {
            name,
            drain: Duration::from_millis(config.drain_ms),
            notice: Duration::from_millis(config.notice_ms),
            readiness: Readiness::waiting_for(parts),
        };
        let page = bind(config.listen.metrics).await?;
        chassis.watch(page, Some(telemetry.metrics.clone()), &tasks, ended.clone());
        let discovery = config
            .discovery
            .open(config.scheme(), &tasks, ended.clone())?;
        std::fs::create_dir_all(&config.data_dir)?;
        let services = config.kept_services_token()?;
        if let Some(tls) = tls.clone() {
            tasks.spawn(tls.follow_files(ended.clone()));
        }
        let process = Self {
            services,
            tenant: TenantId::new(&config.tenant)?,
            clock: Arc::new(SystemClock),
            registry: Registry::builtin(),
            config,
            discovery,
            tls,
            chassis,
            shutdown: shutdown.clone(),
            tasks,
            ended,
            telemetry,
        };
        Ok((process, shutdown))
    }

    /// Stops the background tasks and sends the last spans.
    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        self.ended.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let telemetry = self.telemetry;
        let flushed = tokio::task::spawn_blocking(move || telemetry.flush()).await;
        if let Err(error) = flushed {
            tracing::warn!(%error, "flushing spans died");
        }
    }

    /// Returns a link to a service, balanced over its instances.
    pub(super) fn link(&self, service: &'static str) -> anyhow::Result<Link> {
        let tls = self.tls.as_ref().and_then(|tls| tls.link(service));
        let link = Link::balanced(service, self.discovery.follow(service)?, tls);
        Ok(match &self.services {
            Some(token) => link.with_bearer(&token.of(self.chassis.name))?,
            None => link,
        })
    }

    /// Returns the TLS of this process' listener.
    fn listener_tls(&self) -> Option<ListenerTls> {
        let name = self.chassis.name;
        let shown = match name {
            "gateway" => Shown::Public,
            _ => Shown::Own,
        };
        self.tls.as_ref()?.listener(name, shown)
    }

    /// Follows releases: at once from the last good one on disk, then from the control plane, to
    /// which it reports each release that it uses or refuses.
    pub(super) fn follow(&self, listener: &TcpListener) -> anyhow::Result<ReleaseHandle> {
        let folder = self.config.data_dir.join("release");
        let mut options = FollowOptions::new(self.tenant.clone(), Some(folder));
        let address = listener.local_addr()?;
        options.reporter = Some(Reporter {
            service: self.chassis.name.to_owned(),
            instance: format!("{}:{}", self.host(address), address.port()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        });
        let follower = Follower::new(self.link("control")?, options);
        let releases = follower.handle();
        self.tasks.spawn(follower.run(self.ended.clone()));
        ready::release(self, releases.clone());
        Ok(releases)
    }

    /// Returns the common dependencies of the services behind the gateway, or `None` if this process
    /// is asked to stop before the feature store answers.
    pub(super) async fn parts(
        &self,
        listener: &TcpListener,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Option<ServiceParts<'_>>> {
        let releases = self.follow(listener)?;
        let store = self.store(shutdown).await?;
        Ok(store.map(|store| ServiceParts {
            config: &self.config,
            clock: self.clock.clone(),
            registry: self.registry.clone(),
            store,
            releases,
        }))
    }

    /// Returns the host at which others reach this process.
    fn host(&self, listening: SocketAddr) -> String {
        let advertised = &self.config.discovery.advertise;
        if advertised.is_empty() {
            return listening.ip().to_string();
        }
        advertised.clone()
    }

    /// Returns the feature store once it answers, or `None` if this process is asked to stop before.
    pub(super) async fn store(
        &self,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Option<OnlineStore>> {
        let url = &self.config.redis.url;
        anyhow::ensure!(
            !url.is_empty(),
            "`redis.url` is empty: name the feature store, such as redis://HOST:6379 (only `fairlead up` starts its own)"
        );
        let away = |error: &fairlead_online::Error| {
            !matches!(error, fairlead_online::Error::Address { .. })
        };
        let connect = async || OnlineStore::connect(url).await;
        let store = wait::until("feature store", shutdown, connect, away).await?;
        if store.is_some() {
            self.chassis.readiness.has("feature store");
        }
        Ok(store)
    }

    /// Serves `routes` to other services until `shutdown`.
    pub(super) async fn serve(
        &self,
        listener: TcpListener,
        routes: Routes,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let callers = LocalCallers {
            tools: None,
            services: self.services.clone(),
        };
        let router = |grpc| guard(grpc, Arc::new(callers));
        self.serve_with(listener, routes, router, shutdown).await
    }

    /// Serves `routes` until `shutdown`, with what `router` puts around gRPC and adds to it.
    pub(super) async fn serve_with(
        &self,
        listener: TcpListener,
        routes: Routes,
        router: impl FnOnce(axum::Router) -> axum::Router,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let address = listener.local_addr()?;
        let (grpc, health) = grpc_router(routes)?;
        let served = Served {
            listener,
            tls: self.listener_tls(),
            router: router(grpc),
            health,
            registry: Arc::clone(&self.discovery),
            registration: Registration {
                service: self.chassis.name,
                host: self.host(address),
                port: address.port(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                zone: self.config.discovery.zone.clone(),
            },
        };
        Ok(self.chassis.clone().serve(served, shutdown).await?)
    }
}
