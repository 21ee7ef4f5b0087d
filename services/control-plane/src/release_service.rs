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
        respond(self.read_release(&request.into_inner())).await
    }

    async fn watch(&self, request: Request<WatchRequest>) -> RpcResult<Self::WatchStream> {
        let WatchRequest {
            tenant,
            have_revision,
        } = request.into_inner();
        let stream = watch(self.clone(), &tenant, have_revision)?;
        Ok(Response::new(Box::pin(stream)))
    }

    async fn publish(&self, request: Request<PublishRequest>) -> RpcResult<PublishResponse> {
        respond(self.publish_draft(request.into_inner())).await
    }

    async fn list_releases(
        &self,
        request: Request<ListReleasesRequest>,
    ) -> RpcResult<ListReleasesResponse> {
        respond(self.read_history(&request.into_inner())).await
    }

    async fn roll_back(&self, request: Request<RollBackRequest>) -> RpcResult<RollBackResponse> {
        respond(self.publish_again(request.into_inner())).await
    }

    async fn report(&self, request: Request<ReportRequest>) -> RpcResult<ReportResponse> {
        respond(self.take_report(request.into_inner())).await
    }

    async fn list_instances(
        &self,
        request: Request<ListInstancesRequest>,
    ) -> RpcResult<ListInstancesResponse> {
        respond(self.read_instances(&request.into_inner())).await
    }
}

impl Service {
    async fn read_release(&self, request: &GetReleaseRequest) -> Result<GetReleaseResponse, Error> {
        let tenant = arguments::tenant(&request.tenant)?;
        let mut read = self.parts.store.read(&tenant).await?;
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
        request: &ListReleasesRequest,
    ) -> Result<ListReleasesResponse, Error> {
        let tenant = arguments::tenant(&request.tenant)?;
        let limit = arguments::limit(request.limit)?;
        let releases = self
            .parts
            .store
            .read(&tenant)
            .await?
            .releases(limit)
            .await?;
        Ok(ListReleasesResponse { releases })
    }
}
