//! One recall service over TCP, on a Redis of its own.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::ManualClock;
use fairlead_chassis::link::Link;
use fairlead_chassis::serve::{ServeOptions, serve};
use fairlead_domain::{ProductId, TenantId};
use fairlead_online::{EntityKey, FeatureStore as _, OnlineStore, SourcePartition, Write};
use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{Catalogue, DepositTerms, FundTerms, Product, ProductKind};
use fairlead_proto::control::v1::{Campaign, ModelRef, Release};
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::feature::v1::{EntityState, FeatureSet};
use fairlead_proto::money::v1::Money;
use fairlead_proto::profile::v1::Profile;
use fairlead_proto::recall::v1::recall_service_client::RecallServiceClient;
use fairlead_proto::recall::v1::{RecallRequest, RecallResponse};
use fairlead_recall::{Config, Deps, Service, Serving};
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
    client: RecallServiceClient<Link>,
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
            popularity_strength: 10.0,
            // Tests share two cores: late is not what they are about.
            two_tower_timeout_ms: PATIENCE.as_millis() as u64,
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
                name: "recall",
                drain: Duration::from_secs(1),
            };
            let outcome = serve(options, listener, routes, token).await;
            assert!(outcome.is_ok(), "{outcome:?}");
        });
        Ok(Self {
            client: RecallServiceClient::new(Link::connect(&[address])?),
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

    pub(crate) async fn ask(&self, request: RecallRequest) -> Result<RecallResponse, Status> {
        Ok(self.client.clone().recall(request).await?.into_inner())
    }

    /// Asks in the same process, where no transport adds limits of its own.
    pub(crate) async fn ask_within(
        &self,
        request: RecallRequest,
        limit: Duration,
    ) -> Result<RecallResponse, Status> {
        let mut client = RecallServiceClient::new(Link::in_process(self.service.routes()));
        let mut request = Request::new(request);
        request.set_timeout(limit);
        Ok(client.recall(request).await?.into_inner())
    }

    /// Asks after each refresh until the answer is as wanted.
    pub(crate) async fn ask_until(
        &self,
        request: RecallRequest,
        wanted: impl Fn(&RecallResponse) -> bool,
    ) -> anyhow::Result<RecallResponse> {
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

pub(crate) fn fund(id: &str, risk_class: i32) -> Product {
    let terms = FundTerms {
        risk_class,
        min_amount: Some(cny(1_000)),
        ..FundTerms::default()
    };
    Product {
        kind: ProductKind::Fund.into(),
        terms: Some(Terms::Fund(terms)),
        ..deposit(id)
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

pub(crate) fn with_model(release: Release, model: ModelRef) -> Release {
    Release {
        models: vec![model],
        ..release
    }
}

pub(crate) fn with_campaign(release: Release, products: &[&str]) -> Release {
    let campaign = Campaign {
        campaign_id: "spring".into(),
        product_ids: products.iter().map(ToString::to_string).collect(),
        valid_from_ms: NOW_MS - DAY_MS,
        valid_to_ms: NOW_MS + DAY_MS,
    };
    Release {
        campaigns: vec![campaign],
        ..release
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

/// A personalised request for everything, by a customer to whom nothing happened.
pub(crate) fn request() -> RecallRequest {
    RecallRequest {
        tenant: "acme".into(),
        request_id: "r-1".into(),
        profile: Some(Profile {
            customer_id: "c-1".into(),
            known: true,
            personalisation_consent: true,
            suitability_class: 5,
            ..Profile::default()
        }),
        features: Some(features(&[])),
        personalised: true,
        limit: 100,
        ..RecallRequest::default()
    }
}

pub(crate) fn ids(answer: &RecallResponse) -> Vec<&str> {
    answer
        .candidates
        .iter()
        .map(|candidate| &*candidate.product_id)
        .collect()
}
