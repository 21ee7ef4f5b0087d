//! What runs beside the requests: it follows releases, loads their rankers in the background,
//! refreshes product counters, and publishes a new fleet whenever one of them changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use fairlead_chassis::clock::{Clock, full_minute};
use fairlead_domain::{ProductId, TenantId};
use fairlead_online::FeatureStore;
use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1::ModelRef;
use fairlead_proto::feature::v1::EntityState;
use fairlead_registry::Registry;
use fairlead_release::Live;
use fairlead_release_follow::ReleaseHandle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::error::Error;
use crate::fleet::{DefaultRanker, Fleet, Ready, Standing};
use crate::ranker::{ROLE, Ranker};
use crate::rows::{Observed, Rows};

/// The least time that one reading of all counters gets.
const LEAST_READ_TIME: Duration = Duration::from_secs(1);

/// How many products one pipelined read asks for.
const READ_AT_ONCE: usize = 512;

/// What is served now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Serving {
    /// The release; 0 before the first.
    pub release_revision: i64,
    /// Name and version of the ranker that answers who names none; empty when none does.
    pub model_version: String,
    /// Versions of the release that can be asked for.
    pub ready: Vec<String>,
    /// Versions of the release that are being loaded.
    pub loading: Vec<String>,
    /// Versions of the release that were refused, with the reason.
    pub refused: Vec<(String, String)>,
    /// When product counters were last read, Unix milliseconds; 0 when they never were.
    pub counters_read_ms: i64,
}

/// Where the keeper puts what it made, and requests find it.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) fleet: ArcSwapOption<Fleet>,
    pub(crate) serving: watch::Sender<Serving>,
}

/// What the keeper works with.
pub(crate) struct Tools {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) registry: Registry,
    pub(crate) store: Arc<dyn FeatureStore>,
    pub(crate) releases: ReleaseHandle,
    pub(crate) shared: Arc<Shared>,
    pub(crate) refresh: Duration,
}

/// The keeper's own state.
pub(crate) struct Keeper {
    tools: Tools,
    live: Option<Arc<Live>>,
    /// Rankers in memory by the hash of their folder: those of the release, and the default of an
    /// earlier one while it is needed.
    loaded: HashMap<String, Arc<Ranker>>,
    /// Why folders of the release were refused, by their hash.
    refused: HashMap<String, String>,
    /// Hash of the default that answered last.
    default: Option<String>,
    loads: JoinSet<(String, Result<Ranker, Error>)>,
    states: Arc<HashMap<String, EntityState>>,
}

impl Keeper {
    pub(crate) fn new(tools: Tools) -> Self {
        Self {
            tools,
            live: None,
            loaded: HashMap::new(),
            refused: HashMap::new(),
            default: None,
            loads: JoinSet::new(),
            states: Arc::default(),
        }
    }

    /// Keeps until the owner drops the task.
    pub(crate) async fn run(mut self) {
        let mut changed = self.tools.releases.changed();
        changed.mark_changed();
        let mut refresh = interval(self.tools.refresh);
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
                    Ok((hash, loaded)) => self.take_ranker(hash, loaded).await,
                    Err(error) => tracing::error!(%error, "loading a ranker died"),
                },
                _ = refresh.tick() => self.read_counters().await,
            }
        }
    }

    async fn follow_release(&mut self) {
        let Some(live) = self.tools.releases.live() else {
            return;
        };
        if self.live.as_ref().map(|live| live.revision()) == Some(live.revision()) {
            return;
        }
        // A folder that was refused may have been mended: it is tried again.
        self.refused.clear();
        for named in rankers(&live) {
            let hash = named.content_hash.to_ascii_lowercase();
            if self.loaded.contains_key(&hash) {
                continue;
            }
            let loading = Ranker::load(self.tools.registry.clone(), named.clone());
            self.loads.spawn(async move { (hash, loading.await) });
        }
        self.live = Some(live);
        self.publish().await;
    }

    async fn take_ranker(&mut self, hash: String, loaded: Result<Ranker, Error>) {
        match loaded {
            Ok(ranker) => {
                tracing::info!(model = ranker.title, "ranker loaded");
                self.loaded.insert(hash, Arc::new(ranker));
            }
            Err(error) => {
                metrics::counter!("fairlead_ranking_model_failures_total").increment(1);
                let reason = error.to_string();
                tracing::error!(reason, "ranker refused, the default in use stays");
                self.refused.insert(hash, reason);
            }
        }
        self.publish().await;
    }

    async fn read_counters(&mut self) {
        let Some(live) = self.live.clone() else {
            return;
        };
        let limit = self.tools.refresh.max(LEAST_READ_TIME);
        let reading = read(&*self.tools.store, &live);
        match timeout(limit, reading).await {
            Ok(Ok(states)) => {
                self.states = Arc::new(states);
                let now_ms = self.tools.clock.now_ms();
                let serving = &self.tools.shared.serving;
                serving.send_modify(|serving| serving.counters_read_ms = now_ms);
            }
            Ok(Err(error)) => {
                metrics::counter!("fairlead_ranking_refresh_failures_total").increment(1);
                tracing::warn!(%error, "product counters cannot be read, the last ones are used");
            }
            Err(_) => {
                metrics::counter!("fairlead_ranking_refresh_failures_total").increment(1);
                tracing::warn!(?limit, "product counters were not read in time");
            }
        }
        self.publish().await;
    }

    /// Makes the product rows, and puts everything where requests find it.
    async fn publish(&mut self) {
        let Some(live) = self.live.clone() else {
            return;
        };
        self.forget(&live);
        let make = Make {
            registry: self.tools.registry.clone(),
            live,
            loaded: self.loaded.clone(),
            refused: self.refused.clone(),
            earlier: self.default.clone(),
            states: Arc::clone(&self.states),
            as_of_ms: full_minute(self.tools.clock.now_ms()),
        };
        match tokio::task::spawn_blocking(move || make.fleet()).await {
            Ok(fleet) => {
                let answers = fleet.choose("").ok().map(|ready| Arc::clone(&ready.ranker));
                self.default = answers.as_ref().map(|ranker| ranker.content_hash.clone());
                let title = answers
                    .map(|ranker| ranker.title.clone())
                    .unwrap_or_default();
                let fleet = Arc::new(fleet);
                self.report(&fleet);
                // First the fleet: what is said to be served is served.
                self.tools.shared.fleet.store(Some(Arc::clone(&fleet)));
                self.tools.shared.serving.send_modify(|serving| {
                    let counters_read_ms = serving.counters_read_ms;
                    *serving = describe(&fleet, title, counters_read_ms);
                });
            }
            Err(error) => tracing::error!(%error, "preparing rankers died, those in use stay"),
        }
    }

    /// Notes for the control plane what became of the release's rankers, once all are loaded.
    fn report(&self, fleet: &Fleet) {
        let (reports, revision) = (self.tools.releases.reports(), fleet.live.revision());
        let standings = || fleet.versions.iter();
        let refused: Vec<String> = standings()
            .filter_map(|(version, standing)| match standing {
                Standing::Refused(reason) => Some(format!("version {version}: {reason}")),
                Standing::Ready(_) | Standing::Loading => None,
            })
            .collect();
        if !refused.is_empty() {
            reports.refused(ROLE, revision, refused.join("; "));
        } else if standings().all(|(_, standing)| !matches!(standing, Standing::Loading)) {
            reports.taken(ROLE, revision);
        }
    }

    /// Drops rankers that nobody can ask for any more.
    fn forget(&mut self, live: &Live) {
        let default = self.default.as_deref();
        self.loaded.retain(|hash, _| {
            let named = rankers(live).any(|named| named.content_hash.eq_ignore_ascii_case(hash));
            named || default == Some(hash)
        });
    }
}

