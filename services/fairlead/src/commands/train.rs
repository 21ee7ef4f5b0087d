//! `fairlead train`: learns from the event log, registers the models, publishes them.

use std::time::Duration;

use clap::Args;
use fairlead_client::terminal::Bars;
use fairlead_lab::{models, releases};
use fairlead_server::ConfigArgs;
use fairlead_server::up::Running;
use fairlead_training::Options;

/// Options of `train`.
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Same seed, same models.
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

/// Runs it. The house must not be running on the same data folder: its log is locked.
pub(crate) async fn run(args: TrainArgs) -> anyhow::Result<()> {
    let config = args.config.load()?;
    let running = Running::start(&config, None).await?;
    let live = running.releases.first().await;
    // What a version holds never changes: each training makes one of its own.
    let now = jiff::Timestamp::from_millisecond(running.clock.now_ms())?;
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
    let trained =
        models::learn(&running, live.catalogue.products().to_vec(), options, bars).await?;
    models::register(
        &running.control,
        &running.tenant,
        "fairlead train",
        &version,
        &trained,
    )
    .await?;
    if !args.no_publish {
        let revision = releases::publish(&running, "fairlead train", "retrained").await?;
        running
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
    running.stop().await
}
