//! One ranking service over TCP, on a Redis of its own.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::ManualClock;
use fairlead_chassis::link::Link;
use fairlead_chassis::serve::{ServeOptions, serve};
use fairlead_domain::{ProductId, TenantId};
use fairlead_online::{EntityKey, FeatureStore as _, OnlineStore, SourcePartition, Write};
use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{Catalogue, DepositTerms, Product, ProductKind};
use fairlead_proto::control::v1::{ModelRef, Release};
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::feature::v1::{EntityState, FeatureSet};
use fairlead_proto::money::v1::Money;
use fairlead_proto::ranking::v1::ranking_service_client::RankingServiceClient;
use fairlead_proto::ranking::v1::{RankRequest, RankResponse};
use fairlead_ranking::{Config, Deps, Service, Serving};
use fairlead_registry::{Entity, Purpose, Registry};
use fairlead_release::{Live, ReleaseHandle, content_hash};
use fairlead_testkit::RedisServer;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Request, Status};

/// The instant at which tests ask.
pub(crate) const NOW_MS: i64 = 1_760_000_000_000;
pub(crate) const DAY_MS: i64 = 24 * 3_600_000;

/// No test waits longer for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct House {
    pub(crate) redis: RedisServer,
    pub(crate) store: OnlineStore,
    pub(crate) releases: ReleaseHandle,
    pub(crate) service: Service,
    client: RankingServiceClient<Link>,
    _server: JoinSet<()>,
    _stop: DropGuard,
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new("acme").expect("a tenant")
}