fn rankers(live: &Live) -> impl Iterator<Item = &ModelRef> {
    live.release
        .models
        .iter()
        .filter(|model| model.role == ROLE)
}

/// The states of the products that anything was observed of.
async fn read(
    store: &dyn FeatureStore,
    live: &Live,
) -> Result<HashMap<String, EntityState>, Error> {
    // Ids that cannot be keys are refused by the release's checks.
    let Ok(tenant) = TenantId::new(&live.release.tenant) else {
        return Ok(HashMap::new());
    };
    let id = |product: &Product| ProductId::new(&product.product_id).ok();
    let ids: Vec<ProductId> = live.catalogue.products().iter().filter_map(id).collect();
    let mut states = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(READ_AT_ONCE) {
        let read = store.read_product_counters(&tenant, chunk).await?;
        let found = chunk.iter().zip(read);
        states.extend(found.filter_map(|(id, state)| Some((id.to_string(), state?))));
    }
    Ok(states)
}

fn describe(fleet: &Fleet, title: String, counters_read_ms: i64) -> Serving {
    let mut serving = Serving {
        release_revision: fleet.live.revision(),
        model_version: title,
        counters_read_ms,
        ..Serving::default()
    };
    for (version, standing) in &fleet.versions {
        match standing {
            Standing::Ready(_) => serving.ready.push(version.clone()),
            Standing::Loading => serving.loading.push(version.clone()),
            Standing::Refused(reason) => serving.refused.push((version.clone(), reason.clone())),
        }
    }
    serving
}

/// What a fleet is made from.
struct Make {
    registry: Registry,
    live: Arc<Live>,
    loaded: HashMap<String, Arc<Ranker>>,
    refused: HashMap<String, String>,
    /// Hash of the default that answers until the release's does.
    earlier: Option<String>,
    states: Arc<HashMap<String, EntityState>>,
    as_of_ms: i64,
}

impl Make {
    fn fleet(self) -> Fleet {
        let versions: BTreeMap<String, Standing> = rankers(&self.live)
            .map(|named| (named.version.clone(), self.standing(&named.content_hash)))
            .collect();
        let default = self.default_ranker(&versions);
        Fleet {
            as_of_ms: self.as_of_ms,
            versions,
            default,
            live: self.live,
        }
    }

    fn standing(&self, hash: &str) -> Standing {
        let hash = hash.to_ascii_lowercase();
        if let Some(reason) = self.refused.get(&hash) {
            return Standing::Refused(reason.clone());
        }
        let Some(ranker) = self.loaded.get(&hash) else {
            return Standing::Loading;
        };
        let observed = Observed {
            states: &self.states,
            as_of_ms: self.as_of_ms,
        };
        let products = self.live.catalogue.products();
        match Rows::make(&self.registry, &ranker.assembler, products, observed) {
            Ok(rows) => Standing::Ready(Arc::new(Ready {
                ranker: Arc::clone(ranker),
                rows,
            })),
            Err(error) => Standing::Refused(error.to_string()),
        }
    }

    fn default_ranker(&self, versions: &BTreeMap<String, Standing>) -> DefaultRanker {
        if versions.is_empty() {
            return DefaultRanker::NoRanker;
        }
        let Some(named) = self.live.model(ROLE, "") else {
            return DefaultRanker::NoDefault;
        };
        if matches!(versions.get(&named.version), Some(Standing::Ready(_))) {
            return DefaultRanker::Version(named.version.clone());
        }
        match self.earlier.as_deref().map(|hash| self.standing(hash)) {
            Some(Standing::Ready(earlier)) => DefaultRanker::Earlier(earlier),
            _ => DefaultRanker::Version(named.version.clone()),
        }
    }
}
