//! Builds the services behind the gateway, in one process or each in its own.

use std::sync::Arc;

use fairlead_chassis::clock::Clock;
use fairlead_event_log::EventLog;
use fairlead_online::{DecisionIndex, OnlineStore};
use fairlead_pricing::Keyring;
use fairlead_registry::Registry;
use fairlead_release_follow::ReleaseHandle;
use fairlead_stream::{
    AcceptanceRestorer, AcceptanceStores, AcceptancesConfig, DecisionIndexer, IndexerConfig,
};

use crate::config::AppConfig;

/// The dependencies that these services have in common.
pub(crate) struct ServiceParts<'p> {
    pub(crate) config: &'p AppConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) registry: Registry,
    pub(crate) store: OnlineStore,
    pub(crate) releases: ReleaseHandle,
}

impl ServiceParts<'_> {
    /// Builds the profile service.
    pub(crate) fn profile(&self) -> anyhow::Result<fairlead_profile::Service> {
        let deps = fairlead_profile::Deps {
            clock: self.clock.clone(),
            registry: self.registry.clone(),
            store: Arc::new(self.store.clone()),
            decisions: decision_index(self.config, &self.store),
            releases: self.releases.clone(),
        };
        Ok(fairlead_profile::Service::new(&self.config.profile, deps)?)
    }

    /// Builds the recall service.
    pub(crate) fn recall(&self) -> anyhow::Result<fairlead_recall::Service> {
        let deps = fairlead_recall::Deps {
            clock: self.clock.clone(),
            registry: self.registry.clone(),
            store: Arc::new(self.store.clone()),
            releases: self.releases.clone(),
        };
        Ok(fairlead_recall::Service::new(&self.config.recall, deps)?)
    }

    /// Builds the ranking service.
    pub(crate) fn ranking(&self) -> anyhow::Result<fairlead_ranking::Service> {
        let deps = fairlead_ranking::Deps {
            clock: self.clock.clone(),
            registry: self.registry.clone(),
            store: Arc::new(self.store.clone()),
            releases: self.releases.clone(),
        };
        Ok(fairlead_ranking::Service::new(&self.config.ranking, deps)?)
    }

    /// Builds the pricing service, which signs quotes with `keys`.
    pub(crate) fn pricing(&self, keys: Keyring) -> anyhow::Result<fairlead_pricing::Service> {
        let deps = fairlead_pricing::Deps {
            clock: self.clock.clone(),
            registry: self.registry.clone(),
            releases: self.releases.clone(),
            quotes: Arc::new(self.store.quotes()),
            keys,
        };
        Ok(fairlead_pricing::Service::new(&self.config.pricing, deps)?)
    }
}

/// Returns the index of decision records in `store`.
pub(crate) fn decision_index(config: &AppConfig, store: &OnlineStore) -> DecisionIndex {
    DecisionIndex::new(Arc::new(store.clone()), &config.stream.log_name)
}

/// Builds the indexer of decision records.
pub(crate) fn decision_indexer(
    config: &AppConfig,
    log: &Arc<dyn EventLog>,
    store: &OnlineStore,
    clock: &Arc<dyn Clock>,
) -> DecisionIndexer {
    let settings = IndexerConfig {
        group: format!("{}-decisions", config.stream.group),
        retention: config.topic().retention,
    };
    let index = decision_index(config, store);
    DecisionIndexer::new(settings, log.clone(), index, clock.clone())
}

/// Builds the restorer of acceptances.
pub(crate) fn acceptance_restorer(
    config: &AppConfig,
    log: &Arc<dyn EventLog>,
    store: &OnlineStore,
    clock: &Arc<dyn Clock>,
) -> AcceptanceRestorer {
    let settings = AcceptancesConfig {
        group: format!("{}-acceptances", config.stream.group),
        log_name: config.stream.log_name.clone(),
        kept: config.pricing.acceptances_kept(),
    };
    let stores = AcceptanceStores {
        progress: Arc::new(store.clone()),
        quotes: Arc::new(store.quotes()),
    };
    AcceptanceRestorer::new(settings, log.clone(), stores, clock.clone())
}
