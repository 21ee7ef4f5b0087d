//! One ranking service over TCP, on a Redis of its own.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::ManualClock;
use fairlead_chassis::link::Link;
use fairlead_proto::control::v1::{ModelRef, Release};
use fairlead_proto::event::v1::EventKind;
use fairlead_proto::feature::v1::FeatureSet;
use fairlead_proto::ranking::v1::ranking_service_client::RankingServiceClient;
use fairlead_proto::ranking::v1::{RankRequest, RankResponse};
use fairlead_ranking::{Config, Deps, Service, Serving};
use fairlead_registry::Registry;
use fairlead_release_follow::ReleaseHandle;
pub(crate) use fairlead_service_testkit::{DAY_MS, NOW_MS, deposit, features, on_product, release};
use fairlead_service_testkit::{Server, Store, ask_until, checked, until, within};
use tonic::Status;

pub(crate) struct Setup {
    pub(crate) store: Store,
    pub(crate) releases: ReleaseHandle,
    pub(crate) service: Service,
    client: RankingServiceClient<Link>,
    _server: Server,
}

impl Setup {
    /// Starts the service without a release; it reads counters every few milliseconds.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let store = Store::start().await?;
        let releases = ReleaseHandle::empty();
        let config = Config {
            refresh_ms: 5,
            ..Config::default()
        };
        let deps = Deps {
            clock: Arc::new(ManualClock::at(NOW_MS)),
            registry: Registry::builtin(),
            store: Arc::new(store.online.clone()),
            releases: releases.clone(),
        };
        let service = Service::new(&config, deps)?;
        let server = Server::start("ranking", service.routes()).await?;
        Ok(Self {
            client: RankingServiceClient::new(server.link.clone()),
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
        Ok(client.rank(within(limit, request)).await?.into_inner())
    }

    /// Asks after each refresh until the answer is as wanted.
    pub(crate) async fn ask_until(
        &self,
        request: RankRequest,
        wanted: impl Fn(&RankResponse) -> bool,
    ) -> anyhow::Result<RankResponse> {
        let ask = async || self.ask(request.clone()).await;
        ask_until(self.service.serving(), ask, wanted).await
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

/// A request to score A, B and C for a customer without events.
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
