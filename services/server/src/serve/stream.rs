//! The stream as a process of its own: from the event log into the feature store.

use std::sync::Arc;

use fairlead_event_log::EventLog;
use tokio_util::sync::CancellationToken;

use super::Ground;
use super::wait::until;
use crate::log::open_shared;

pub(super) async fn run(ground: &Ground, shutdown: CancellationToken) -> anyhow::Result<()> {
    let log = open_shared(&ground.config)?;
    let Some(store) = ground.store(&shutdown).await? else {
        return Ok(());
    };
    if !make_topics(ground, log.as_ref(), &shutdown).await? {
        return Ok(());
    }
    let deps = fairlead_stream::Deps {
        log: log.clone(),
        store: Arc::new(store),
        registry: ground.registry.clone(),
        clock: ground.clock.clone(),
    };
    let stream = fairlead_stream::Stream::new(ground.config.stream.clone(), deps)?;
    ground.process.readiness.has("event log");
    let drain = shutdown.clone();
    let readiness = ground.process.readiness.clone();
    ground.tasks.spawn(async move {
        drain.cancelled().await;
        readiness.drain();
    });
    let ran = stream.run(shutdown).await;
    log.close().await?;
    Ok(ran?)
}

/// Makes the topics that the stream reads and writes. Whether they are there; not where this
/// process is to stop before.
async fn make_topics(
    ground: &Ground,
    log: &dyn EventLog,
    shutdown: &CancellationToken,
) -> anyhow::Result<bool> {
    let (stream, spec) = (&ground.config.stream, ground.config.topic());
    for topic in [&stream.topic, &stream.dead_letter_topic] {
        let create = async || log.create_topic(topic, spec).await;
        let away = fairlead_event_log::Error::is_transient;
        if until("event log", shutdown, create, away).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
