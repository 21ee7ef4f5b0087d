//! `DraftService`: the contents of the next release.

use fairlead_proto::control::v1::draft_service_server::DraftService;
use fairlead_proto::control::v1::{
    CheckDraftRequest, CheckDraftResponse, GetDraftRequest, GetDraftResponse, LintStrategyRequest,
    LintStrategyResponse, PutExperimentsRequest, PutExperimentsResponse, PutModelRequest,
    PutModelResponse, PutProductsRequest, PutProductsResponse, PutSettingsRequest,
    PutSettingsResponse, PutStrategyRequest, PutStrategyResponse,
};
use tonic::Request;

use crate::compose::{Heading, compose, seal};
use crate::service::{RpcResult, Service, respond};
use crate::{Error, arguments};

#[tonic::async_trait]
impl DraftService for Service {
    async fn put_products(
        &self,
        request: Request<PutProductsRequest>,
    ) -> RpcResult<PutProductsResponse> {
        respond(self.put_all_products(request.into_inner())).await
    }

    async fn put_strategy(
        &self,
        request: Request<PutStrategyRequest>,
    ) -> RpcResult<PutStrategyResponse> {
        respond(self.add_strategy(request.into_inner())).await
    }

    async fn lint_strategy(
        &self,
        request: Request<LintStrategyRequest>,
    ) -> RpcResult<LintStrategyResponse> {
        respond(self.lint_only(request.into_inner())).await
    }

    async fn put_experiments(
        &self,
        request: Request<PutExperimentsRequest>,
    ) -> RpcResult<PutExperimentsResponse> {
        respond(self.put_plan(request.into_inner())).await
    }

    async fn put_model(&self, request: Request<PutModelRequest>) -> RpcResult<PutModelResponse> {
        respond(self.register_model(request.into_inner())).await
    }

    async fn put_settings(
        &self,
        request: Request<PutSettingsRequest>,
    ) -> RpcResult<PutSettingsResponse> {
        respond(self.put_sections(request.into_inner())).await
    }

    async fn get_draft(&self, request: Request<GetDraftRequest>) -> RpcResult<GetDraftResponse> {
        respond(self.read_draft(&request.into_inner())).await
    }

    async fn check_draft(
        &self,
        request: Request<CheckDraftRequest>,
    ) -> RpcResult<CheckDraftResponse> {
        respond(self.check_only(&request.into_inner())).await
    }
}

impl Service {
    async fn read_draft(&self, request: &GetDraftRequest) -> Result<GetDraftResponse, Error> {
        let tenant = arguments::tenant(&request.tenant)?;
        let draft = self.parts.store.read(&tenant).await?.draft().await?;
        Ok(GetDraftResponse {
            draft: Some(compose(&draft, &tenant)),
        })
    }

    /// Checks the draft as publishing would, and publishes nothing.
    async fn check_only(&self, request: &CheckDraftRequest) -> Result<CheckDraftResponse, Error> {
        let tenant = arguments::tenant(&request.tenant)?;
        let (draft, in_force) = self.draft_and_release_in_force(&tenant).await?;
        let heading = Heading {
            revision: draft.revision + 1,
            published_at_ms: self.parts.clock.now_ms(),
            published_by: "check".to_owned(),
            comment: String::new(),
        };
        let release = seal(compose(&draft, &tenant), heading);
        let (_, findings) = self.checked(release, in_force).await?;
        Ok(CheckDraftResponse { findings })
    }
}
