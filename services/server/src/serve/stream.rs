//! The stream as a process of its own: from the event log into the feature store, the index of decision
//! records, and the acceptances of quotes.

use std::sync::Arc;

use fairlead_event_log::{EventLog, TopicSpec};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::process::ServiceProcess;
use super::wait::until;
use crate::log::open_shared;
use crate::origins::{OriginSigning, stream_config};
use crate::parts::{acceptance_restorer, decision_indexer};

/// Runs the stream until `shutdown`.
pub(super) async fn run(
    process: &ServiceProcess,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let log = open_shared(&process.config)?;
    let Some(store) = process.store(&shutdown).await? else {
        return Ok(());
    };
    let topics = OriginSigning::of_one(&process.config)?.topics(&process.config);
    let store = Arc::new(store);
    let mut streams = Vec::new();
    for topic in topics {
        let config = stream_config(&process.config, &topic);
        if !make_topics(process, log.as_ref(), &config, &shutdown).await? {
            return Ok(());
        }
        let deps = fairlead_stream::Deps {
            log: log.clone(),
            provenance: topic.provenance,
            store: store.clone(),
            registry: process.registry.clone(),
            clock: process.clock.clone(),
        };
        streams.push(fairlead_stream::Stream::new(config, deps)?);
    }
    let indexer = decision_indexer(&process.config, &log, &store, &process.clock);
    process.chassis.readiness.has("event log");
    let drain = shutdown.clone();
    let readiness = process.chassis.readiness.clone();
    process.tasks.spawn(async move {
        drain.cancelled().await;
        readiness.drain();
    });
    let acceptances = acceptance_restorer(&process.config, &log, &store, &process.clock);
    let ran = run_all(streams, indexer, acceptances, shutdown).await;
    log.close().await?;
    ran
}

/// Runs all of them until `shutdown`, or until one of them fails.
async fn run_all(
    streams: Vec<fairlead_stream::Stream>,
    indexer: fairlead_stream::DecisionIndexer,
    acceptances: fairlead_stream::AcceptanceRestorer,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut running = JoinSet::new();
    running.spawn(indexer.run(shutdown.clone()));
    running.spawn(acceptances.run(shutdown.clone()));
    for stream in streams {
        running.spawn(stream.run(shutdown.clone()));
    }
    let mut ended = Ok(());
    while let Some(one) = running.join_next().await {
        if let Err(error) = one.map_err(anyhow::Error::from).and_then(|ran| Ok(ran?)) {
            shutdown.cancel();
            ended = Err(error);
        }
    }
    ended
}

/// Creates the topics that the stream reads and writes. Returns `false` if this process is asked to
/// stop before they are there.
async fn make_topics(
    process: &ServiceProcess,
    log: &dyn EventLog,
    stream: &fairlead_stream::Config,
    shutdown: &CancellationToken,
) -> anyhow::Result<bool> {
    let spec = process.config.topic();
    let acceptances = TopicSpec {
        retention: process.config.pricing.acceptances_kept(),
        ..spec
    };
    for (topic, spec) in [
        (&*stream.topic, spec),
        (&*stream.dead_letter_topic, spec),
        (fairlead_stream::DECISIONS_TOPIC, spec),
        (fairlead_stream::ACCEPTANCES_TOPIC, acceptances),
    ] {
        let create = async || log.create_topic(topic, spec).await;
        let away = fairlead_event_log::Error::is_transient;
        if until("event log", shutdown, create, away).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
