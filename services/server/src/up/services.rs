//! The services of a house, put on each other.

use std::sync::Arc;

use fairlead_chassis::link::Link;
use fairlead_event_log::EventLog;
use fairlead_pricing::Keyring;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::InnerLinks;
use crate::parts::Parts;

/// What only the gateway and the stream need besides.
pub(super) struct Around<'a> {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) tasks: &'a TaskTracker,
    pub(super) shutdown: &'a CancellationToken,
}

/// The services that others look into.
pub(super) struct Services {
    pub(super) gateway: fairlead_gateway::Service,
    pub(super) recall: fairlead_recall::Service,
    pub(super) ranking: fairlead_ranking::Service,
    pub(super) pricing: fairlead_pricing::Service,
    pub(super) stream: fairlead_stream::ProgressWatch,
    pub(super) links: InnerLinks,
}

impl Services {
    /// Builds every service; the gateway last, on links to the others.
    pub(super) async fn build(parts: &Parts<'_>, around: Around<'_>) -> anyhow::Result<Self> {
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
        let gateway = fairlead_gateway::Service::new(
            parts.config.gateway.clone(),
            fairlead_gateway::Deps {
                clock: parts.clock.clone(),
                registry: parts.registry.clone(),
                log: around.log.clone(),
                releases: parts.releases.clone(),
                profile: links.profile.clone(),
                recall: links.recall.clone(),
                ranking: links.ranking.clone(),
                pricing: links.pricing.clone(),
                tasks: around.tasks.clone(),
                shutdown: around.shutdown.clone(),
            },
        )
        .await?;
        // The gateway has made the topics of events: the stream can join.
        let stream = stream(parts, &around).await?;
        Ok(Self {
            gateway,
            recall,
            ranking,
            pricing,
            stream,
            links,
        })
    }
}

/// Starts the stream in the house's tasks.
async fn stream(
    parts: &Parts<'_>,
    around: &Around<'_>,
) -> anyhow::Result<fairlead_stream::ProgressWatch> {
    let config = parts.config.stream.clone();
    around
        .log
        .create_topic(&config.dead_letter_topic, parts.config.topic())
        .await?;
    let deps = fairlead_stream::Deps {
        log: around.log.clone(),
        store: Arc::new(parts.store.clone()),
        registry: parts.registry.clone(),
        clock: parts.clock.clone(),
    };
    let stream = fairlead_stream::Stream::new(config, deps)?;
    let progress = stream.progress();
    let shutdown = around.shutdown.clone();
    around.tasks.spawn(async move {
        if let Err(error) = stream.run(shutdown).await {
            tracing::error!(%error, "stream ended");
        }
    });
    Ok(progress)
}
