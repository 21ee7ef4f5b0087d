//! Trains models on the event log of a running server, and registers them.

use std::sync::Mutex;

use anyhow::Context as _;
use fairlead_chassis::link::Link;
use fairlead_client::explained;
use fairlead_client::terminal::{Bars, heading, table};
use fairlead_domain::TenantId;
use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::control::v1::{ModelRef, PutModelRequest};
use fairlead_server::Server;
use fairlead_training::{History, Options, Progress, Trained, train};
use indicatif::ProgressBar;

/// Reads the event log and trains models on a blocking thread.
pub async fn learn(
    server: &Server,
    products: Vec<Product>,
    options: Options,
    bars: Bars,
) -> anyhow::Result<Vec<Trained>> {
    let history = History::read(
        server.log.as_ref(),
        &server.event_topics,
        server.tenant.as_str(),
        &server.registry,
    )
    .await?;
    learn_from(server, history, products, options, bars).await
}

/// Trains models on a history, on a blocking thread.
pub async fn learn_from(
    server: &Server,
    history: History,
    products: Vec<Product>,
    options: Options,
    bars: Bars,
) -> anyhow::Result<Vec<Trained>> {
    let out = server
        .data
        .join("models")
        .join(ulid::Ulid::new().to_string());
    let registry = server.registry.clone();
    let bars = TrainingBars::new(bars);
    let trained = tokio::task::spawn_blocking(move || {
        train(&registry, &history, &products, &out, &options, &bars)
    });
    Ok(trained.await??)
}

/// Registers models as the defaults of their roles.
pub async fn register(
    control: &Link,
    tenant: &TenantId,
    version: &str,
    trained: &[Trained],
) -> anyhow::Result<()> {
    let mut drafts = DraftServiceClient::new(control.clone());
    for model in trained {
        let folder = model.folder.canonicalize()?;
        let hash = fairlead_release_follow::model_folder_hash(&folder)
            .with_context(|| format!("cannot read the model folder {}", folder.display()))?;
        let request = PutModelRequest {
            tenant: tenant.to_string(),
            model: Some(ModelRef {
                role: model.role.to_owned(),
                name: model.role.to_owned(),
                version: version.to_owned(),
                path: folder.to_string_lossy().into_owned(),
                content_hash: hash,
                default_for_role: true,
                schema_hash: model.schema_hash.clone(),
            }),
        };
        drafts
            .put_model(request)
            .await
            .map_err(|status| explained(&status))?;
    }
    Ok(())
}

/// Prints the offline metrics of models beside those of popularity.
pub fn print_metrics(trained: &[Trained]) {
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

/// Progress bars for the stages of a training, one after the other.
#[derive(Debug)]
struct TrainingBars {
    bars: Bars,
    current: Mutex<Option<ProgressBar>>,
}

impl TrainingBars {
    fn new(bars: Bars) -> Self {
        Self {
            bars,
            current: Mutex::new(None),
        }
    }
}

impl Progress for TrainingBars {
    fn begin(&self, stage: &str, steps: u64) {
        let bar = self.bars.bar(stage, steps);
        if let Ok(mut current) = self.current.lock() {
            *current = Some(bar);
        }
    }

    fn advance(&self, steps: u64, note: &str) {
        if let Ok(current) = self.current.lock()
            && let Some(bar) = current.as_ref()
        {
            bar.inc(steps);
            bar.set_prefix(note.to_owned());
        }
    }

    fn end(&self) {
        if let Ok(mut current) = self.current.lock()
            && let Some(bar) = current.take()
        {
            bar.finish();
        }
    }
}
