//! `fairlead train`: learns from the event log, registers the models, publishes them.

use std::time::Duration;

use clap::Args;
use fairlead_proto::control::v1::PublishRequest;
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_training::{History, Options, Trained, train};

use crate::cli::House;
use crate::client::explained;
use crate::terminal::{Bars, heading, table};
use crate::up::Running;

/// Options of `train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    house: House,
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
pub async fn run(args: TrainArgs) -> anyhow::Result<()> {
    let config = args.house.load()?;
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
    let trained = learn(&running, live.catalogue.products().to_vec(), options, bars).await?;
    crate::models::register(
        &running.control,
        &running.tenant,
        "fairlead train",
        &version,
        &trained,
    )
    .await?;
    if !args.no_publish {
        let revision = publish(&running, "fairlead train", "retrained").await?;
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
        metrics(&trained);
    }
    running.stop().await
}

/// Trains on a thread of its own.
pub async fn learn(
    running: &Running,
    products: Vec<fairlead_proto::catalogue::v1::Product>,
    options: Options,
    bars: Bars,
) -> anyhow::Result<Vec<Trained>> {
    let topic = fairlead_gateway::topics::EVENTS;
    let history = History::read(
        running.log.as_ref(),
        topic,
        running.tenant.as_str(),
        &running.registry,
    )
    .await?;
    learn_from(running, history, products, options, bars).await
}

/// The same, from a history that is already read.
pub async fn learn_from(
    running: &Running,
    history: History,
    products: Vec<fairlead_proto::catalogue::v1::Product>,
    options: Options,
    bars: Bars,
) -> anyhow::Result<Vec<Trained>> {
    let out = running
        .data
        .join("models")
        .join(ulid::Ulid::new().to_string());
    let registry = running.registry.clone();
    let trained = tokio::task::spawn_blocking(move || {
        train(&registry, &history, &products, &out, &options, &bars)
    });
    Ok(trained.await??)
}

/// Publishes the drafts.
pub async fn publish(running: &Running, actor: &str, comment: &str) -> anyhow::Result<i64> {
    let mut releases = ReleaseServiceClient::new(running.control.clone());
    let request = PublishRequest {
        tenant: running.tenant.to_string(),
        actor: actor.to_owned(),
        comment: comment.to_owned(),
        ..PublishRequest::default()
    };
    let published = releases
        .publish(request)
        .await
        .map_err(|status| explained(&status))?;
    Ok(published.into_inner().revision)
}

/// Offline metrics beside popularity's.
pub fn metrics(trained: &[Trained]) {
    heading("Measured on what was kept back");
    let mut rows = table(["model", "metric", "model", "popularity"]);
    for model in trained {
        for (name, ours) in model
            .metrics
            .iter()
            .filter(|(name, _)| !name.starts_with("popularity"))
        {
            let theirs = model.metrics.get(&format!("popularity_{name}"));
            for (metric, value) in flat(name, ours) {
                let beside = theirs.and_then(|theirs| {
                    flat(name, theirs)
                        .into_iter()
                        .find(|(other, _)| *other == metric)
                });
                rows.add_row([
                    model.role.to_owned(),
                    metric,
                    number(value),
                    beside.map(|(_, v)| number(v)).unwrap_or_default(),
                ]);
            }
        }
    }
    println!("{rows}");
}

fn flat(name: &str, value: &serde_json::Value) -> Vec<(String, f64)> {
    match value {
        serde_json::Value::Object(fields) => fields
            .iter()
            .filter_map(|(field, value)| Some((format!("{name} {field}"), value.as_f64()?)))
            .collect(),
        other => other
            .as_f64()
            .map(|value| (name.to_owned(), value))
            .into_iter()
            .collect(),
    }
}

fn number(value: f64) -> String {
    if value.fract().abs() < f64::EPSILON {
        format!("{value:.0}")
    } else {
        format!("{value:.4}")
    }
}
