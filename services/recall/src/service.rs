//! The service: screens every product, asks every source, merges.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fairlead_chassis::clock::Clock;
use fairlead_chassis::deadline::Deadline;
use fairlead_chassis::stage::Stages;
use fairlead_inference::{Engine, EngineOptions};
use fairlead_online::{FeatureStore, ProductStates};
use fairlead_proto::recall::v1::recall_service_server::{RecallService, RecallServiceServer};
use fairlead_proto::recall::v1::{
    Candidate, RecallRequest, RecallResponse, RecallSource, SourceScore,
};
use fairlead_registry::Registry;
use fairlead_release::Live;
use fairlead_release::eligibility::EligibilityFacts;
use fairlead_release_follow::{Derived, Models, RefreshOptions, Refreshed, ReleaseHandle};
use fairlead_vector_index::{Searcher, SearcherOptions};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::assortment::Assortment;
use crate::bits::Bits;
use crate::config::Config;
use crate::counters::Counters;
use crate::error::Error;
use crate::merge::{Hit, Merged, SourceHits, merge};
use crate::request::Ask;
use crate::screen::Screen;
use crate::serving::{Serving, announce};
use crate::snapshot::{PlacedTower, Snapshot, SnapshotBuilder};
use crate::sources::item_to_item::Seed;
use crate::sources::two_tower::{self, Threads};
use crate::tower::Tower;

const STAGES: Stages = Stages::measured_as("fairlead_recall_stage_seconds");

/// The dependencies of the service.
#[derive(Clone)]
pub struct Deps {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The feature definitions.
    pub registry: Registry,
    /// The online feature store, for product counters.
    pub store: Arc<dyn FeatureStore>,
    /// The live release: its catalogue, campaigns, parameters and two-tower model.
    pub releases: ReleaseHandle,
}

/// The recall service. Clones are the same service.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    registry: Registry,
    snapshots: Derived<Snapshot>,
    serving: watch::Sender<Serving>,
    threads: Threads,
    two_tower_timeout: Duration,
    /// The tasks that follow releases, refresh counters and announce snapshots; they end with the
    /// service.
    _following: JoinSet<()>,
    _stop: DropGuard,
}

