//! A release service that a test scripts, and small releases.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::link::Link;
use fairlead_domain::TenantId;
use fairlead_proto::control::v1::release_service_server::{ReleaseService, ReleaseServiceServer};
use fairlead_proto::control::v1::{
    GetReleaseRequest, GetReleaseResponse, ListInstancesRequest, ListInstancesResponse,
    ListReleasesRequest, ListReleasesResponse, PublishRequest, PublishResponse, Release,
    ReportRequest, ReportResponse, RollBackRequest, RollBackResponse, WatchRequest, WatchResponse,
};
use fairlead_release::{Live, content_hash};
use fairlead_release_follow::FollowOptions;
use tokio::sync::{Mutex, mpsc, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

/// No test waits longer for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn tenant() -> TenantId {
    TenantId::new("acme").expect("a tenant")
}

pub(crate) fn release(revision: i64) -> Release {
    let mut release = Release {
        revision,
        tenant: "acme".to_owned(),
        ..Release::default()
    };
    release.content_hash = content_hash(&release);
    release
}

/// A release whose content hash is not its content's.
pub(crate) fn tampered(revision: i64) -> Release {
    Release {
        comment: "tampered".to_owned(),
        ..release(revision)
    }
}

pub(crate) fn live(revision: i64) -> Live {
    Live::check(release(revision)).expect("passes")
}

/// Options of a follower that does not let a test wait.
pub(crate) fn options(cache_dir: Option<&std::path::Path>) -> FollowOptions {
    FollowOptions {
        first_back_off: Duration::from_millis(1),
        longest_back_off: Duration::from_millis(20),
        ..FollowOptions::new(tenant(), cache_dir.map(Into::into))
    }
}

/// The answers of a stream, each given once the test lets it.
pub(crate) type Script = mpsc::Receiver<Result<Release, Status>>;

/// A control plane with one scripted stream for each `Watch`; without one it is unavailable.
#[derive(Clone)]
pub(crate) struct Scripted {
    streams: Arc<Mutex<VecDeque<Script>>>,
    /// The revision that each `Watch` said it has.
    pub(crate) asked: mpsc::Sender<i64>,
    /// The reports.
    pub(crate) told: Arc<watch::Sender<Vec<ReportRequest>>>,
}

impl Scripted {
    pub(crate) fn new(streams: impl IntoIterator<Item = Script>) -> (Self, mpsc::Receiver<i64>) {
        let (asked, asks) = mpsc::channel(64);
        let streams = Arc::new(Mutex::new(streams.into_iter().collect()));
        let told = Arc::default();
        (
            Self {
                streams,
                asked,
                told,
            },
            asks,
        )
    }

    pub(crate) async fn add(&self, script: Script) {
        self.streams.lock().await.push_back(script);
    }

    pub(crate) fn link(&self) -> Link {
        Link::in_process(Routes::new(ReleaseServiceServer::new(self.clone())))
    }
}

pub(crate) fn script() -> (mpsc::Sender<Result<Release, Status>>, Script) {
    mpsc::channel(8)
}

#[tonic::async_trait]
impl ReleaseService for Scripted {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let next = self.streams.lock().await.pop_front();
        let script = next.ok_or_else(|| Status::unavailable("away"))?;
        // A test that no longer listens does not care.
        let _ = self.asked.try_send(request.into_inner().have_revision);
        let stream = tokio_stream::StreamExt::map(ReceiverStream::new(script), |said| {
            said.map(|release| WatchResponse {
                release: Some(release),
            })
        });
        Ok(Response::new(Box::pin(stream)))
    }

    async fn get_release(
        &self,
        _: Request<GetReleaseRequest>,
    ) -> Result<Response<GetReleaseResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn publish(
        &self,
        _: Request<PublishRequest>,
    ) -> Result<Response<PublishResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn list_releases(
        &self,
        _: Request<ListReleasesRequest>,
    ) -> Result<Response<ListReleasesResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn roll_back(
        &self,
        _: Request<RollBackRequest>,
    ) -> Result<Response<RollBackResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn report(
        &self,
        request: Request<ReportRequest>,
    ) -> Result<Response<ReportResponse>, Status> {
        let report = request.into_inner();
        self.told.send_modify(|told| told.push(report));
        Ok(Response::new(ReportResponse {}))
    }

    async fn list_instances(
        &self,
        _: Request<ListInstancesRequest>,
    ) -> Result<Response<ListInstancesResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }
}
