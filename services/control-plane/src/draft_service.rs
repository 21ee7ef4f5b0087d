//! `DraftService`: the contents of the next release.

use fairlead_proto::control::v1::draft_service_server::DraftService;
use fairlead_proto::control::v1::{
    CheckDraftRequest, CheckDraftResponse, GetDraftRequest, GetDraftResponse, LintStrategyRequest,
    LintStrategyResponse, PutExperimentsRequest, PutExperimentsResponse, PutModelRequest,
    PutModelResponse, PutProductsRequest, PutProductsResponse, PutSettingsRequest,
    PutSettingsResponse, PutStrategyRequest, PutStrategyResponse,
};
use tonic::Request;

use crate::Error;
use crate::call::Call;
use crate::compose::{Heading, InForce, compose, seal};
use crate::service::{RpcResult, Service, respond};

#[tonic::async_trait]
impl DraftService for Service {
    async fn put_products(
        &self,
        request: Request<PutProductsRequest>,
    ) -> RpcResult<PutProductsResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.put_all_products(&call, request).await
        })
        .await
    }

    async fn put_strategy(
        &self,
        request: Request<PutStrategyRequest>,
    ) -> RpcResult<PutStrategyResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.add_strategy(&call, request).await
        })
        .await
    }

    async fn lint_strategy(
        &self,
        request: Request<LintStrategyRequest>,
    ) -> RpcResult<LintStrategyResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.lint_only(&call, request).await
        })
        .await
    }

    async fn put_experiments(
        &self,
        request: Request<PutExperimentsRequest>,
    ) -> RpcResult<PutExperimentsResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.put_plan(&call, request).await
        })
        .await
    }

    async fn put_model(&self, request: Request<PutModelRequest>) -> RpcResult<PutModelResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.register_model(&call, request).await
        })
        .await
    }

    async fn put_settings(
        &self,
        request: Request<PutSettingsRequest>,
    ) -> RpcResult<PutSettingsResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.put_sections(&call, request).await
        })
        .await
    }

    async fn get_draft(&self, request: Request<GetDraftRequest>) -> RpcResult<GetDraftResponse> {
        respond(async {
            let (call, _) = Call::of(request)?;
            self.read_draft(&call).await
        })
        .await
    }

    async fn check_draft(
        &self,
        request: Request<CheckDraftRequest>,
    ) -> RpcResult<CheckDraftResponse> {
        respond(async {
            let (call, _) = Call::of(request)?;
            self.check_only(&call).await
        })
        .await
    }
}

impl Service {
    async fn read_draft(&self, call: &Call) -> Result<GetDraftResponse, Error> {
        let tenant = &call.tenant;
        let draft = self.parts.store.read(tenant).await?.draft().await?;
        Ok(GetDraftResponse {
            draft: Some(compose(&draft, tenant)),
        })
    }

    /// Checks the draft as publishing would, and publishes nothing.
    async fn check_only(&self, call: &Call) -> Result<CheckDraftResponse, Error> {
        let tenant = &call.tenant;
        let (draft, in_force) = self.draft_and_release_in_force(tenant).await?;
        let heading = Heading {
            revision: draft.revision + 1,
            published_at_ms: self.parts.clock.now_ms(),
            published_by: "check".to_owned(),
            comment: String::new(),
        };
        let release = seal(compose(&draft, tenant), heading);
        let in_force = InForce {
            release: in_force,
            sticky: true,
        };
        let checked = self.checked(release, in_force).await?;
        Ok(CheckDraftResponse {
            findings: checked.findings,
            difference: Some(checked.difference),
        })
    }
}
