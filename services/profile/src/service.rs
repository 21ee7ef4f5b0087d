//! The service: one read, then the profile.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::Clock;
use fairlead_chassis::deadline::Deadline;
use fairlead_chassis::stage::Stages;
use fairlead_domain::TenantId;
use fairlead_online::{DecisionIndex, FeatureStore, IndexLookup};
use fairlead_proto::feature::v1::EntityState;
use fairlead_proto::profile::v1::profile_service_server::{ProfileService, ProfileServiceServer};
use fairlead_proto::profile::v1::{
    FindDecisionRequest, FindDecisionResponse, GetProfileRequest, GetProfileResponse, Profile,
};
use fairlead_registry::Registry;
use fairlead_release::Live;
use fairlead_release_follow::{Derived, DerivedStatus, ReleaseHandle};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::config::Config;
use crate::error::Error;
use crate::profile::{Asked, build};
use crate::request::{Ask, DecisionAsk};
use crate::segments::Segmentations;

const STAGES: Stages = Stages::measured_as("fairlead_profile_stage_seconds");

/// The parts that the service works with.
#[derive(Clone)]
pub struct Deps {
    /// The clock that says what "now" is.
    pub clock: Arc<dyn Clock>,
    /// The feature definitions.
    pub registry: Registry,
    /// The online feature store.
    pub store: Arc<dyn FeatureStore>,
    /// The index of decision records.
    pub decisions: DecisionIndex,
    /// The live release: its segmentations.
    pub releases: ReleaseHandle,
}

/// The profile service. Clones are the same service.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    deps: Deps,
    read_timeout: Duration,
    published: Derived<Published>,
    /// Compiles the segmentations of each release; ends with the service.
    _compiling: JoinSet<()>,
    _stop: DropGuard,
}

/// A release's segmentations.
struct Published {
    tenant: String,
    segmentations: Segmentations,
}

impl Published {
    fn of(registry: &Registry, live: &Live) -> Result<Self, Error> {
        Ok(Self {
            tenant: live.release.tenant.clone(),
            segmentations: Segmentations::compile(registry, &live.release.segmentations)?,
        })
    }
}

impl Service {
    /// Starts the service; must be called inside a tokio runtime. Compiles the segmentations of
    /// the live release, and of each that follows in the background.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn new(config: &Config, deps: Deps) -> Result<Self, Error> {
        if config.read_timeout_ms == 0 {
            return Err(Error::Config {
                key: "read_timeout_ms",
                value: "0".to_owned(),
                allowed: "at least 1 millisecond",
            });
        }
        let registry = deps.registry.clone();
        let stop = CancellationToken::new();
        let (published, compiling) = Derived::follow(
            "segmentations",
            deps.releases.clone(),
            move |live| Published::of(&registry, live),
            stop.clone(),
        );
        let mut tasks = JoinSet::new();
        tasks.spawn(compiling);
        Ok(Self {
            inner: Arc::new(Inner {
                read_timeout: Duration::from_millis(config.read_timeout_ms),
                deps,
                published,
                _compiling: tasks,
                _stop: stop.drop_guard(),
            }),
        })
    }

    /// Returns the service as gRPC routes.
    pub fn routes(&self) -> Routes {
        Routes::new(ProfileServiceServer::new(self.clone()))
    }

    /// Follows how the segmentations of the newest release compiled: a release whose segmentations do not
    /// compile leaves those of the one before in use.
    pub fn segmentations(&self) -> watch::Receiver<DerivedStatus> {
        self.inner.published.status()
    }

    async fn profile(
        &self,
        request: &GetProfileRequest,
        deadline: Option<Deadline>,
    ) -> Result<Profile, Error> {
        if deadline.is_some_and(|deadline| deadline.remaining().is_zero()) {
            return Err(Error::DeadlineExceeded);
        }
        let Deps {
            clock, registry, ..
        } = &self.inner.deps;
        let ask = Ask::check(request, clock.now_ms())?;
        let published = self.published_for(&ask.tenant)?;
        let state = STAGES.wait("read_state", self.read(&ask, deadline)).await?;
        let known = if state.is_some() { "true" } else { "false" };
        metrics::counter!("fairlead_profile_read_total", "known" => known).increment(1);
        let asked = Asked {
            customer_id: ask.customer.as_str(),
            as_of_ms: ask.as_of_ms,
            purposes: &ask.purposes,
        };
        let none = Segmentations::default();
        let segmentations = published
            .as_ref()
            .map_or(&none, |published| &published.segmentations);
        let made = STAGES.run("build_profile", || {
            build(registry, segmentations, asked, state.as_ref())
        });
        Ok(made?)
    }

    async fn read(
        &self,
        ask: &Ask,
        deadline: Option<Deadline>,
    ) -> Result<Option<EntityState>, Error> {
        let store = &self.inner.deps.store;
        self.within(deadline, store.read_customer(&ask.tenant, &ask.customer))
            .await
    }

    /// Returns what the index of decision records says of a request.
    async fn decision(
        &self,
        request: &FindDecisionRequest,
        deadline: Option<Deadline>,
    ) -> Result<IndexLookup, Error> {
        let ask = DecisionAsk::check(request)?;
        self.published_for(&ask.tenant)?;
        let index = &self.inner.deps.decisions;
        let finding = index.find(&ask.tenant, &ask.request_id, ask.partition);
        STAGES
            .wait("find_decision", self.within(deadline, finding))
            .await
    }

    /// Returns the segmentations of the live release, or `None` before there is one.
    fn published_for(&self, tenant: &TenantId) -> Result<Option<Arc<Published>>, Error> {
        let published = self.inner.published.get();
        match &published {
            Some(published) if published.tenant != tenant.as_str() => Err(Error::Tenant {
                asked: tenant.to_string(),
                served: published.tenant.clone(),
            }),
            _ => Ok(published),
        }
    }

    /// Waits for the store until the call's deadline, or for `read_timeout_ms` where it has none.
    async fn within<T>(
        &self,
        deadline: Option<Deadline>,
        reading: impl Future<Output = Result<T, fairlead_online::Error>>,
    ) -> Result<T, Error> {
        let limit = deadline.map_or(self.inner.read_timeout, Deadline::remaining);
        match tokio::time::timeout(limit, reading).await {
            Ok(read) => Ok(read?),
            Err(_) => Err(Error::StoreLate {
                limit_ms: limit.as_millis(),
            }),
        }
    }
}

#[tonic::async_trait]
impl ProfileService for Service {
    async fn get_profile(
        &self,
        request: Request<GetProfileRequest>,
    ) -> Result<Response<GetProfileResponse>, Status> {
        let deadline = Deadline::from_request(&request);
        let profile = self.profile(request.get_ref(), deadline).await?;
        Ok(Response::new(GetProfileResponse {
            profile: Some(profile),
        }))
    }
    async fn find_decision(
        &self,
        request: Request<FindDecisionRequest>,
    ) -> Result<Response<FindDecisionResponse>, Status> {
        let deadline = Deadline::from_request(&request);
        let found = self.decision(request.get_ref(), deadline).await?;
        Ok(Response::new(FindDecisionResponse {
            offset: found.offset,
            indexed_offset: found.progress.map(|progress| progress.last_offset),
            indexed_time_ms: found.progress.map_or(0, |progress| progress.time_ms),
        }))
    }
}
