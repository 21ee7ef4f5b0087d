//! Builds every service of one process and links them.

use std::sync::Arc;

use fairlead_authentication::ToolsToken;
use fairlead_chassis::link::Link;
use fairlead_event_log::{EventLog, EventTopic};
use fairlead_pricing::Keyring;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::InnerLinks;
use crate::origins::{OriginSigning, stream_config};
use crate::parts::{ServiceParts, acceptance_restorer, decision_indexer};

/// The services that this process routes calls to or waits for.
pub(super) struct Services {
    pub(super) gateway: fairlead_gateway::Service,
    pub(super) recall: fairlead_recall::Service,
    pub(super) ranking: fairlead_ranking::Service,
    pub(super) pricing: fairlead_pricing::Service,
    /// The streams by topic.
    pub(super) streams: Vec<(String, fairlead_stream::ProgressWatch)>,
    pub(super) event_topics: Vec<EventTopic>,
    pub(super) links: InnerLinks,
}

impl Services {
    /// Builds every service, the gateway last, and starts the stream in `tasks`.
    pub(super) async fn build(
        parts: &ServiceParts<'_>,
        (log, control): (&Arc<dyn EventLog>, &Link),
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let profile = parts.profile()?;
        let recall = parts.recall()?;
        let ranking = parts.ranking()?;
        let pricing = parts.pricing(Keyring::kept_at(&parts.config.signing_keys())?)?;
        let links = InnerLinks {
            profile: Link::in_process(profile.routes()),
            recall: Link::in_process(recall.routes()),
            ranking: Link::in_process(ranking.routes()),
            pricing: Link::in_process(pricing.routes()),
        };
        let signing = OriginSigning::of_all(parts.config)?;
        let event_topics = signing.topics(parts.config);
        let gateway = fairlead_gateway::Service::new(
            parts.config.gateway.clone(),
            fairlead_gateway::Deps {
                clock: parts.clock.clone(),
                registry: parts.registry.clone(),
                log: log.clone(),
                releases: parts.releases.clone(),
                profile: links.profile.clone(),
                recall: links.recall.clone(),
                ranking: links.ranking.clone(),
                pricing: links.pricing.clone(),
                origin_keys: signing.keys,
                tools: Some(ToolsToken::kept_at(&parts.config.tools_token())?),
                keys: Some(parts.config.key_source(control.clone())),
                open: parts.config.listen.gateway.ip().is_loopback(),
                tasks: tasks.clone(),
                shutdown: shutdown.clone(),
            },
        )
        .await?;
        let mut streams = Vec::new();
        for topic in &event_topics {
            let stream = stream(parts, log, topic).await?;
            streams.push((topic.name.clone(), stream.progress()));
            let shutdown = shutdown.clone();
            tasks.spawn(async move {
                if let Err(error) = stream.run(shutdown).await {
                    tracing::error!(%error, "stream ended");
                }
            });
        }
        derive(parts, log, tasks, shutdown);
        Ok(Self {
            gateway,
            recall,
            ranking,
            pricing,
            streams,
            event_topics,
            links,
        })
    }
}

/// Starts what is derived from decision records: their index, and the acceptances of quotes.
fn derive(
    parts: &ServiceParts<'_>,
    log: &Arc<dyn EventLog>,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) {
    let indexer = decision_indexer(parts.config, log, &parts.store, &parts.clock);
    let stop = shutdown.clone();
    tasks.spawn(async move {
        if let Err(error) = indexer.run(stop).await {
            tracing::error!(%error, "indexer of decision records ended");
        }
    });
    let restorer = acceptance_restorer(parts.config, log, &parts.store, &parts.clock);
    let stop = shutdown.clone();
    tasks.spawn(async move {
        if let Err(error) = restorer.run(stop).await {
            tracing::error!(%error, "restoring acceptances ended");
        }
    });
}

/// Builds the stream of a topic of events, with the topics that it reads and writes.
async fn stream(
    parts: &ServiceParts<'_>,
    log: &Arc<dyn EventLog>,
    topic: &EventTopic,
) -> anyhow::Result<fairlead_stream::Stream> {
    let config = stream_config(parts.config, topic);
    for name in [&config.topic, &config.dead_letter_topic] {
        log.create_topic(name, parts.config.topic()).await?;
    }
    let deps = fairlead_stream::Deps {
        log: log.clone(),
        provenance: topic.provenance.clone(),
        store: Arc::new(parts.store.clone()),
        registry: parts.registry.clone(),
        clock: parts.clock.clone(),
    };
    Ok(fairlead_stream::Stream::new(config, deps)?)
}
