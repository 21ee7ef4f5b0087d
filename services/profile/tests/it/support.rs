//! One profile service over TCP, on a Redis of its own.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::ManualClock;
use fairlead_chassis::link::Link;
use fairlead_domain::CustomerId;
use fairlead_online::{DecisionIndex, EntityKey, SourcePartition};
use fairlead_profile::{Config, Deps, Service};
use fairlead_proto::control::v1::{Release, Segment, Segmentation};
use fairlead_proto::event::v1::attribute_value::Value;
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind};
use fairlead_proto::feature::v1::{EntityState, Purpose as WirePurpose};
use fairlead_proto::profile::v1::profile_service_client::ProfileServiceClient;
use fairlead_proto::profile::v1::{
    FindDecisionRequest, FindDecisionResponse, GetProfileRequest, Profile,
};
use fairlead_registry::{Entity, Registry};
use fairlead_release_follow::ReleaseHandle;
pub(crate) use fairlead_service_testkit::{DAY_MS, NOW_MS, PATIENCE};
use fairlead_service_testkit::{Server, Store, checked, tenant, until, within};
use tonic::Status;

pub(crate) const HOUR_MS: i64 = 3_600_000;

pub(crate) struct Setup {
    pub(crate) store: Store,
    /// The index of decision records, as the indexer writes it.
    pub(crate) index: DecisionIndex,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) releases: ReleaseHandle,
    pub(crate) service: Service,
    client: ProfileServiceClient<Link>,
    _server: Server,
}

pub(crate) fn registry() -> Registry {
    Registry::builtin()
}

impl Setup {
    /// Starts the service without a release.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let store = Store::start().await?;
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let releases = ReleaseHandle::empty();
        let index = DecisionIndex::new(Arc::new(store.online.clone()), "test");
        let deps = Deps {
            clock: clock.clone(),
            registry: registry(),
            store: Arc::new(store.online.clone()),
            decisions: index.clone(),
            releases: releases.clone(),
        };
        let service = Service::new(&Config::default(), deps)?;
        let server = Server::start("profile", service.routes()).await?;
        Ok(Self {
            client: ProfileServiceClient::new(server.link.clone()),
            index,
            store,
            clock,
            releases,
            service,
            _server: server,
        })
    }

    /// Writes what one source partition knows of a customer.
    pub(crate) async fn write(
        &self,
        customer: &str,
        partition: i32,
        events: &[Event],
    ) -> anyhow::Result<()> {
        let key = EntityKey::customer(&tenant(), &CustomerId::new(customer)?);
        let source = SourcePartition::new("test", partition);
        self.store
            .write(key, Entity::Customer, source, fold(events))
            .await
    }

    pub(crate) async fn ask(&self, request: GetProfileRequest) -> Result<Profile, Status> {
        let answer = self.client.clone().get_profile(request).await?.into_inner();
        Ok(answer.profile.expect("every answer holds a profile"))
    }

    /// Looks for the record of a request in partition 3.
    pub(crate) async fn find(
        &self,
        tenant: &str,
        request_id: &str,
    ) -> Result<FindDecisionResponse, Status> {
        let request = FindDecisionRequest {
            tenant: tenant.to_owned(),
            request_id: request_id.to_owned(),
            partition: 3,
        };
        let answer = self.client.clone().find_decision(request).await?;
        Ok(answer.into_inner())
    }

    /// Asks in the same process, where no transport adds limits of its own.
    pub(crate) async fn ask_within(
        &self,
        request: GetProfileRequest,
        limit: Duration,
    ) -> Result<Profile, Status> {
        let mut client = ProfileServiceClient::new(Link::in_process(self.service.routes()));
        let answer = client
            .get_profile(within(limit, request))
            .await?
            .into_inner();
        Ok(answer.profile.expect("every answer holds a profile"))
    }

    /// The profile now, with no feature sets.
    pub(crate) async fn profile(&self, customer: &str) -> Result<Profile, Status> {
        self.ask(request(customer, &[])).await
    }

    /// Puts a release in force and waits until its segmentations compiled or were refused.
    pub(crate) async fn publish(&self, revision: i64, segmentations: Vec<Segmentation>) {
        assert!(self.releases.put(checked(release(revision, segmentations))));
        let tried = |status: &fairlead_release_follow::DerivedStatus| {
            let failed = status.failed.as_ref().map(|(revision, _)| *revision);
            status.built == revision || failed == Some(revision)
        };
        until(self.service.segmentations(), tried).await;
    }
}

/// Returns the state that replay makes of the events, in the order given.
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

fn release(revision: i64, segmentations: Vec<Segmentation>) -> Release {
    Release {
        segmentations,
        ..fairlead_service_testkit::release(revision, Vec::new())
    }
}
