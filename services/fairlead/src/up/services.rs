//! The services of a house, put on each other.

use std::sync::Arc;

use fairlead_chassis::clock::Clock;
use fairlead_chassis::link::Link;
use fairlead_event_log::EventLog;
use fairlead_online::{FeatureStore, OnlineStore};
use fairlead_pricing::Keyring;
use fairlead_registry::Registry;
use fairlead_release::ReleaseHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::InnerLinks;
use crate::config::AppConfig;

/// What services are built from.
pub(super) struct Parts<'p> {
    pub(super) config: &'p AppConfig,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) registry: Registry,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) online: OnlineStore,
    pub(super) releases: ReleaseHandle,
    pub(super) tasks: &'p TaskTracker,
    pub(super) shutdown: &'p CancellationToken,
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
    pub(super) async fn build(parts: Parts<'_>) -> anyhow::Result<Self> {
        let store: Arc<dyn FeatureStore> = Arc::new(parts.online.clone());
        let (clock, releases) = (&parts.clock, &parts.releases);
        let profile = fairlead_profile::Service::new(
            &parts.config.profile,
            fairlead_profile::Deps {
                clock: clock.clone(),
                registry: parts.registry.clone(),
                store: store.clone(),
                releases: releases.clone(),
            },
        )?;
        let recall = fairlead_recall::Service::new(
            &parts.config.recall,
            fairlead_recall::Deps {
                clock: clock.clone(),
                registry: parts.registry.clone(),
                store: store.clone(),
                releases: releases.clone(),
            },
        )?;
        let ranking = fairlead_ranking::Service::new(
            &parts.config.ranking,
            fairlead_ranking::Deps {
                clock: clock.clone(),
                registry: parts.registry.clone(),
                store: store.clone(),
                releases: releases.clone(),
            },
        )?;
        let pricing = fairlead_pricing::Service::new(
            &parts.config.pricing,
            fairlead_pricing::Deps {
                clock: clock.clone(),
                registry: parts.registry.clone(),
                releases: releases.clone(),
                quotes: Arc::new(parts.online.quotes()),
                keys: Keyring::kept_at(&parts.config.signing_keys())?,
            },
        )?;
        let links = InnerLinks {
            profile: Link::in_process(profile.routes()),
            recall: Link::in_process(recall.routes()),
            ranking: Link::in_process(ranking.routes()),
            pricing: Link::in_process(pricing.routes()),
        };
        let gateway = fairlead_gateway::Service::new(
            parts.config.gateway.clone(),
            fairlead_gateway::Deps {
                clock: clock.clone(),
                registry: parts.registry.clone(),
                log: parts.log.clone(),
                releases: releases.clone(),
                profile: links.profile.clone(),
                recall: links.recall.clone(),
                ranking: links.ranking.clone(),
                pricing: links.pricing.clone(),
                tasks: parts.tasks.clone(),
                shutdown: parts.shutdown.clone(),
            },
        )
        .await?;
        // The gateway has made the topics of events: the stream can join.
        let stream = stream(&parts, store).await?;
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
    store: Arc<dyn FeatureStore>,
) -> anyhow::Result<fairlead_stream::ProgressWatch> {
    let config = parts.config.stream.clone();
    parts
        .log
        .create_topic(&config.dead_letter_topic, parts.config.topic())
        .await?;
    let deps = fairlead_stream::Deps {
        log: parts.log.clone(),
        store,
        registry: parts.registry.clone(),
        clock: parts.clock.clone(),
    };
    let stream = fairlead_stream::Stream::new(config, deps)?;
    let progress = stream.progress();
    let shutdown = parts.shutdown.clone();
    parts.tasks.spawn(async move {
        if let Err(error) = stream.run(shutdown).await {
            tracing::error!(%error, "stream ended");
        }
    });
    Ok(progress)
}
