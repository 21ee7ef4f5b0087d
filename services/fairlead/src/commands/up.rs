//! `fairlead up`: every service in this process, until SIGTERM or Ctrl-C.

use clap::Args;
use fairlead_chassis::serve::shutdown_on_signal;
use fairlead_chassis::telemetry;
use tokio_util::task::TaskTracker;

use crate::cli::House;
use crate::terminal::note;
use crate::up::Running;

/// Options of `up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    #[command(flatten)]
    house: House,
    /// Check the configuration and stop.
    #[arg(long)]
    check_config: bool,
    /// Print every key with its default and stop.
    #[arg(long)]
    print_config: bool,
}

/// Runs it.
pub async fn run(args: UpArgs) -> anyhow::Result<()> {
    if args.print_config {
        print!("{}", crate::config::DEFAULTS);
        return Ok(());
    }
    let config = args.house.load()?;
    if args.check_config {
        println!("configuration is valid");
        return Ok(());
    }
    let telemetry = telemetry::init(&config.telemetry, "up")?;
    let signals = TaskTracker::new();
    let asked_to_stop = shutdown_on_signal(&signals)?;
    let running = Running::start(&config, Some(telemetry.metrics.clone())).await?;
    next_steps(&running);
    asked_to_stop.cancelled().await;
    let stopped = running.stop().await;
    tokio::task::spawn_blocking(move || telemetry.flush()).await?;
    stopped
}

/// What to try next.
pub fn next_steps(running: &Running) {
    let gateway = running.addresses.gateway;
    crate::terminal::heading("Serving. Try:");
    note(&format!(
        "curl -s http://{gateway}/v1/recommend -d '{{\"customerId\":\"c00001\",\"slateSize\":3}}'"
    ));
    note(&format!(
        "grpcurl -plaintext -d '{{\"customer_id\":\"c00001\"}}' {gateway} fairlead.gateway.v1.RecommendService/Recommend"
    ));
    note(&format!(
        "open http://{gateway}/docs for every call; metrics at http://{}/metrics",
        running.addresses.metrics
    ));
    note(&format!(
        "fairlead recommend c00001 --server http://{gateway} --waterfall"
    ));
}