impl Service {
    /// Starts the service; must be called inside a tokio runtime. Ready as soon as there is a
    /// release (see [`Service::serving`]); its model is loaded in the background.
    ///
    /// # Errors
    /// [`Error::Config`], or threads that cannot be started.
    pub fn new(config: &Config, deps: Deps) -> Result<Self, Error> {
        config.check()?;
        let threads = threads(config)?;
        let counters = Counters::new(deps.registry.clone(), config.popularity_click_weight)?;
        let (inputs, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let (states, refreshing) = states(config, &deps, Arc::clone(&inputs));
        let registry = deps.registry.clone();
        let towers = Models::new(
            "fairlead_recall_model_failures_total",
            Arc::clone(&inputs),
            move |named| Tower::load(&registry, named),
        );
        let builder = SnapshotBuilder {
            clock: Arc::clone(&deps.clock),
            towers,
            states,
            counters,
            strength: config.popularity_strength,
        };
        let (snapshots, building) = Derived::follow_with(
            "snapshot",
            deps.releases.clone(),
            inputs,
            move |live, before| Ok::<_, Infallible>(builder.build(live, before.as_deref())),
            stop.clone(),
        );
        let serving = watch::Sender::default();
        let reports = deps.releases.reports().clone();
        let mut following = JoinSet::new();
        following.spawn(refreshing);
        following.spawn(building);
        following.spawn(announce(snapshots.clone(), reports, serving.clone()));
        Ok(Self {
            inner: Arc::new(Inner {
                clock: deps.clock,
                registry: deps.registry,
                snapshots,
                serving,
                threads,
                two_tower_timeout: Duration::from_millis(config.two_tower_timeout_ms),
                _following: following,
                _stop: stop.drop_guard(),
            }),
        })
    }

    /// Returns the gRPC routes.
    pub fn routes(&self) -> Routes {
        Routes::new(RecallServiceServer::new(self.clone()))
    }

    /// Returns the release and the model in use, with each change.
    pub fn serving(&self) -> watch::Receiver<Serving> {
        self.inner.serving.subscribe()
    }

    async fn recall(
        &self,
        request: &RecallRequest,
        deadline: Option<Deadline>,
    ) -> Result<RecallResponse, Error> {
        let inner = &*self.inner;
        if deadline.is_some_and(|deadline| deadline.remaining().is_zero()) {
            return Err(Error::DeadlineExceeded);
        }
        let snapshot = inner.snapshots.get().ok_or(Error::NoRelease)?;
        let assortment = &*snapshot.assortment;
        let now_ms = inner.clock.now_ms();
        let ask = Ask::check(request, &inner.registry, &assortment.live, now_ms)?;
        let screen = Screen {
            facts: EligibilityFacts::from_profile(ask.profile),
            as_of_ms: ask.as_of_ms,
            kinds: ask.kinds,
            shown: &ask.profile.shown,
            // What was shown to whom is behaviour: without consent it does not change the order.
            repetition_cap: ask
                .personal
                .map(|_| ask.parameters.repetition_cap)
                .filter(|&cap| cap > 0),
        };
        let screened = STAGES.run("screen", || screen.judge(assortment));
        let near = self.nearest(&snapshot, &ask, &screened.allowed, deadline);
        let others = async {
            STAGES.run("other_sources", || {
                other_sources(&snapshot, &ask, &screened.allowed)
            })
        };
        // The tower runs on its own threads while this one asks the other sources.
        let (near, mut lists) = tokio::join!(near, others);
        let model_version = near.as_ref().and(snapshot.tower.as_ref());
        let model_version = model_version.map(|placed| placed.tower.title.clone());
        lists.extend(near);
        count(&lists);
        let merged = STAGES.run("merge", || {
            merge(&lists, &assortment.place_by_id, ask.limit)
        });
        let candidate = |merged: &Merged| candidate(assortment, merged);
        Ok(RecallResponse {
            candidates: merged.iter().map(candidate).collect(),
            drops: screened.drops,
            release_revision: assortment.live.revision(),
            model_version: model_version.unwrap_or_default(),
            filters_passed: screen.filters_passed(),
        })
    }

    /// Returns the hits of the two-tower source, or `None` if there is no model, the order is not
    /// personalised, or the source failed: the other sources answer without it.
    async fn nearest(
        &self,
        snapshot: &Snapshot,
        ask: &Ask<'_>,
        allowed: &Bits,
        deadline: Option<Deadline>,
    ) -> Option<SourceHits> {
        let placed = snapshot.tower.as_deref()?;
        let features = ask.personal?.features;
        let limit = ask.parameters.two_tower_limit;
        if limit == 0 {
            return None;
        }
        // The rest of the time belongs to the merge and the way back.
        let until = match deadline {
            Some(deadline) => deadline.share(0.8).instant(),
            None => Instant::now() + self.inner.two_tower_timeout,
        };
        let threads = &self.inner.threads;
        let search = two_tower::find(threads, placed, features, allowed, limit, until);
        match STAGES.wait("two_tower", search).await {
            Ok(hits) => Some(SourceHits {
                source: RecallSource::TwoTower,
                hits,
            }),
            Err(error) => {
                metrics::counter!("fairlead_recall_source_failures_total", "source" => "two_tower")
                    .increment(1);
                tracing::warn!(%error, "two-tower source left out");
                None
            }
        }
    }
}

/// Reads the states of the live release's products, at an interval.
fn states(
    config: &Config,
    deps: &Deps,
    inputs: Arc<Notify>,
) -> (
    Refreshed<ProductStates>,
    impl Future<Output = ()> + Send + 'static,
) {
    let options = RefreshOptions {
        name: "product counters",
        every: Duration::from_millis(config.refresh_ms),
        failures: "fairlead_recall_refresh_failures_total",
    };
    let (store, clock) = (Arc::clone(&deps.store), Arc::clone(&deps.clock));
    let read = move |live: Arc<Live>| {
        let (store, now_ms) = (Arc::clone(&store), clock.now_ms());
        async move {
            let products = live.catalogue.products();
            ProductStates::read(&*store, live.tenant(), products, now_ms).await
        }
    };
    Refreshed::follow(options, deps.releases.clone(), inputs, read)
}

fn threads(config: &Config) -> Result<Threads, Error> {
    let engine = Engine::start(EngineOptions {
        threads: config.model_threads,
        max_rows: 64,
        max_wait_us: 0,
        queue: config.queue,
    })?;
    let options = SearcherOptions {
        threads: config.search_threads,
        queue: config.queue,
    };
    Ok(Threads {
        engine,
        searcher: Searcher::start(options)?,
    })
}

/// Returns the hits of the sources that need no model run.
fn other_sources(snapshot: &Snapshot, ask: &Ask<'_>, allowed: &Bits) -> Vec<SourceHits> {
    let (assortment, limits) = (&*snapshot.assortment, &ask.parameters);
    let popular = snapshot.popular.find(allowed, limits.popular_limit);
    let newest = assortment
        .newest
        .find(ask.as_of_ms, allowed, limits.new_limit);
    let hits_of = |source, hits| SourceHits { source, hits };
    let mut found = vec![
        hits_of(RecallSource::Popular, popular),
        hits_of(RecallSource::New, newest),
    ];
    if ask.personal.is_some() {
        if let Some(placed) = &snapshot.tower {
            let hits = goes_with(placed, assortment, ask, allowed);
            found.push(hits_of(RecallSource::ItemToItem, hits));
        }
        let pushed = assortment.campaigns.find(ask.as_of_ms, allowed, ask.limit);
        found.push(hits_of(RecallSource::Campaign, pushed));
    }
    found
}

fn goes_with(
    placed: &PlacedTower,
    assortment: &Assortment,
    ask: &Ask<'_>,
    allowed: &Bits,
) -> Vec<Hit> {
    let held = ask.profile.held_product_ids.iter();
    let held = held.filter_map(|id| assortment.number(id)).map(Seed::held);
    let engaged = ask
        .personal
        .map_or(&[][..], |personal| personal.reader.sequence("engaged"));
    let touched = engaged.iter().filter_map(|entry| {
        let age_ms = ask.as_of_ms.saturating_sub(entry.event_time_ms);
        Some(Seed::touched(assortment.number(&entry.product_id)?, age_ms))
    });
    let seeds: Vec<Seed> = held.chain(touched).collect();
    let limit = ask.parameters.item_to_item_limit;
    placed
        .neighbours
        .find(&seeds, allowed, &assortment.place_by_id, limit)
}

fn count(lists: &[SourceHits]) {
    for list in lists {
        let source = match list.source {
            RecallSource::TwoTower => "two_tower",
            RecallSource::ItemToItem => "item_to_item",
            RecallSource::Popular => "popular",
            RecallSource::New => "new",
            RecallSource::Campaign => "campaign",
            RecallSource::Unspecified => "unspecified",
        };
        metrics::histogram!("fairlead_recall_source_candidates_size", "source" => source)
            .record(list.hits.len() as f64);
    }
}

fn candidate(assortment: &Assortment, merged: &Merged) -> Candidate {
    let sources = merged.sources.iter().map(|ranked| SourceScore {
        source: ranked.source.into(),
        score: ranked.hit.score,
        rank: i32::try_from(ranked.rank).unwrap_or(i32::MAX),
        because_of: ranked
            .hit
            .because_of
            .map_or_else(String::new, |product| assortment.id(product).to_owned()),
    });
    Candidate {
        product_id: assortment.id(merged.product).to_owned(),
        sources: sources.collect(),
    }
}

#[tonic::async_trait]
impl RecallService for Service {
    async fn recall(
        &self,
        request: Request<RecallRequest>,
    ) -> Result<Response<RecallResponse>, Status> {
        let deadline = Deadline::from_request(&request);
        let answer = Self::recall(self, request.get_ref(), deadline).await?;
        Ok(Response::new(answer))
    }
}
