//! One service as a process of its own: `fairlead serve ranking`, `fairlead stream`.
//!
//! The same services as in `fairlead up`, built from the same configuration; between them is a
//! network. Each process binds, says `ready` once it can serve, is found by the others, and drains.

mod ready;
mod rooms;
mod stream;
mod wait;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use fairlead_chassis::clock::{Clock, SystemClock};
use fairlead_chassis::discovery::{Registration, ServiceRegistry};
use fairlead_chassis::link::Link;
use fairlead_chassis::process::{Process, Served};
use fairlead_chassis::readiness::Readiness;
use fairlead_chassis::serve::{bind, grpc_router, shutdown_on_signal};
use fairlead_chassis::telemetry::{self, Telemetry};
use fairlead_domain::TenantId;
use fairlead_online::OnlineStore;
use fairlead_registry::Registry;
use fairlead_release_follow::{FollowOptions, Follower, ReleaseHandle, Reporter};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use crate::config::AppConfig;
use crate::parts::Parts;

/// What can be served.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Room {
    /// The public edge: gRPC and REST for apps; runs the decision.
    Gateway,
    /// Customer profiles from the feature store.
    Profile,
    /// Candidates.
    Recall,
    /// Scores.
    Ranking,
    /// Prices and firm quotes.
    Pricing,
    /// Drafts, releases, audit.
    ControlPlane,
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(subcommand)]
    room: Room,
    #[command(flatten)]
    process: ProcessArgs,
}

/// Options of every process.
#[derive(Debug, Clone, Args)]
pub struct ProcessArgs {
    /// Configuration file; see `fairlead up --print-config` for every key.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Check the configuration and stop.
    #[arg(long, global = true)]
    check_config: bool,
}

/// Runs a service until SIGTERM.
pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let Some(config) = args.process.load()? else {
        return Ok(());
    };
    let name = args.room.name();
    let (ground, shutdown) = Ground::lay(config, name, args.room.parts()).await?;
    let listener = bind(args.room.listen(&ground.config)).await?;
    let served = args.room.serve(&ground, listener, shutdown).await;
    ground.clear().await;
    served
}

/// Runs the stream until SIGTERM.
pub async fn run_stream(args: ProcessArgs) -> anyhow::Result<()> {
    let Some(config) = args.load()? else {
        return Ok(());
    };
    let (ground, shutdown) = Ground::lay(config, "stream", &["event log", "feature store"]).await?;
    let ran = stream::run(&ground, shutdown).await;
    ground.clear().await;
    ran
}

/// Makes or upgrades the control database, and ends.
pub async fn migrate(args: ProcessArgs) -> anyhow::Result<()> {
    let Some(config) = args.load()? else {
        return Ok(());
    };
    fairlead_control_plane::migrate(&config.control()).await?;
    println!("the control database is up to date");
    Ok(())
}

impl ProcessArgs {
    /// The configuration; nothing where it was only to be checked.
    fn load(&self) -> anyhow::Result<Option<AppConfig>> {
        let config = AppConfig::load(self.config.as_deref())?;
        if self.check_config {
            println!("configuration is valid");
            return Ok(None);
        }
        Ok(Some(config))
    }
}

impl Room {
    /// The service's name, in logs, traces and the registry of services.
    fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Profile => "profile",
            Self::Recall => "recall",
            Self::Ranking => "ranking",
            Self::Pricing => "pricing",
            Self::ControlPlane => "control",
        }
    }

    /// What must be there before it serves.
    fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Gateway => &["release"],
            Self::Profile => &["feature store", "release"],
            Self::Recall => &["feature store", "release", "index"],
            Self::Ranking => &["feature store", "release", "model"],
            Self::Pricing => &["feature store", "release", "prices"],
            Self::ControlPlane => &["control database"],
        }
    }

    fn listen(self, config: &AppConfig) -> SocketAddr {
        match self {
            Self::Gateway => config.listen.gateway,
            Self::Profile => config.listen.profile,
            Self::Recall => config.listen.recall,
            Self::Ranking => config.listen.ranking,
            Self::Pricing => config.listen.pricing,
            Self::ControlPlane => config.listen.control,
        }
    }

    async fn serve(
        self,
        ground: &Ground,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        match self {
            Self::Gateway => rooms::gateway(ground, listener, shutdown).await,
            Self::Profile => rooms::profile(ground, listener, shutdown).await,
            Self::Recall => rooms::recall(ground, listener, shutdown).await,
            Self::Ranking => rooms::ranking(ground, listener, shutdown).await,
            Self::Pricing => rooms::pricing(ground, listener, shutdown).await,
            Self::ControlPlane => rooms::control_plane(ground, listener, shutdown).await,
        }
    }
}

