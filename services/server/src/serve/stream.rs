//! The stream as a process of its own: from the event log into the feature store.

use std::sync::Arc;

use fairlead_event_log::EventLog;
use tokio_util::sync::CancellationToken;

use super::process::ServiceProcess;
use super::wait::until;
use crate::log::open_shared;

/// Runs the stream until `shutdown`.
pub(super) async fn run(
    process: &ServiceProcess,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let log = open_shared(&process.config)?;
    let Some(store) = process.store(&shutdown).await? else {
        return Ok(());
    };
    if !make_topics(process, log.as_ref(), &shutdown).await? {
        return Ok(());
    }
    let deps = fairlead_stream::Deps {
        log: log.clone(),
        store: Arc::new(store),
        registry: process.registry.clone(),
        clock: process.clock.clone(),
    };
    let stream = fairlead_stream::Stream::new(process.config.stream.clone(), deps)?;
    process.chassis.readiness.has("event log");
    let drain = shutdown.clone();
    let readiness = process.chassis.readiness.clone();
    process.tasks.spawn(async move {
        drain.cancelled().await;
        readiness.drain();
    });
    let ran = stream.run(shutdown).await;
    log.close().await?;
    Ok(ran?)
}

/// Creates the topics that the stream reads and writes. Returns `false` if this process is asked to
/// stop before they are there.
async fn make_topics(
    process: &ServiceProcess,
    log: &dyn EventLog,
    shutdown: &CancellationToken,
) -> anyhow::Result<bool> {
    let (stream, spec) = (&process.config.stream, process.config.topic());
    for topic in [&stream.topic, &stream.dead_letter_topic] {
        let create = async || log.create_topic(topic, spec).await;
        let away = fairlead_event_log::Error::is_transient;
        if until("event log", shutdown, create, away).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
