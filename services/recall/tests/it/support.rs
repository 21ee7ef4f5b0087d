//! One recall service over TCP, on a Redis of its own.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::ManualClock;
use fairlead_chassis::link::Link;
use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{FundTerms, Product, ProductKind};
use fairlead_proto::control::v1::{Campaign, ModelRef, Release};
use fairlead_proto::profile::v1::Profile;
use fairlead_proto::recall::v1::recall_service_client::RecallServiceClient;
use fairlead_proto::recall::v1::{RecallRequest, RecallResponse};
use fairlead_recall::{Config, Deps, Service, Serving};
use fairlead_registry::Registry;
use fairlead_release_follow::ReleaseHandle;
pub(crate) use fairlead_service_testkit::{DAY_MS, NOW_MS, deposit, features, on_product, release};
use fairlead_service_testkit::{PATIENCE, Server, Store, ask_until, checked, cny, until, within};
use tonic::Status;

pub(crate) struct Setup {
    pub(crate) store: Store,
    pub(crate) releases: ReleaseHandle,
    pub(crate) service: Service,
    client: RecallServiceClient<Link>,
    _server: Server,
}

impl Setup {
    /// Starts the service without a release; it reads counters every few milliseconds.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let store = Store::start().await?;
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
            store: Arc::new(store.online.clone()),
            releases: releases.clone(),
        };
        let service = Service::new(&config, deps)?;
        let server = Server::start("recall", service.routes()).await?;
        Ok(Self {
            client: RecallServiceClient::new(server.link.clone()),
            store,
            releases,
            service,
            _server: server,
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
        until(self.service.serving(), wanted).await
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
        Ok(client.recall(within(limit, request)).await?.into_inner())
    }

    /// Asks after each refresh until the answer is as wanted.
    pub(crate) async fn ask_until(
        &self,
        request: RecallRequest,
        wanted: impl Fn(&RecallResponse) -> bool,
    ) -> anyhow::Result<RecallResponse> {
        let ask = async || self.ask(request.clone()).await;
        ask_until(self.service.serving(), ask, wanted).await
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

/// A personalised request for everything, by a customer without events.
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
