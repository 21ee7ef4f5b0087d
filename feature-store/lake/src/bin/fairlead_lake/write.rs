//! The writing process.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fairlead_chassis::clock::SystemClock;
use fairlead_chassis::serve::{ServeOptions, bind, serve_router, shutdown_on_signal};
use fairlead_event_log::{
    EmbeddedEventLog, EmbeddedOptions, EventLog, KafkaEventLog, KafkaOptions,
};
use fairlead_lake::{Deps, ProcessConfig, Store, Topics, Writer, catch_up};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin;

/// Longest pause between attempts to reach Kafka at the start.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Writes until SIGTERM, then writes what waits, commits, and ends.
pub(crate) async fn run(config: &ProcessConfig) -> anyhow::Result<()> {
    let telemetry = fairlead_chassis::telemetry::init(&config.telemetry, "lake")?;
    let listener = bind(config.listen.metrics).await?;
    let tasks = TaskTracker::new();
    let shutdown = shutdown_on_signal(&tasks)?;
    // The port stays until the last batch is written: its end is what says that.
    let served = CancellationToken::new();
    let options = ServeOptions {
        name: "metrics",
        drain: Duration::from_millis(config.drain_ms),
    };
    let progress = admin::Watched::default();
    let page = admin::router(
        telemetry.metrics.clone(),
        progress.clone(),
        shutdown.clone(),
    );
    let serving = tasks.spawn(serve_router(options, listener, page, served.clone()));
    let wrote = write(config, &progress, shutdown.clone()).await;
    served.cancel();
    shutdown.cancel();
    tasks.close();
    tasks.wait().await;
    tokio::task::spawn_blocking(move || telemetry.flush()).await?;
    wrote?;
    Ok(serving.await??)
}

async fn write(
    config: &ProcessConfig,
    progress: &admin::Watched,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Some(log) = wait_for_log(config, &shutdown).await? else {
        return Ok(());
    };
    let deps = deps(config, log.clone())?;
    let writer = Writer::new(config.lake.clone(), Topics::default(), deps)?;
    progress.get_or_init(|| writer.progress());
    let wrote = writer.run(shutdown).await;
    log.close().await?;
    Ok(wrote?)
}

/// Writes what the log holds now, outside the group.
pub(crate) async fn until_end(config: &ProcessConfig) -> anyhow::Result<()> {
    fairlead_chassis::telemetry::init(&config.telemetry, "lake")?;
    let log = open_log(config).await?;
    let topics = Topics::default();
    let taken = catch_up(&config.lake, &topics, &deps(config, log.clone())?).await;
    log.close().await?;
    println!("wrote what {} offsets of the log hold", taken?);
    Ok(())
}

fn deps(config: &ProcessConfig, log: Arc<dyn EventLog>) -> anyhow::Result<Deps> {
    Ok(Deps {
        log,
        store: Store::open(&config.lake.url, &config.data_dir)?,
        clock: Arc::new(SystemClock),
    })
}

/// Waits for a Kafka that is away; nothing when told to stop before.
async fn wait_for_log(
    config: &ProcessConfig,
    shutdown: &CancellationToken,
) -> anyhow::Result<Option<Arc<dyn EventLog>>> {
    let mut pause = Duration::from_millis(100);
    loop {
        match open_log(config).await {
            Ok(log) => return Ok(Some(log)),
            Err(cause) if cause.is_transient() => {
                tracing::warn!(%cause, "event log away, will try again");
            }
            Err(cause) => return Err(cause).context("[events] kafka"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(None),
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

async fn open_log(config: &ProcessConfig) -> Result<Arc<dyn EventLog>, fairlead_event_log::Error> {
    if config.events.kafka.is_empty() {
        let options = EmbeddedOptions::new(config.data_dir.join("log"));
        return Ok(Arc::new(EmbeddedEventLog::open(options).await?));
    }
    let options = KafkaOptions::new(config.events.kafka.clone());
    Ok(Arc::new(KafkaEventLog::connect(options).await?))
}
