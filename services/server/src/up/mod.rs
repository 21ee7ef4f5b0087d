//! All services in one process, with a Redis, an event log and a control database.
//!
//! The services call each other through their contracts as they would over a network; the links
//! lead into the same process.

mod redis;
mod services;
mod wait;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fairlead_authentication::tools;
use fairlead_chassis::clock::{Clock, SystemClock};
use fairlead_chassis::link::Link;
use fairlead_chassis::readiness::Readiness;
use fairlead_chassis::serve::{ServeOptions, bind, grpc_router, serve_router};
use fairlead_chassis::telemetry::Metrics;
use fairlead_chassis::tls::{ListenerTls, Shown, Tls};
use fairlead_domain::TenantId;
use fairlead_event_log::{EventLog, EventTopic};
use fairlead_online::{FeatureStore, OnlineStore};
use fairlead_registry::Registry;
use fairlead_release_follow::{FollowOptions, Follower, ReleaseHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::AppConfig;
use crate::exposure;
use crate::parts::ServiceParts;
use redis::SupervisedRedis;
use services::Services;

/// All services, running in this process.
pub struct Server {
    /// A link to the gateway.
    pub gateway: Link,
    /// A link to the control plane.
    pub control: Link,
    /// Events and decision records.
    pub log: Arc<dyn EventLog>,
    /// Feature definitions.
    pub registry: Registry,
    /// The online feature store.
    pub store: Arc<dyn FeatureStore>,
    /// The topics of events in the log.
    pub event_topics: Vec<EventTopic>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The tenant served.
    pub tenant: TenantId,
    /// The release in force, as the services see it.
    pub releases: ReleaseHandle,
    /// The data folder.
    pub data: PathBuf,
    /// The URL of the feature store.
    pub redis_url: String,
    /// The addresses it listens on.
    pub addresses: Addresses,
    /// Links straight to the services behind the gateway, for benches.
    pub inner: InnerLinks,
    services: Services,
    control_plane: fairlead_control_plane::Service,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    /// Stops last: services that drain still write to it.
    redis: SupervisedRedis,
    drain: Duration,
}

/// The addresses that a [`Server`] listens on.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// gRPC and REST for apps.
    pub gateway: SocketAddr,
    /// gRPC for drafts, releases and audit.
    pub control: SocketAddr,
    /// Prometheus metrics.
    pub metrics: SocketAddr,
}

/// Links to the services behind the gateway.
#[derive(Debug, Clone)]
pub struct InnerLinks {
    /// The profile service.
    pub profile: Link,
    /// The recall service.
    pub recall: Link,
    /// The ranking service.
    pub ranking: Link,
    /// The pricing service.
    pub pricing: Link,
}

/// The bound listeners of a [`Server`].
struct Listeners {
    gateway: TcpListener,
    control: TcpListener,
    metrics: TcpListener,
}

impl Listeners {
    async fn bind(config: &AppConfig) -> anyhow::Result<Self> {
        Ok(Self {
            gateway: bind(config.listen.gateway).await?,
            control: bind(config.listen.control).await?,
            metrics: bind(config.listen.metrics).await?,
        })
    }

    fn addresses(&self) -> anyhow::Result<Addresses> {
        Ok(Addresses {
            gateway: self.gateway.local_addr()?,
            control: self.control.local_addr()?,
            metrics: self.metrics.local_addr()?,
        })
    }
}

impl Server {
    /// Refuses a configuration whose listeners are reached from beyond this machine unprotected;
    /// [`Server::start`] refuses it as well.
    pub fn check(config: &AppConfig) -> anyhow::Result<()> {
        let listener = |key, address| exposure::Listener { key, address };
        let listeners = [
            listener("gateway", config.listen.gateway),
            listener("control", config.listen.control),
        ];
        exposure::check(config, &listeners)
    }

