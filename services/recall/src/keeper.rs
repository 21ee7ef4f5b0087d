//! What runs beside the requests: it follows releases, loads their models in the background and
//! refreshes product counters, and publishes a new snapshot whenever one of them changed.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use fairlead_chassis::clock::{Clock, full_minute};
use fairlead_domain::TenantId;
use fairlead_online::FeatureStore;
use fairlead_proto::control::v1::ModelRef;
use fairlead_registry::Registry;
use fairlead_release_follow::ReleaseHandle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::assortment::Assortment;
use crate::counters::{self, Counters};
use crate::error::Error;
use crate::snapshot::{Placed, Snapshot};
use crate::sources::popular::{Evidence, Popular};
use crate::tower::{ROLE, Tower};

/// The least time that one reading of all counters gets.
const LEAST_READ_TIME: Duration = Duration::from_secs(1);

/// What is served now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Serving {
    /// The release; 0 before the first.
    pub release_revision: i64,
    /// Name and version of the two-tower model; empty when none is used.
    pub model_version: String,
    /// Why the release's model is not the one in use; `None` when it is, or is being loaded.
    pub model_failure: Option<String>,
    /// When product counters were last read, Unix milliseconds; 0 when they never were.
    pub counters_read_ms: i64,
}

/// Where the keeper puts what it made, and requests find it.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) snapshot: ArcSwapOption<Snapshot>,
    pub(crate) serving: watch::Sender<Serving>,
}

/// The keeper's own state.
pub(crate) struct Keeper {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) registry: Registry,
    pub(crate) store: Arc<dyn FeatureStore>,
    pub(crate) releases: ReleaseHandle,
    pub(crate) shared: Arc<Shared>,
    pub(crate) counters: Counters,
    pub(crate) strength: f64,
    pub(crate) refresh: Duration,
    /// What the release names; the model in use may be an older one.
    pub(crate) wanted: Option<ModelRef>,
    pub(crate) assortment: Option<Arc<Assortment>>,
    pub(crate) placed: Option<Arc<Placed>>,
    pub(crate) loads: JoinSet<(ModelRef, Result<Tower, Error>)>,
}