impl House {
    /// A house without a release, that reads counters every few milliseconds.
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let redis = RedisServer::start()?;
        let store = OnlineStore::connect(&redis.url()).await?;
        let releases = ReleaseHandle::empty();
        let config = Config {
            refresh_ms: 5,
            ..Config::default()
        };
        let deps = Deps {
            clock: Arc::new(ManualClock::at(NOW_MS)),
            registry: Registry::builtin(),
            store: Arc::new(store.clone()),
            releases: releases.clone(),
        };
        let service = Service::new(&config, deps)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let stop = CancellationToken::new();
        let (routes, token) = (service.routes(), stop.clone());
        let mut server = JoinSet::new();
        server.spawn(async move {
            let options = ServeOptions {
                name: "ranking",
                drain: Duration::from_secs(1),
            };
            let outcome = serve(options, listener, routes, token).await;
            assert!(outcome.is_ok(), "{outcome:?}");
        });
        Ok(Self {
            client: RankingServiceClient::new(Link::connect(&[address])?),
            redis,
            store,
            releases,
            service,
            _server: server,
            _stop: stop.drop_guard(),
        })
    }

    /// Puts a release in force and waits until it is served.
    pub(crate) async fn publish(&self, release: Release) -> Serving {
        let revision = release.revision;
        assert!(self.releases.put(checked(release)));
        self.until(|serving| serving.release_revision == revision)
            .await
    }

    /// Waits until what is served is as wanted.
    pub(crate) async fn until(&self, wanted: impl FnMut(&Serving) -> bool) -> Serving {
        let mut serving = self.service.serving();
        let found = tokio::time::timeout(PATIENCE, serving.wait_for(wanted)).await;
        found.expect("in time").expect("the service runs").clone()
    }

    pub(crate) async fn ask(&self, request: RankRequest) -> Result<RankResponse, Status> {
        Ok(self.client.clone().rank(request).await?.into_inner())
    }

    /// Asks in the same process, where no transport adds limits of its own.
    pub(crate) async fn ask_within(
        &self,
        request: RankRequest,
        limit: Duration,
    ) -> Result<RankResponse, Status> {
        let mut client = RankingServiceClient::new(Link::in_process(self.service.routes()));
        let mut request = Request::new(request);
        request.set_timeout(limit);
        Ok(client.rank(request).await?.into_inner())
    }

    /// Asks after each refresh until the answer is as wanted.
    pub(crate) async fn ask_until(
        &self,
        request: RankRequest,
        wanted: impl Fn(&RankResponse) -> bool,
    ) -> anyhow::Result<RankResponse> {
        let mut serving = self.service.serving();
        let asking = async {
            loop {
                let answer = self.ask(request.clone()).await?;
                if wanted(&answer) {
                    return Ok(answer);
                }
                serving.changed().await?;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await?
    }

    /// Writes what happened to a product.
    pub(crate) async fn write(
        &self,
        product: &str,
        kind: EventKind,
        times: i64,
    ) -> anyhow::Result<()> {
        let registry = Registry::builtin();
        let mut state = EntityState::default();
        for number in 0..times {
            let event = Event {
                event_id: format!("{product}-{number}"),
                kind: kind.into(),
                event_time_ms: NOW_MS - 1 - number,
                product_id: product.into(),
                ..Event::default()
            };
            registry.apply_product(&mut state, &event);
        }
        let write = Write {
            key: EntityKey::product(&tenant(), &ProductId::new(product)?),
            source: SourcePartition::new("test", kind as i32),
            expected_mark: None,
            mark: 1,
            state: registry.encode(Entity::Product, &mut state).into(),
            ttl: Some(Duration::from_hours(1)),
        };
        self.store.apply(vec![write]).await?;
        Ok(())
    }
}

pub(crate) fn checked(release: Release) -> Live {
    Live::check(sealed(release)).expect("a release that passes")
}

/// The release with the hash of its content.
pub(crate) fn sealed(mut release: Release) -> Release {
    release.content_hash = content_hash(&release);
    release
}

fn cny(minor: i64) -> Money {
    Money {
        minor,
        currency: "CNY".into(),
    }
}

/// A deposit that was listed long ago.
pub(crate) fn deposit(id: &str) -> Product {
    let terms = DepositTerms {
        yield_ppm: 15_000,
        tenor_months: 12,
        min_amount: Some(cny(5_000)),
    };
    Product {
        product_id: id.into(),
        name: id.into(),
        kind: ProductKind::Deposit.into(),
        currency: "CNY".into(),
        active: true,
        listed_at_ms: 1_000,
        terms: Some(Terms::Deposit(terms)),
        ..Product::default()
    }
}

pub(crate) fn release(revision: i64, products: Vec<Product>) -> Release {
    Release {
        revision,
        tenant: "acme".into(),
        catalogue: Some(Catalogue { products }),
        ..Release::default()
    }
}

/// A release of products A, B and C with these models, the first one the default.
pub(crate) fn release_with(revision: i64, models: &[ModelRef]) -> Release {
    let models = models
        .iter()
        .zip([true].into_iter().chain(std::iter::repeat(false)));
    let models = models.map(|(model, default_for_role)| ModelRef {
        default_for_role,
        ..model.clone()
    });
    Release {
        models: models.collect(),
        ..release(revision, ["A", "B", "C"].map(deposit).into())
    }
}

/// The features of a customer to whom this happened.
pub(crate) fn features(events: &[Event]) -> FeatureSet {
    let registry = Registry::builtin();
    let mut state = EntityState::default();
    for event in events {
        registry.apply_customer(&mut state, event);
    }
    registry.features_at(&state, NOW_MS, Purpose::Recommend)
}

pub(crate) fn on_product(kind: EventKind, product: &str, ago_ms: i64) -> Event {
    Event {
        event_id: format!("{kind:?}-{product}-{ago_ms}"),
        kind: kind.into(),
        event_time_ms: NOW_MS - ago_ms,
        product_id: product.into(),
        ..Event::default()
    }
}

/// A request to score A, B and C for a customer to whom nothing happened.
pub(crate) fn request() -> RankRequest {
    RankRequest {
        tenant: "acme".into(),
        request_id: "r-1".into(),
        features: Some(features(&[])),
        product_ids: ["A", "B", "C"].map(String::from).into(),
        ..RankRequest::default()
    }
}

/// The customer's features after so many clicks a minute ago.
pub(crate) fn clicked(times: i64) -> FeatureSet {
    let click = |number| on_product(EventKind::Click, "A", 60_000 + number);
    features(&(0..times).map(click).collect::<Vec<_>>())
}
