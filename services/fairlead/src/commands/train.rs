//! `fairlead train`: trains on the event log, registers the models, publishes them.

use std::time::Duration;

use clap::Args;
use fairlead_client::terminal::Bars;
use fairlead_lab::{models, releases};
use fairlead_server::{ConfigArgs, Server};
use fairlead_training::Options;

/// Options of `train`.
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Seed: the same seed gives the same models.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Passes over the data.
    #[arg(long, default_value_t = 3)]
    epochs: usize,
    /// Register the models, but do not publish a release.
    #[arg(long)]
    no_publish: bool,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// Runs the command. No server may be running on the same data folder: its log is locked.
pub(crate) async fn run(args: TrainArgs) -> anyhow::Result<()> {
    let config = args.config.load()?;
    let server = Server::start(&config, None).await?;
    let live = server.releases.first().await;
    // A version never changes: each training makes its own.
    let now = jiff::Timestamp::from_millisecond(server.clock.now_ms())?;
    let version = now.strftime("%Y%m%d-%H%M%S").to_string();
    let bars = if args.json {
        Bars::hidden()
    } else {
        Bars::default()
    };
    let options = Options {
        seed: args.seed,
        epochs: args.epochs,
        version: version.clone(),
        ..Options::default()
    };
    let trained = models::learn(&server, live.catalogue.products().to_vec(), options, bars).await?;
    models::register(&server.control, &server.tenant, &version, &trained).await?;
    if !args.no_publish {
        let revision = releases::publish(&server, "retrained").await?;
        server
            .release_live(revision, Duration::from_mins(1))
            .await?;
    }
    if args.json {
        let metrics: serde_json::Map<_, _> = trained
            .iter()
            .map(|one| {
                (
                    one.role.to_owned(),
                    serde_json::Value::Object(one.metrics.clone()),
                )
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&metrics)?);
    } else {
        models::print_metrics(&trained);
    }
    server.stop().await
}
