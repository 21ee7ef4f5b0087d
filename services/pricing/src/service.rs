//! The service: the engine behind gRPC, quotes behind the store.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::Clock;
use fairlead_chassis::deadline::Deadline;
use fairlead_online::{Owner, QuoteStore};
use fairlead_proto::pricing::v1::pricing_service_server::{PricingService, PricingServiceServer};
use fairlead_proto::pricing::v1::{
    AcceptQuoteRequest, AcceptQuoteResponse, CreateQuoteRequest, CreateQuoteResponse,
    MarkLoggedRequest, MarkLoggedResponse, PriceManyRequest, PriceManyResponse, VerifyQuoteRequest,
    VerifyQuoteResponse,
};
use fairlead_registry::Registry;
use fairlead_release_follow::{Derived, DerivedStatus, ReleaseHandle};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::account::standing;
use crate::argument::{MOST_ITEMS, PriceFeatures, check_context};
use crate::config::Config;
use crate::error::Error;
use crate::keyring::Keyring;
use crate::priced::{self, ItemRequest};
use crate::published::Published;

/// The parts that the service works with.
#[derive(Clone)]
pub struct Deps {
    /// The clock that "now" is read from.
    pub clock: Arc<dyn Clock>,
    /// The feature definitions.
    pub registry: Registry,
    /// The live release: strategies, rule packs, risk models, products.
    pub releases: ReleaseHandle,
    /// The store in which firm quotes are kept.
    pub quotes: Arc<dyn QuoteStore>,
    /// The keys that sign quotes.
    pub keys: Keyring,
}

/// The pricing service. Clones are the same service.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    deps: Deps,
    config: Config,
    published: Derived<Published>,
    /// The task that compiles each release; it ends with the service.
    _compiling: JoinSet<()>,
    _stop: DropGuard,
}

impl Service {
    /// Starts the service; must be called inside a tokio runtime. Compiles the live release, and
    /// each that follows in the background.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn new(config: &Config, deps: Deps) -> Result<Self, Error> {
        config.check()?;
        let registry = deps.registry.clone();
        let stop = CancellationToken::new();
        let (published, compiling) = Derived::follow(
            "prices",
            deps.releases.clone(),
            move |live| Published::check(&registry, live),
            stop.clone(),
        );
        let mut tasks = JoinSet::new();
        tasks.spawn(compiling);
        Ok(Self {
            inner: Arc::new(Inner {
                config: config.clone(),
                deps,
                published,
                _compiling: tasks,
                _stop: stop.drop_guard(),
            }),
        })
    }

    /// Returns the service as gRPC routes.
    pub fn routes(&self) -> Routes {
        Routes::new(PricingServiceServer::new(self.clone()))
    }

    /// Returns the status of the newest release. One that does not compile leaves the one before in
    /// use.
    pub fn prices(&self) -> watch::Receiver<DerivedStatus> {
        self.inner.published.status()
    }

    pub(crate) fn published(&self) -> Result<Arc<Published>, Error> {
        self.inner.published.get().ok_or(Error::NoRelease)
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.inner.deps.clock.now_ms()
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.inner.deps.registry
    }

    pub(crate) fn quotes(&self) -> &dyn QuoteStore {
        &*self.inner.deps.quotes
    }

    pub(crate) fn keys(&self) -> &Keyring {
        &self.inner.deps.keys
    }

    pub(crate) fn config(&self) -> &Config {
        &self.inner.config
    }

    #[expect(clippy::unused_self, reason = "a meter of the service, called on it")]
    pub(crate) fn count(&self, call: &'static str, outcome: &'static str) {
        metrics::counter!("fairlead_pricing_priced_total", "call" => call, "outcome" => outcome)
            .increment(1);
    }

    /// Calls the quote store within the time that the deadline leaves.
    pub(crate) async fn stored<T>(
        &self,
        deadline: Option<Deadline>,
        calling: impl Future<Output = Result<T, fairlead_online::Error>>,
    ) -> Result<T, Error> {
        let usual = Duration::from_millis(self.inner.config.store_timeout_ms);
        let limit = deadline.map_or(usual, Deadline::remaining);
        match tokio::time::timeout(limit, calling).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(Error::StoreLate {
                limit_ms: limit.as_millis(),
            }),
        }
    }

    async fn many(
        &self,
        request: &PriceManyRequest,
        deadline: Option<Deadline>,
    ) -> Result<PriceManyResponse, Error> {
        in_time(deadline)?;
        let published = self.published()?;
        let (tenant, customer) = check_context(request.context.as_ref(), &published)?;
        let Some(context) = &request.context else {
            return Err(Error::argument("context", "", "who is priced for"));
        };
        let count = request.items.len();
        if !(1..=MOST_ITEMS).contains(&count) {
            return Err(Error::argument(
                "items",
                count,
                format!("1 to {MOST_ITEMS} items"),
            ));
        }
        let features = PriceFeatures::read(self.registry(), context)?;
        let as_of_ms = match context.as_of_ms {
            0 => self.now_ms(),
            instant => instant,
        };
        let owner = Owner {
            tenant: &tenant,
            customer: &customer,
        };
        let credit = request.items.iter().any(|item| published.lends(item));
        let standings = if credit {
            self.indicative_standings(owner, context, as_of_ms, deadline)
                .await
        } else {
            None
        };
        let _span = tracing::info_span!("price_items", count).entered();
        let mut answers = Vec::with_capacity(count);
        for item in &request.items {
            let standing = standing(&published, item, standings.as_ref());
            let priced = standing.and_then(|standing| {
                let asked = ItemRequest {
                    context,
                    item,
                    features: &features,
                    standing,
                    as_of_ms,
                };
                priced::price(&published, asked)
            });
            self.count("price_many", priced::outcome(&priced));
            answers.push(priced::answer(item, priced, request.without_schedule));
        }
        Ok(PriceManyResponse {
            priced: answers,
            release_revision: published.live.revision(),
        })
    }
}

