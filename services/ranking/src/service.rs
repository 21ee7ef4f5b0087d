//! The service: choose the model, assemble its inputs, run it, check its scores.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::Clock;
use fairlead_chassis::deadline::Deadline;
use fairlead_chassis::stage::Stages;
use fairlead_domain::Probability;
use fairlead_inference::{Engine, EngineOptions, Outputs};
use fairlead_online::FeatureStore;
use fairlead_proto::ranking::v1::ranking_service_server::{RankingService, RankingServiceServer};
use fairlead_proto::ranking::v1::{RankRequest, RankResponse, Scored};
use fairlead_registry::Registry;
use fairlead_release_follow::ReleaseHandle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::config::Config;
use crate::error::Error;
use crate::keeper::{Keeper, Serving, Shared, Tools};
use crate::ranker::{CLICK, CONVERT};
use crate::request::Ask;

const STAGES: Stages = Stages::measured_as("fairlead_ranking_stage_seconds");

/// What the service works with.
#[derive(Clone)]
pub struct Deps {
    /// Where "now" comes from.
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
    shared: Arc<Shared>,
    engine: Engine,
    /// Follows releases and refreshes counters; ends with the service.
    _keeper: JoinSet<()>,
}

impl Service {
    /// Starts the service; must be called inside a tokio runtime. Rankers are loaded in the
    /// background ([`Service::serving`] tells).
    ///
    /// # Errors
    /// [`Error::Config`], or threads that cannot be started.
    pub fn new(config: &Config, deps: Deps) -> Result<Self, Error> {
        config.check()?;
        let shared = Arc::new(Shared::default());
        let keeper = Keeper::new(Tools {
            clock: deps.clock,
            registry: deps.registry,
            store: deps.store,
            releases: deps.releases,
            shared: Arc::clone(&shared),
            refresh: Duration::from_millis(config.refresh_ms),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(keeper.run());
        let engine = Engine::start(EngineOptions {
            threads: config.threads,
            max_rows: config.batch_rows,
            max_wait_us: config.batch_wait_us,
            queue: config.queue,
        })?;
        Ok(Self {
            inner: Arc::new(Inner {
                shared,
                engine,
                _keeper: tasks,
            }),
        })
    }

    /// The service as gRPC routes.
    pub fn routes(&self) -> Routes {
        Routes::new(RankingServiceServer::new(self.clone()))
    }

    /// What is served now, and each change: release, versions, why one was refused.
    pub fn serving(&self) -> watch::Receiver<Serving> {
        self.inner.shared.serving.subscribe()
    }

    async fn rank(
        &self,
        request: &RankRequest,
        deadline: Option<Deadline>,
    ) -> Result<RankResponse, Error> {
        if deadline.is_some_and(|deadline| deadline.remaining().is_zero()) {
            return Err(Error::DeadlineExceeded);
        }
        let fleet = self
            .inner
            .shared
            .fleet
            .load_full()
            .ok_or(Error::NoRelease)?;
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
            .run_on(model, batch, deadline.map(Deadline::instant));
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
