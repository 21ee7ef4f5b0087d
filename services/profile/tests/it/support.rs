//! One profile service over TCP, on a Redis of its own.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::ManualClock;
use fairlead_chassis::link::Link;
use fairlead_chassis::serve::{ServeOptions, serve};
use fairlead_domain::{CustomerId, TenantId};
use fairlead_online::{EntityKey, FeatureStore as _, OnlineStore, SourcePartition, Write};
use fairlead_profile::{Config, Deps, Service};
use fairlead_proto::control::v1::{Release, Segment, Segmentation};
use fairlead_proto::event::v1::attribute_value::Value;
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind};
use fairlead_proto::feature::v1::{EntityState, Purpose as WirePurpose};
use fairlead_proto::profile::v1::profile_service_client::ProfileServiceClient;
use fairlead_proto::profile::v1::{GetProfileRequest, Profile};
use fairlead_registry::{Entity, Registry};
use fairlead_release::{Live, ReleaseHandle, content_hash};
use fairlead_testkit::RedisServer;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Request, Status};

/// The instant at which tests ask.
pub(crate) const NOW_MS: i64 = 1_760_000_000_000;
pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// No test waits longer for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct House {
    pub(crate) redis: RedisServer,
    pub(crate) store: OnlineStore,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) releases: ReleaseHandle,
    pub(crate) service: Service,
    client: ProfileServiceClient<Link>,
    _server: JoinSet<()>,
    _stop: DropGuard,
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new("acme").expect("a tenant")
}

pub(crate) fn registry() -> Registry {
    Registry::builtin()
}

impl House {
    /// A house without a release.
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let redis = RedisServer::start()?;
        let store = OnlineStore::connect(&redis.url()).await?;
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let releases = ReleaseHandle::empty();
        let deps = Deps {
            clock: clock.clone(),
            registry: registry(),
            store: Arc::new(store.clone()),
            releases: releases.clone(),
        };
        let service = Service::new(&Config::default(), deps)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let stop = CancellationToken::new();
        let (routes, token) = (service.routes(), stop.clone());
        let mut server = JoinSet::new();
        server.spawn(async move {
            let options = ServeOptions {
                name: "profile",
                drain: Duration::from_secs(1),
            };
            let outcome = serve(options, listener, routes, token).await;
            assert!(outcome.is_ok(), "{outcome:?}");
        });
        Ok(Self {
            client: ProfileServiceClient::new(Link::connect(&[address])?),
            redis,
            store,
            clock,
            releases,
            service,
            _server: server,
            _stop: stop.drop_guard(),
        })
    }

    /// Writes what one source partition knows of a customer.
    pub(crate) async fn write(
        &self,
        customer: &str,
        partition: i32,
        events: &[Event],
    ) -> anyhow::Result<()> {
        let mut state = fold(events);
        let key = EntityKey::customer(&tenant(), &CustomerId::new(customer)?);
        let write = Write {
            key,
            source: SourcePartition::new("test", partition),
            expected_mark: None,
            mark: 1,
            state: registry().encode(Entity::Customer, &mut state).into(),
            ttl: Some(Duration::from_hours(1)),
        };
        self.store.apply(vec![write]).await?;
        Ok(())
    }

    pub(crate) async fn ask(&self, request: GetProfileRequest) -> Result<Profile, Status> {
        let answer = self.client.clone().get_profile(request).await?.into_inner();
        Ok(answer.profile.expect("every answer holds a profile"))
    }

    /// Asks in the same process, where no transport adds limits of its own.
    pub(crate) async fn ask_within(
        &self,
        request: GetProfileRequest,
        limit: Duration,
    ) -> Result<Profile, Status> {
        let mut client = ProfileServiceClient::new(Link::in_process(self.service.routes()));
        let mut request = Request::new(request);
        request.set_timeout(limit);
        let answer = client.get_profile(request).await?.into_inner();
        Ok(answer.profile.expect("every answer holds a profile"))
    }

    /// The profile now, with no feature sets.
    pub(crate) async fn profile(&self, customer: &str) -> Result<Profile, Status> {
        self.ask(request(customer, &[])).await
    }

    /// Puts a release in force and waits until its segmentations compiled or were refused.
    pub(crate) async fn publish(&self, revision: i64, segmentations: Vec<Segmentation>) {
        let mut status = self.service.segmentations();
        assert!(self.releases.put(release(revision, segmentations)));
        let tried = |status: &fairlead_release::DerivedStatus| {
            let failed = status.failed.as_ref().map(|(revision, _)| *revision);
            status.built == revision || failed == Some(revision)
        };
        let waited = tokio::time::timeout(PATIENCE, status.wait_for(tried)).await;
        waited.expect("in time").expect("the service runs");
    }
}

/// What replay makes of the events: in the order of their times.
pub(crate) fn fold(events: &[Event]) -> EntityState {
    let mut state = EntityState::default();
    for event in events {
        registry().apply_customer(&mut state, event);
    }
    state
}

pub(crate) fn request(customer: &str, purposes: &[WirePurpose]) -> GetProfileRequest {
    GetProfileRequest {
        tenant: "acme".into(),
        customer_id: customer.into(),
        as_of_ms: 0,
        purposes: purposes.iter().map(|&purpose| purpose.into()).collect(),
    }
}

pub(crate) fn event(id: &str, kind: EventKind, at_ms: i64) -> Event {
    Event {
        event_id: id.into(),
        tenant: "acme".into(),
        customer_id: "c-1".into(),
        kind: kind.into(),
        event_time_ms: at_ms,
        ..Event::default()
    }
}

pub(crate) fn on_product(id: &str, kind: EventKind, product: &str, at_ms: i64) -> Event {
    Event {
        product_id: product.into(),
        ..event(id, kind, at_ms)
    }
}

pub(crate) fn update(id: &str, at_ms: i64, attributes: &[(&str, Value)]) -> Event {
    with_attributes(event(id, EventKind::ProfileUpdated, at_ms), attributes)
}

pub(crate) fn consent(id: &str, at_ms: i64, given: bool) -> Event {
    let event = event(id, EventKind::ConsentChanged, at_ms);
    with_attributes(event, &[("personalisation", Value::Flag(given))])
}

fn with_attributes(event: Event, attributes: &[(&str, Value)]) -> Event {
    let attribute = |(name, value): &(&str, Value)| {
        let value = AttributeValue {
            value: Some(value.clone()),
        };
        ((*name).to_owned(), value)
    };
    Event {
        attributes: attributes.iter().map(attribute).collect(),
        ..event
    }
}

pub(crate) fn segmentation(id: &str, allow_price: bool, segments: &[(&str, &str)]) -> Segmentation {
    let segment = |(id, expression): &(&str, &str)| Segment {
        segment_id: (*id).into(),
        expression: (*expression).into(),
    };
    Segmentation {
        segmentation_id: id.into(),
        segments: segments.iter().map(segment).collect(),
        allow_price,
        otherwise: "rest".into(),
    }
}

fn release(revision: i64, segmentations: Vec<Segmentation>) -> Live {
    Live::check(unchecked(revision, segmentations)).expect("a release that passes")
}

/// The release as a control plane sends it.
pub(crate) fn unchecked(revision: i64, segmentations: Vec<Segmentation>) -> Release {
    let mut release = Release {
        revision,
        tenant: "acme".into(),
        segmentations,
        ..Release::default()
    };
    release.content_hash = content_hash(&release);
    release
}