fn in_time(deadline: Option<Deadline>) -> Result<(), Error> {
    match deadline {
        Some(deadline) if deadline.remaining().is_zero() => Err(Error::DeadlineExceeded),
        _ => Ok(()),
    }
}

#[tonic::async_trait]
impl PricingService for Service {
    async fn price_many(
        &self,
        request: Request<PriceManyRequest>,
    ) -> Result<Response<PriceManyResponse>, Status> {
        let deadline = Deadline::from_request(&request);
        let priced = self.many(request.get_ref(), deadline).await?;
        Ok(Response::new(priced))
    }

    async fn create_quote(
        &self,
        request: Request<CreateQuoteRequest>,
    ) -> Result<Response<CreateQuoteResponse>, Status> {
        let deadline = Deadline::from_request(&request);
        in_time(deadline)?;
        Ok(Response::new(
            self.create(request.get_ref(), deadline).await?,
        ))
    }

    async fn verify_quote(
        &self,
        request: Request<VerifyQuoteRequest>,
    ) -> Result<Response<VerifyQuoteResponse>, Status> {
        let deadline = Deadline::from_request(&request);
        in_time(deadline)?;
        Ok(Response::new(
            self.verify(request.get_ref(), deadline).await?,
        ))
    }

    async fn accept_quote(
        &self,
        request: Request<AcceptQuoteRequest>,
    ) -> Result<Response<AcceptQuoteResponse>, Status> {
        let deadline = Deadline::from_request(&request);
        in_time(deadline)?;
        Ok(Response::new(
            self.accept(request.get_ref(), deadline).await?,
        ))
    }

    async fn mark_logged(
        &self,
        request: Request<MarkLoggedRequest>,
    ) -> Result<Response<MarkLoggedResponse>, Status> {
        let deadline = Deadline::from_request(&request);
        in_time(deadline)?;
        self.mark(request.get_ref(), deadline).await?;
        Ok(Response::new(MarkLoggedResponse {}))
    }
}
