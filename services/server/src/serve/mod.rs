//! One service as a process of its own: `fairlead serve ranking`, `fairlead stream`.
//!
//! The same services as in `fairlead up`, built from the same configuration, with a network between
//! them. Each process binds, reports ready once it can serve, registers with service discovery, and
//! drains when it is asked to stop.

mod process;
mod ready;
mod services;
mod stream;
mod wait;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use fairlead_chassis::serve::bind;
use fairlead_chassis::tls::Tls;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::AppConfig;
use crate::exposure;
use process::ServiceProcess;

/// A service that runs as a process of its own.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ServiceName {
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
    service: ServiceName,
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

/// Runs one service until SIGTERM.
pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let Some(config) = args.process.load(Some(args.service))? else {
        return Ok(());
    };
    let name = args.service.name();
    let tls = Tls::open(&config.tls, Some(name))?;
    let parts = args.service.parts();
    let (process, shutdown) = ServiceProcess::start(config, name, parts, Some(tls)).await?;
    let listener = bind(args.service.listen(&process.config)).await?;
    let served = args.service.serve(&process, listener, shutdown).await;
    process.stop().await;
    served
}

/// Runs the stream until SIGTERM.
pub async fn run_stream(args: ProcessArgs) -> anyhow::Result<()> {
    let Some(config) = args.load(None)? else {
        return Ok(());
    };
    let parts = &["event log", "feature store"];
    // It calls no service, and none calls it.
    let (process, shutdown) = ServiceProcess::start(config, "stream", parts, None).await?;
    let ran = stream::run(&process, shutdown).await;
    process.stop().await;
    ran
}

/// Creates or upgrades the control database.
pub async fn migrate(args: ProcessArgs) -> anyhow::Result<()> {
    let Some(config) = args.load(None)? else {
        return Ok(());
    };
    fairlead_control_plane::migrate(&config.control()).await?;
    println!("the control database is up to date");
    Ok(())
}

impl ProcessArgs {
    /// Returns the configuration of a process that runs `service`, or `None` if it was only to be
    /// checked.
    fn load(&self, service: Option<ServiceName>) -> anyhow::Result<Option<AppConfig>> {
        let config = AppConfig::load(self.config.as_deref())?;
        if let Some(service) = service {
            let listener = exposure::Listener {
                key: service.name(),
                address: service.listen(&config),
            };
            exposure::check(&config, &[listener])?;
        }
        if self.check_config {
            println!("configuration is valid");
            return Ok(None);
        }
        Ok(Some(config))
    }
}

impl ServiceName {
    /// Returns the name of the service in logs, traces, certificates and service discovery.
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

    /// Returns the parts that must be ready before it serves.
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

    /// Returns the address to listen on.
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

    /// Builds the service and serves it until `shutdown`.
    async fn serve(
        self,
        process: &ServiceProcess,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        match self {
            Self::Gateway => services::gateway(process, listener, shutdown).await,
            Self::Profile => services::profile(process, listener, shutdown).await,
            Self::Recall => services::recall(process, listener, shutdown).await,
            Self::Ranking => services::ranking(process, listener, shutdown).await,
            Self::Pricing => services::pricing(process, listener, shutdown).await,
            Self::ControlPlane => services::control_plane(process, listener, shutdown).await,
        }
    }
}
