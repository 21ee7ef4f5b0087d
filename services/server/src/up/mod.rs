//! A house in one process: every service, its Redis, its event log, its control database.
//!
//! The services meet through their contracts exactly as they would over a network; a link just
//! happens to lead into the same process.

mod redis;
mod services;
mod wait;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fairlead_chassis::clock::{Clock, SystemClock};
use fairlead_chassis::link::Link;
use fairlead_chassis::readiness::Readiness;
use fairlead_chassis::serve::{ServeOptions, bind, grpc_router, serve_router};
use fairlead_chassis::telemetry::Metrics;
use fairlead_domain::TenantId;
use fairlead_event_log::EventLog;
use fairlead_online::{FeatureStore, OnlineStore};
use fairlead_registry::Registry;
use fairlead_release_follow::{FollowOptions, Follower, ReleaseHandle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::AppConfig;
use crate::parts::Parts;
use services::Services;

/// A running house.
pub struct Running {
    /// To the gateway.
    pub gateway: Link,
    /// To the control plane.
    pub control: Link,
    /// Events and decision records.
    pub log: Arc<dyn EventLog>,
    /// Feature definitions.
    pub registry: Registry,
    /// The online feature store.
    pub store: Arc<dyn FeatureStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The tenant served.
    pub tenant: TenantId,
    /// The release in force, as the services see it.
    pub releases: ReleaseHandle,
    /// The data folder.
    pub data: PathBuf,
    /// The feature store's URL.
    pub redis_url: String,
    /// Where it listens: gateway, control plane, metrics.
    pub addresses: Addresses,
    /// Links straight to the services behind the gateway, for benches.
    pub inner: InnerLinks,
    services: Services,
    control_plane: fairlead_control_plane::Service,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    /// Redis goes last: what drains still writes to it.
    last: CancellationToken,
    last_tasks: TaskTracker,
    drain: Duration,
}

/// Where a house listens.
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
    /// Profiles.
    pub profile: Link,
    /// Candidates.
    pub recall: Link,
    /// Scores.
    pub ranking: Link,
    /// Prices.
    pub pricing: Link,
}

impl Running {
    /// Binds, starts everything, and answers once calls can be served (a release may still be
    /// missing: see [`Running::release_live`]).
    pub async fn start(config: &AppConfig, metrics: Option<Metrics>) -> anyhow::Result<Self> {
        let listeners = [
            bind(config.listen.gateway).await?,
            bind(config.listen.control).await?,
            bind(config.listen.metrics).await?,
        ];
        let data = config.data_dir.clone();
        std::fs::create_dir_all(&data)
            .with_context(|| format!("cannot make the data folder {}", data.display()))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let tenant = TenantId::new(&config.tenant)?;
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let (last_tasks, last) = (TaskTracker::new(), CancellationToken::new());
        // What was started ends where something after it does not start.
        let undo = [shutdown.clone().drop_guard(), last.clone().drop_guard()];
        let log = crate::log::open(config).await?;
        let redis_url = if config.redis.url.is_empty() {
            redis::start(&data.join("redis"), &last_tasks, last.clone()).await?
        } else {
            config.redis.url.clone()
        };
        let online = OnlineStore::connect(&redis_url).await?;
        let store: Arc<dyn FeatureStore> = Arc::new(online.clone());

        let control_plane = control_plane(config, clock.clone(), shutdown.clone()).await?;
        let control = Link::in_process(control_plane.routes());
        let follow = FollowOptions::new(tenant.clone(), Some(data.join("release")));
        let follower = Follower::new(control.clone(), follow);
        let releases = follower.handle();
        tasks.spawn(follower.run(shutdown.clone()));

        let parts = Parts {
            config,
            clock: clock.clone(),
            registry: Registry::builtin(),
            store: online,
            releases: releases.clone(),
        };
        let around = services::Around {
            log: log.clone(),
            tasks: &tasks,
            shutdown: &shutdown,
        };
        let services = Services::build(&parts, around).await?;
        let house = Self {
            gateway: Link::in_process(services.gateway.routes()),
            inner: services.links.clone(),
            control,
            log,
            registry: Registry::builtin(),
            store,
            clock,
            tenant,
            releases,
            data,
            redis_url,
            addresses: Addresses {
                gateway: listeners[0].local_addr()?,
                control: listeners[1].local_addr()?,
                metrics: listeners[2].local_addr()?,
            },
            services,
            control_plane,
            tasks,
            shutdown,
            last,
            last_tasks,
            drain: Duration::from_millis(config.drain_ms),
        };
        house.serve(listeners, metrics).await?;
        for guard in undo {
            guard.disarm();
        }
        Ok(house)
    }

    async fn serve(
        &self,
        listeners: [tokio::net::TcpListener; 3],
        metrics: Option<Metrics>,
    ) -> anyhow::Result<()> {
        let [gateway, control, observe] = listeners;
        let (grpc, health) = grpc_router(self.services.gateway.routes())?;
        health.set_serving(true).await;
        self.spawn("gateway", gateway, self.services.gateway.router(grpc));
        let (grpc, health) = grpc_router(self.control_plane.routes())?;
        health.set_serving(true).await;
        self.spawn("control-plane", control, grpc);
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
        self.spawn("metrics", observe, page);
        Ok(())
    }

    fn spawn(&self, name: &'static str, listener: tokio::net::TcpListener, router: axum::Router) {
        let options = ServeOptions {
            name,
            drain: self.drain,
        };
        let serving = serve_router(options, listener, router, self.shutdown.clone());
        self.tasks.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "server ended");
            }
        });
    }

    /// A token that stops the house when it is cancelled; [`Running::stop`] waits for the end.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Drains and stops: servers first, then what they write to.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.control_plane.close().await;
        self.log.close().await?;
        self.last.cancel();
        self.last_tasks.close();
        self.last_tasks.wait().await;
        Ok(())
    }
}

async fn control_plane(
    config: &AppConfig,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> anyhow::Result<fairlead_control_plane::Service> {
    let deps = fairlead_control_plane::Deps { clock, shutdown };
    Ok(fairlead_control_plane::Service::new(&config.control(), deps).await?)
}
