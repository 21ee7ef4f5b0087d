//! `fairlead up`: every service in this process, until SIGTERM or Ctrl-C.

use clap::Args;
use fairlead_chassis::serve::shutdown_on_signal;
use fairlead_chassis::telemetry;
use fairlead_client::show;
use fairlead_server::{ConfigArgs, Server};
use tokio_util::task::TaskTracker;

/// Options of `up`.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Check the configuration and stop.
    #[arg(long)]
    check_config: bool,
    /// Print every key with its default and stop.
    #[arg(long)]
    print_config: bool,
}

/// Runs the command.
pub(crate) async fn run(args: UpArgs) -> anyhow::Result<()> {
    if args.print_config {
        print!("{}", fairlead_server::config::DEFAULTS);
        return Ok(());
    }
    let config = args.config.load()?;
    Server::check(&config)?;
    if args.check_config {
        println!("configuration is valid");
        return Ok(());
    }
    let telemetry = telemetry::init(&config.telemetry, "up")?;
    let signals = TaskTracker::new();
    let asked_to_stop = shutdown_on_signal(&signals)?;
    let server = Server::start(&config, Some(telemetry.metrics.clone())).await?;
    show::next_steps(server.addresses.gateway, server.addresses.metrics);
    if let Some(invitation) = server.invite_first_administrator().await? {
        show::first_administrator(&invitation);
    }
    asked_to_stop.cancelled().await;
    let stopped = server.stop().await;
    tokio::task::spawn_blocking(move || telemetry.flush()).await?;
    stopped
}
