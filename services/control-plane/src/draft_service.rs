//! `DraftService`: what the next release will hold.

use fairlead_domain::TenantId;
use fairlead_proto::control::v1::draft_service_server::DraftService;
use fairlead_proto::control::v1::{
    CheckDraftRequest, CheckDraftResponse, Finding, GetDraftRequest, GetDraftResponse,
    LintStrategyRequest, LintStrategyResponse, PutExperimentsRequest, PutExperimentsResponse,
    PutModelRequest, PutModelResponse, PutProductsRequest, PutProductsResponse, PutSettingsRequest,
    PutSettingsResponse, PutStrategyRequest, PutStrategyResponse, Release, Strategy,
};
use serde_json::json;
use tonic::{Request, Response, Status};

use crate::compose::{Heading, compose, seal};
use crate::fingerprint::fingerprint;
use crate::lint::lint;
use crate::publish::refuse_if_blocked;
use crate::purposes;
use crate::service::Service;
use crate::{Error, arguments};

#[tonic::async_trait]
impl DraftService for Service {
    async fn put_products(
        &self,
        request: Request<PutProductsRequest>,
    ) -> Result<Response<PutProductsResponse>, Status> {
        Ok(Response::new(
            self.put_all_products(request.into_inner()).await?,
        ))
    }

    async fn put_strategy(
        &self,
        request: Request<PutStrategyRequest>,
    ) -> Result<Response<PutStrategyResponse>, Status> {
        Ok(Response::new(
            self.add_strategy(request.into_inner()).await?,
        ))
    }

    async fn lint_strategy(
        &self,
        request: Request<LintStrategyRequest>,
    ) -> Result<Response<LintStrategyResponse>, Status> {
        Ok(Response::new(self.only_lint(request.into_inner()).await?))
    }

    async fn put_experiments(
        &self,
        request: Request<PutExperimentsRequest>,
    ) -> Result<Response<PutExperimentsResponse>, Status> {
        Ok(Response::new(self.put_plan(request.into_inner()).await?))
    }

    async fn put_model(
        &self,
        request: Request<PutModelRequest>,
    ) -> Result<Response<PutModelResponse>, Status> {
        Ok(Response::new(
            self.register_model(request.into_inner()).await?,
        ))
    }

    async fn put_settings(
        &self,
        request: Request<PutSettingsRequest>,
    ) -> Result<Response<PutSettingsResponse>, Status> {
        Ok(Response::new(
            self.put_sections(request.into_inner()).await?,
        ))
    }

    async fn get_draft(
        &self,
        request: Request<GetDraftRequest>,
    ) -> Result<Response<GetDraftResponse>, Status> {
        Ok(Response::new(self.read_draft(&request.into_inner()).await?))
    }

    async fn check_draft(
        &self,
        request: Request<CheckDraftRequest>,
    ) -> Result<Response<CheckDraftResponse>, Status> {
        Ok(Response::new(self.only_check(&request.into_inner()).await?))
    }
}

impl Service {
    async fn add_strategy(
        &self,
        request: PutStrategyRequest,
    ) -> Result<PutStrategyResponse, Error> {
        let tenant = arguments::tenant(&request.tenant)?;
        let actor = arguments::actor(&request.actor)?;
        let mut strategy = request.strategy.unwrap_or_default();
        arguments::id("strategy.strategy_id", &strategy.strategy_id)?;
        // Linted before the write begins: it may take a while, and publishing lints again.
        let (linted, findings) = self.lint_in_draft(&tenant, strategy).await?;
        let findings = refuse_if_blocked("the strategy", true, findings)?;
        strategy = linted;
        let mut write = self.parts.store.write(&tenant).await?;
        strategy.version = write.newest_version(&strategy.strategy_id).await? + 1;
        write.insert_strategy(&strategy).await?;
        let subject = format!("{}@{}", strategy.strategy_id, strategy.version);
        let detail = json!({
            "champion": strategy.champion,
            "warnings": findings.len(),
            "sha256": fingerprint(&strategy),
        });
        write
            .commit(self.entry(actor, "strategy.put", subject, detail))
            .await?;
        Ok(PutStrategyResponse {
            version: strategy.version,
            findings,
        })
    }

    async fn only_lint(&self, request: LintStrategyRequest) -> Result<LintStrategyResponse, Error> {
        let tenant = arguments::tenant(&request.tenant)?;
        let strategy = request.strategy.unwrap_or_default();
        let (_, findings) = self.lint_in_draft(&tenant, strategy).await?;
        Ok(LintStrategyResponse { findings })
    }

    /// Lints a strategy as the next version of its id.
    async fn lint_in_draft(
        &self,
        tenant: &TenantId,
        mut strategy: Strategy,
    ) -> Result<(Strategy, Vec<Finding>), Error> {
        let draft = self.parts.store.read(tenant).await?.draft().await?;
        let versions = draft
            .strategies
            .keys()
            .filter(|(id, _)| *id == strategy.strategy_id);
        strategy.version = versions.map(|(_, version)| *version).max().unwrap_or(0) + 1;
        let (content, now_ms) = (compose(&draft, tenant), self.parts.clock.now_ms());
        let registry = self.parts.registry.clone();
        let linting = tokio::task::spawn_blocking(move || {
            let mut findings = lint(&strategy, &content, now_ms);
            let alone = Release {
                strategies: vec![strategy.clone()],
                ..Release::default()
            };
            findings.extend(purposes::check(&alone, &registry));
            (strategy, findings)
        });
        Ok(linting.await?)
    }

    async fn read_draft(&self, request: &GetDraftRequest) -> Result<GetDraftResponse, Error> {
        let tenant = arguments::tenant(&request.tenant)?;
        let draft = self.parts.store.read(&tenant).await?.draft().await?;
        Ok(GetDraftResponse {
            draft: Some(compose(&draft, &tenant)),
        })
    }

    async fn only_check(&self, request: &CheckDraftRequest) -> Result<CheckDraftResponse, Error> {
        let tenant = arguments::tenant(&request.tenant)?;
        let draft = self.parts.store.read(&tenant).await?.draft().await?;
        let heading = Heading {
            revision: draft.revision + 1,
            published_at_ms: self.parts.clock.now_ms(),
            published_by: "check".to_owned(),
            comment: String::new(),
        };
        let release = seal(compose(&draft, &tenant), heading);
        let (_, findings) = self.checked(release).await?;
        Ok(CheckDraftResponse { findings })
    }
}