    /// Binds, starts every service, and returns once calls are answered. A release may still be
    /// missing: see [`Server::release_live`].
    pub async fn start(config: &AppConfig, metrics: Option<Metrics>) -> anyhow::Result<Self> {
        Self::check(config)?;
        let tls = Tls::open(&config.tls, None)?;
        let listeners = Listeners::bind(config).await?;
        let addresses = listeners.addresses()?;
        let data = config.data_dir.clone();
        std::fs::create_dir_all(&data)
            .with_context(|| format!("cannot make the data folder {}", data.display()))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let tenant = TenantId::new(&config.tenant)?;
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        // Stops what was started if a later step fails.
        let guard = shutdown.clone().drop_guard();
        tasks.spawn(tls.clone().follow_files(shutdown.clone()));
        let log = crate::log::open(config).await?;
        let redis = SupervisedRedis::open(&config.redis.url, &data.join("redis")).await?;
        let online = OnlineStore::connect(redis.url()).await?;
        let store: Arc<dyn FeatureStore> = Arc::new(online.clone());
        let control_plane = control_plane(config, &log, clock.clone(), shutdown.clone()).await?;
        let control = control_plane.in_process(tools());
        let follow = FollowOptions::new(tenant.clone(), Some(data.join("release")));
        let follower = Follower::new(control.clone(), follow);
        let releases = follower.handle();
        tasks.spawn(follower.run(shutdown.clone()));

        let parts = ServiceParts {
            config,
            clock: clock.clone(),
            registry: Registry::builtin(),
            store: online,
            releases: releases.clone(),
        };
        let services = Services::build(&parts, (&log, &control), &tasks, &shutdown).await?;
        let server = Self {
            gateway: services.gateway.in_process(),
            inner: services.links.clone(),
            event_topics: services.event_topics.clone(),
            control,
            log,
            registry: Registry::builtin(),
            store,
            clock,
            tenant,
            releases,
            data,
            redis_url: redis.url().to_owned(),
            addresses,
            services,
            control_plane,
            tasks,
            shutdown,
            redis,
            drain: Duration::from_millis(config.drain_ms),
        };
        server.serve(listeners, &tls, metrics).await?;
        guard.disarm();
        Ok(server)
    }

    async fn serve(
        &self,
        listeners: Listeners,
        tls: &Tls,
        metrics: Option<Metrics>,
    ) -> anyhow::Result<()> {
        let Listeners {
            gateway,
            control,
            metrics: page_listener,
        } = listeners;
        let (grpc, health) = grpc_router(self.services.gateway.routes())?;
        health.set_serving(true).await;
        let router = self.services.gateway.router(grpc);
        self.spawn(
            self.options("gateway", tls.listener("gateway", Shown::Public)),
            gateway,
            router,
        );
        let (grpc, health) = grpc_router(self.control_plane.routes())?;
        health.set_serving(true).await;
        self.spawn(
            self.options("control-plane", tls.listener("control", Shown::Own)),
            control,
            self.control_plane.router(grpc),
        );
        let readiness = Readiness::waiting_for(&["release"]);
        let ready = readiness.clone();
        let page = fairlead_chassis::admin::router(metrics, move || ready.refusal());
        let (releases, shutdown) = (self.releases.clone(), self.shutdown.clone());
        self.tasks.spawn(async move {
            if shutdown
                .run_until_cancelled(releases.first())
                .await
                .is_some()
            {
                readiness.has("release");
            }
        });
        self.spawn(self.options("metrics", None), page_listener, page);
        Ok(())
    }

    fn options(&self, name: &'static str, tls: Option<ListenerTls>) -> ServeOptions {
        ServeOptions {
            name,
            drain: self.drain,
            tls,
        }
    }

    fn spawn(&self, options: ServeOptions, listener: TcpListener, router: axum::Router) {
        let serving = serve_router(options, listener, router, self.shutdown.clone());
        self.tasks.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "server ended");
            }
        });
    }

    /// Returns the secret by which the first administrator signs in, or `None` if there are people.
    pub async fn invite_first_administrator(&self) -> anyhow::Result<Option<String>> {
        let tenant = &self.tenant;
        Ok(self
            .control_plane
            .invite_first_administrator(tenant)
            .await?)
    }

    /// Returns a token that stops the server when it is cancelled; [`Server::stop`] waits for the
    /// end.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Drains and stops: the services first, then the log and Redis, which they write to.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.control_plane.close().await;
        self.log.close().await?;
        self.redis.stop().await;
        Ok(())
    }
}

async fn control_plane(
    config: &AppConfig,
    log: &Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> anyhow::Result<fairlead_control_plane::Service> {
    let deps = fairlead_control_plane::Deps {
        clock,
        log: Some(log.clone()),
        shutdown,
        local: config.local_callers()?,
    };
    Ok(fairlead_control_plane::Service::new(&config.control(), deps).await?)
}
