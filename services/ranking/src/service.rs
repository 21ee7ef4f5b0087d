//! The service: choose the model, assemble its inputs, run it, check its scores.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::Clock;
use fairlead_chassis::deadline::Deadline;
use fairlead_chassis::stage::Stages;
use fairlead_domain::Probability;
use fairlead_inference::{Engine, EngineOptions, Outputs};
use fairlead_online::{FeatureStore, ProductStates};
use fairlead_proto::ranking::v1::ranking_service_server::{RankingService, RankingServiceServer};
use fairlead_proto::ranking::v1::{RankRequest, RankResponse, Scored};
use fairlead_registry::Registry;
use fairlead_release::Live;
use fairlead_release_follow::{Derived, Models, RefreshOptions, Refreshed, ReleaseHandle};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::config::Config;
use crate::error::Error;
use crate::fleet::Fleet;
use crate::fleet_builder::FleetBuilder;
use crate::ranker::{CLICK, CONVERT, Ranker};
use crate::request::Ask;
use crate::serving::{Serving, announce};

const STAGES: Stages = Stages::measured_as("fairlead_ranking_stage_seconds");

/// The parts that the service works with.
#[derive(Clone)]
pub struct Deps {
    /// The clock that says what "now" is.
    pub clock: Arc<dyn Clock>,
    /// The feature definitions.
    pub registry: Registry,
    /// The online feature store, for product counters.
    pub store: Arc<dyn FeatureStore>,
    /// The live release: its catalogue and rankers.
    pub releases: ReleaseHandle,
}

/// The ranking service. Clones are the same service.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    fleets: Derived<Fleet>,
    serving: watch::Sender<Serving>,
    engine: Engine,
    /// Follows releases, refreshes counters and tells what is served; ends with the service.
    _following: JoinSet<()>,
    _stop: DropGuard,
}

impl Service {
    /// Starts the service; must be called inside a tokio runtime. Rankers are loaded in the
    /// background ([`Service::serving`] tells).
    ///
    /// # Errors
    /// [`Error::Config`], or threads that cannot be started.
    pub fn new(config: &Config, deps: Deps) -> Result<Self, Error> {
        config.check()?;
        let engine = Engine::start(EngineOptions {
            threads: config.threads,
            max_rows: config.batch_rows,
            max_wait_us: config.batch_wait_us,
            queue: config.queue,
        })?;
        let (inputs, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let (states, refreshing) = states(config, &deps, Arc::clone(&inputs));
        let registry = deps.registry.clone();
        let rankers = Models::new(
            "fairlead_ranking_model_failures_total",
            Arc::clone(&inputs),
            move |named| Ranker::load(&registry, named),
        );
        let builder = FleetBuilder {
            clock: deps.clock,
            registry: deps.registry,
            rankers,
            states,
        };
        let reports = deps.releases.reports().clone();
        let (fleets, building) = Derived::follow_with(
            "rankers",
            deps.releases,
            inputs,
            move |live, before| Ok::<_, Infallible>(builder.build(live, before.as_deref())),
            stop.clone(),
        );
        let serving = watch::Sender::default();
        let mut following = JoinSet::new();
        following.spawn(refreshing);
        following.spawn(building);
        following.spawn(announce(fleets.clone(), reports, serving.clone()));
        Ok(Self {
            inner: Arc::new(Inner {
                fleets,
                serving,
                engine,
                _following: following,
                _stop: stop.drop_guard(),
            }),
        })
    }

    /// The service as gRPC routes.
    pub fn routes(&self) -> Routes {
        Routes::new(RankingServiceServer::new(self.clone()))
    }

    /// Follows what is served now: release, versions, why one was refused.
    pub fn serving(&self) -> watch::Receiver<Serving> {
        self.inner.serving.subscribe()
    }

    async fn rank(
        &self,
        request: &RankRequest,
        deadline: Option<Deadline>,
    ) -> Result<RankResponse, Error> {
        if deadline.is_some_and(|deadline| deadline.remaining().is_zero()) {
            return Err(Error::DeadlineExceeded);
        }
        let fleet = self.inner.fleets.get().ok_or(Error::NoRelease)?;
        let ask = Ask::check(request, &fleet.live)?;
        let ready = fleet.choose(&request.model_version)?;
        let inputs = STAGES.run("assemble", || {
            let mut inputs = ready.ranker.user(ask.features)?;
            ready.rows.copy(&ask.products, &mut inputs);
            Ok::<_, Error>(inputs)
        })?;
        let kept = request.include_inputs.then(|| inputs.clone());
        let batch = ready.ranker.batch(inputs, ask.products.len());
        metrics::histogram!("fairlead_ranking_products_size").record(ask.products.len() as f64);
        let model = Arc::clone(&ready.ranker.model);
        let running = self
            .inner
            .engine
            .run(model, batch, deadline.map(Deadline::instant));
        let outputs = STAGES.wait("score", running).await?;
        let (click, convert) = (
            probabilities(&outputs, CLICK)?,
            probabilities(&outputs, CONVERT)?,
        );
        let asked = request.product_ids.iter().zip(&ask.products);
        let chances = click.into_iter().zip(convert);
        let scored = asked
            .zip(chances)
            .map(|((id, &product), (click, convert))| Scored {
                product_id: id.clone(),
                p_click: click.get(),
                p_convert: convert.get(),
                in_vocabulary: ready.rows.in_vocabulary(product),
            });
        Ok(RankResponse {
            scored: scored.collect(),
            model_version: ready.ranker.title.clone(),
            release_revision: fleet.live.revision(),
            inputs: kept,
            product_features_as_of_ms: fleet.as_of_ms,
        })
    }
}

/// The states of the live release's products, read every so often.
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
        failures: "fairlead_ranking_refresh_failures_total",
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

/// An output as calibrated probabilities.
fn probabilities(outputs: &Outputs, name: &str) -> Result<Vec<Probability>, Error> {
    let checked = |value| {
        Probability::new(value).map_err(|cause| Error::Score {
            model: outputs.manifest().title(),
            cause,
        })
    };
    outputs
        .probabilities(name)?
        .into_iter()
        .map(checked)
        .collect()
}

#[tonic::async_trait]
impl RankingService for Service {
    async fn rank(&self, request: Request<RankRequest>) -> Result<Response<RankResponse>, Status> {
        let deadline = Deadline::from_request(&request);
        let answer = Self::rank(self, request.get_ref(), deadline).await?;
        Ok(Response::new(answer))
    }
}