impl Keeper {
    /// Keeps until the owner drops the task.
    pub(crate) async fn run(mut self) {
        let mut changed = self.releases.changed();
        changed.mark_changed();
        let mut refresh = interval(self.refresh);
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                new = changed.changed() => match new {
                    Ok(()) => {
                        self.follow_release().await;
                        // New products have counters that were never read.
                        refresh.reset_immediately();
                    }
                    // The handle is gone, and with it every release to come.
                    Err(_) => return,
                },
                Some(done) = self.loads.join_next() => match done {
                    Ok((named, loaded)) => self.take_model(&named, loaded).await,
                    Err(error) => tracing::error!(%error, "loading a two-tower model died"),
                },
                _ = refresh.tick() => self.read_counters().await,
            }
        }
    }

    async fn follow_release(&mut self) {
        let Some(live) = self.releases.live() else {
            return;
        };
        let known = self
            .assortment
            .as_ref()
            .map(|assortment| assortment.live.revision());
        if known == Some(live.revision()) {
            return;
        }
        self.wanted = live.model(ROLE, "").cloned();
        let tower = self.placed.as_ref().map(|placed| Arc::clone(&placed.tower));
        let in_use = tower
            .as_ref()
            .map(|tower| tower.companions.content_hash.clone());
        let build = move || {
            let assortment = Assortment::of(live);
            let placed = tower.map(|tower| Placed::new(tower, &assortment));
            (Arc::new(assortment), placed.map(Arc::new))
        };
        let Some((assortment, placed)) = blocking(build).await else {
            return;
        };
        self.assortment = Some(assortment);
        // A release without a model is served without one; one with another model is served with
        // the old one until the new one is loaded.
        self.placed = placed.filter(|_| self.wanted.is_some());
        self.shared
            .serving
            .send_modify(|serving| serving.model_failure = None);
        if let Some(named) = self.wanted.clone()
            && in_use.is_none_or(|hash| !hash.eq_ignore_ascii_case(&named.content_hash))
        {
            let loading = Tower::load(self.registry.clone(), named.clone());
            self.loads.spawn(async move { (named, loading.await) });
        } else {
            self.releases.reports().taken(ROLE, self.revision());
        }
        self.publish().await;
    }

    async fn take_model(&mut self, named: &ModelRef, loaded: Result<Tower, Error>) {
        let Some(assortment) = self.assortment.clone() else {
            return;
        };
        // A release that came meanwhile names another.
        if self.wanted.as_ref() != Some(named) {
            return;
        }
        match loaded {
            Ok(tower) => {
                tracing::info!(model = tower.title, "two-tower model in use");
                let place = move || Arc::new(Placed::new(Arc::new(tower), &assortment));
                if let Some(placed) = blocking(place).await {
                    self.placed = Some(placed);
                    self.releases.reports().taken(ROLE, self.revision());
                    self.publish().await;
                }
            }
            Err(error) => {
                metrics::counter!("fairlead_recall_model_failures_total").increment(1);
                let reason = error.to_string();
                tracing::error!(
                    model = named.name,
                    version = named.version,
                    reason,
                    "two-tower model refused, the one in use stays"
                );
                let revision = self.revision();
                self.releases
                    .reports()
                    .refused(ROLE, revision, reason.clone());
                self.shared
                    .serving
                    .send_modify(|serving| serving.model_failure = Some(reason));
            }
        }
    }

    /// The release that is prepared; 0 before the first.
    fn revision(&self) -> i64 {
        let assortment = self.assortment.as_ref();
        assortment.map_or(0, |assortment| assortment.live.revision())
    }

    async fn read_counters(&mut self) {
        let Some(assortment) = self.assortment.clone() else {
            return;
        };
        let Ok(tenant) = TenantId::new(&assortment.live.release.tenant) else {
            return;
        };
        let limit = self.refresh.max(LEAST_READ_TIME);
        let reading = counters::read(&*self.store, &tenant, assortment.products());
        match timeout(limit, reading).await {
            Ok(Ok(states)) => {
                self.counters.replace(states);
                let now_ms = self.clock.now_ms();
                self.shared
                    .serving
                    .send_modify(|serving| serving.counters_read_ms = now_ms);
            }
            Ok(Err(error)) => {
                metrics::counter!("fairlead_recall_refresh_failures_total").increment(1);
                tracing::warn!(%error, "product counters cannot be read, the last ones are used");
            }
            Err(_) => {
                metrics::counter!("fairlead_recall_refresh_failures_total").increment(1);
                tracing::warn!(?limit, "product counters were not read in time");
            }
        }
        self.publish().await;
    }

    /// Makes the order of popularity, and puts everything where requests find it.
    async fn publish(&mut self) {
        let Some(assortment) = self.assortment.clone() else {
            return;
        };
        let (counters, placed) = (self.counters.clone(), self.placed.clone());
        let (now_ms, strength) = (full_minute(self.clock.now_ms()), self.strength);
        let make = move || {
            let evidence = Evidence {
                counts: &counters.counts(assortment.products(), now_ms),
                prior: placed.as_ref().map_or(&[], |placed| &placed.prior),
                strength,
            };
            let popular = Arc::new(Popular::new(evidence, &assortment.place_by_id));
            Snapshot {
                assortment,
                placed,
                popular,
            }
        };
        let Some(snapshot) = blocking(make).await else {
            return;
        };
        let revision = snapshot.assortment.live.revision();
        let title = snapshot
            .placed
            .as_ref()
            .map(|placed| placed.tower.title.clone());
        self.shared.snapshot.store(Some(Arc::new(snapshot)));
        self.shared.serving.send_modify(|serving| {
            serving.release_revision = revision;
            serving.model_version = title.unwrap_or_default();
        });
    }
}

/// Runs what takes long beside the reactor; `None` when it panicked, which is logged.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(made) => Some(made),
        Err(error) => {
            tracing::error!(%error, "preparing a release died, the one in use stays");
            None
        }
    }
}