/// What every process stands on.
pub(crate) struct Ground {
    config: AppConfig,
    tenant: TenantId,
    clock: Arc<dyn Clock>,
    registry: Registry,
    services: Arc<dyn ServiceRegistry>,
    process: Process,
    /// Cancelled once this process is asked to stop, or stops by itself.
    shutdown: CancellationToken,
    /// Background work of this process, and what ends it: after the last call was answered.
    tasks: TaskTracker,
    ended: CancellationToken,
    telemetry: Telemetry,
}

impl Ground {
    /// Telemetry, signals, the operators' page, the registry of services. The token is cancelled
    /// once this process is asked to stop.
    async fn lay(
        config: AppConfig,
        name: &'static str,
        parts: &'static [&'static str],
    ) -> anyhow::Result<(Self, CancellationToken)> {
        let telemetry = telemetry::init(&config.telemetry, name)?;
        let (tasks, ended) = (TaskTracker::new(), CancellationToken::new());
        let shutdown = shutdown_on_signal(&tasks)?;
        let process = Process {
            name,
            drain: Duration::from_millis(config.drain_ms),
            notice: Duration::from_millis(config.notice_ms),
            readiness: Readiness::waiting_for(parts),
        };
        let page = bind(config.listen.metrics).await?;
        process.watch(page, Some(telemetry.metrics.clone()), &tasks, ended.clone());
        let services = config.discovery.open(&tasks, ended.clone())?;
        let ground = Self {
            tenant: TenantId::new(&config.tenant)?,
            clock: Arc::new(SystemClock),
            registry: Registry::builtin(),
            config,
            services,
            process,
            shutdown: shutdown.clone(),
            tasks,
            ended,
            telemetry,
        };
        Ok((ground, shutdown))
    }

    /// Ends what runs in the background, and sends the last spans.
    async fn clear(self) {
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

    /// A link to a service, wherever its instances are.
    fn link(&self, service: &'static str) -> anyhow::Result<Link> {
        Ok(Link::balanced(service, self.services.follow(service)?))
    }

    /// Follows releases: from the last good one at once, then from the control plane, which is told
    /// what became of each.
    fn follow(&self, listener: &TcpListener) -> anyhow::Result<ReleaseHandle> {
        let folder = self.config.data_dir.join("release");
        let mut options = FollowOptions::new(self.tenant.clone(), Some(folder));
        let address = listener.local_addr()?;
        options.reporter = Some(Reporter {
            service: self.process.name.to_owned(),
            instance: format!("{}:{}", self.host(address), address.port()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        });
        let follower = Follower::new(self.link("control")?, options);
        let releases = follower.handle();
        self.tasks.spawn(follower.run(self.ended.clone()));
        ready::release(self, releases.clone());
        Ok(releases)
    }

    /// What every service behind the gateway works with: the feature store and the releases.
    /// Nothing where this process is to stop before.
    async fn furnish(
        &self,
        listener: &TcpListener,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Option<Parts<'_>>> {
        let releases = self.follow(listener)?;
        let store = self.store(shutdown).await?;
        Ok(store.map(|store| Parts {
            config: &self.config,
            clock: self.clock.clone(),
            registry: self.registry.clone(),
            store,
            releases,
        }))
    }

    /// The host at which others reach this process.
    fn host(&self, listening: SocketAddr) -> String {
        let advertised = &self.config.discovery.advertise;
        if advertised.is_empty() {
            return listening.ip().to_string();
        }
        advertised.clone()
    }

    /// The feature store, once it answers; nothing where this process is to stop before.
    async fn store(&self, shutdown: &CancellationToken) -> anyhow::Result<Option<OnlineStore>> {
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
            self.process.readiness.has("feature store");
        }
        Ok(store)
    }

    /// Serves `routes` until `shutdown`.
    async fn serve(
        &self,
        listener: TcpListener,
        routes: Routes,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        self.serve_with(listener, routes, |grpc| grpc, shutdown)
            .await
    }

    /// The same; `router` puts what else is on the port beside gRPC.
    async fn serve_with(
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
            router: router(grpc),
            health,
            registry: Arc::clone(&self.services),
            registration: Registration {
                service: self.process.name,
                host: self.host(address),
                port: address.port(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                zone: self.config.discovery.zone.clone(),
            },
        };
        Ok(self.process.clone().serve(served, shutdown).await?)
    }
}
