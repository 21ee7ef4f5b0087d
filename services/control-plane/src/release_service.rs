//! `ReleaseService`: publishing, rolling back, reading and following releases, and the instances
//! that follow them.

use std::pin::Pin;

use fairlead_proto::control::v1::release_service_server::ReleaseService;
use fairlead_proto::control::v1::{
    GetReleaseRequest, GetReleaseResponse, ListInstancesRequest, ListInstancesResponse,
    ListReleasesRequest, ListReleasesResponse, PublishRequest, PublishResponse, ReportRequest,
    ReportResponse, RollBackRequest, RollBackResponse, WatchRequest, WatchResponse,
};
use futures::Stream;
use tonic::{Request, Response, Status};

use crate::call::Call;
use crate::publish::no_revision;
use crate::service::{RpcResult, Service, respond};
use crate::watch::watch;
use crate::{Error, arguments};

#[tonic::async_trait]
impl ReleaseService for Service {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn get_release(
        &self,
        request: Request<GetReleaseRequest>,
    ) -> RpcResult<GetReleaseResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.read_release(&call, &request).await
        })
        .await
    }

    async fn watch(&self, request: Request<WatchRequest>) -> RpcResult<Self::WatchStream> {
        let (call, request) = Call::of(request)?;
        let stream = watch(self.clone(), call.tenant, request.have_revision)?;
        Ok(Response::new(Box::pin(stream)))
    }

    async fn publish(&self, request: Request<PublishRequest>) -> RpcResult<PublishResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.publish_draft(&call, request).await
        })
        .await
    }

    async fn list_releases(
        &self,
        request: Request<ListReleasesRequest>,
    ) -> RpcResult<ListReleasesResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.read_history(&call, &request).await
        })
        .await
    }

    async fn roll_back(&self, request: Request<RollBackRequest>) -> RpcResult<RollBackResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.publish_again(&call, request).await
        })
        .await
    }

    async fn report(&self, request: Request<ReportRequest>) -> RpcResult<ReportResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.take_report(&call, request).await
        })
        .await
    }

    async fn list_instances(
        &self,
        request: Request<ListInstancesRequest>,
    ) -> RpcResult<ListInstancesResponse> {
        respond(async {
            let (call, _) = Call::of(request)?;
            self.read_instances(&call).await
        })
        .await
    }
}

impl Service {
    async fn read_release(
        &self,
        call: &Call,
        request: &GetReleaseRequest,
    ) -> Result<GetReleaseResponse, Error> {
        let tenant = &call.tenant;
        let mut read = self.parts.store.read(tenant).await?;
        let in_force = read.head.revision;
        let revision = if request.revision == 0 {
            in_force
        } else {
            request.revision
        };
        let release = read.release(revision).await?;
        if release.is_none() {
            return Err(no_revision(revision, in_force));
        }
        Ok(GetReleaseResponse { release })
    }

    async fn read_history(
        &self,
        call: &Call,
        request: &ListReleasesRequest,
    ) -> Result<ListReleasesResponse, Error> {
        let tenant = &call.tenant;
        let limit = arguments::limit(request.limit)?;
        let releases = self.parts.store.read(tenant).await?.releases(limit).await?;
        Ok(ListReleasesResponse { releases })
    }
}
