//! The command `write`.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use fairlead_chassis::admin;
use fairlead_chassis::back_off::BackOff;
use fairlead_chassis::clock::SystemClock;
use fairlead_chassis::serve::{ServeOptions, bind, serve_router, shutdown_on_signal};
use fairlead_event_log::{
    EmbeddedEventLog, EmbeddedOptions, EventLog, KafkaEventLog, KafkaOptions,
};
use fairlead_lake::{Deps, ProcessConfig, ProgressWatch, Store, Topics, Writer, catch_up};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The first and the longest pause between attempts to reach Kafka at the start.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The writer's progress, once there is a writer.
type Watched = Arc<OnceLock<ProgressWatch>>;

/// Writes until SIGTERM, then writes the waiting records, commits and ends.
pub(crate) async fn run(config: &ProcessConfig) -> anyhow::Result<()> {
    let telemetry = fairlead_chassis::telemetry::init(&config.telemetry, "lake")?;
    let listener = bind(config.listen.metrics).await?;
    let tasks = TaskTracker::new();
    let shutdown = shutdown_on_signal(&tasks)?;
    // The port stays open until the last batch is written, so that its end shows that.
    let served = CancellationToken::new();
    let options = ServeOptions {
        name: "metrics",
        drain: Duration::from_millis(config.drain_ms),
        tls: None,
    };
    let progress = Watched::default();
    let (watched, stopping) = (progress.clone(), shutdown.clone());
    let page = admin::router(Some(telemetry.metrics.clone()), move || {
        missing(&watched, &stopping)
    });
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

/// Returns the reason why the process cannot write, or `None` if it can.
fn missing(progress: &Watched, shutdown: &CancellationToken) -> Option<String> {
    if shutdown.is_cancelled() {
        return Some("the process is ending".to_owned());
    }
    match progress.get() {
        Some(progress) => progress.now().missing,
        None => Some("the event log was not reached yet".to_owned()),
    }
}

async fn write(
    config: &ProcessConfig,
    progress: &Watched,
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

/// Writes the records that the log holds now, outside the group.
pub(crate) async fn until_end(config: &ProcessConfig) -> anyhow::Result<()> {
    let _telemetry = fairlead_chassis::telemetry::init(&config.telemetry, "lake")?;
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

/// Waits for a Kafka that is unavailable. Returns `None` if `shutdown` is cancelled before.
async fn wait_for_log(
    config: &ProcessConfig,
    shutdown: &CancellationToken,
) -> anyhow::Result<Option<Arc<dyn EventLog>>> {
    BackOff::new(FIRST_PAUSE, LONGEST_PAUSE)
        .retry(
            "event log",
            shutdown,
            async || open_log(config).await,
            fairlead_event_log::Error::is_transient,
        )
        .await
        .context("[events] kafka")
}

async fn open_log(config: &ProcessConfig) -> Result<Arc<dyn EventLog>, fairlead_event_log::Error> {
    if config.events.kafka.is_empty() {
        let options = EmbeddedOptions::new(config.data_dir.join("log"));
        return Ok(Arc::new(EmbeddedEventLog::open(options).await?));
    }
    let options = KafkaOptions::new(config.events.kafka.clone());
    Ok(Arc::new(KafkaEventLog::connect(options).await?))
}
