//! `RecommendService`: a slate, and the record of an earlier one.

use fairlead_domain::RequestId;
use fairlead_proto::gateway::v1::recommend_service_server::RecommendService;
use fairlead_proto::gateway::v1::{
    ExplainRequest, ExplainResponse, RecommendRequest, RecommendResponse,
};
use tonic::{Request, Response, Status};

use crate::{Error, Service, offers};

#[tonic::async_trait]
impl RecommendService for Service {
    async fn recommend(
        &self,
        request: Request<RecommendRequest>,
    ) -> Result<Response<RecommendResponse>, Status> {
        let ask = self.checks(&request)?.recommend(request.into_inner())?;
        let decided = self.inner.decider.decide(ask).await?;
        self.inner.decisions.buffer(&decided.record);
        offers::count(&decided.answer);
        Ok(Response::new(decided.answer))
    }

    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        let checks = self.checks(&request)?;
        let ExplainRequest { tenant, request_id } = request.into_inner();
        let tenant = checks.tenant(&tenant)?;
        let request_id = RequestId::new(&request_id).map_err(Error::from)?;
        let record = self
            .find_decision(&tenant, &request_id, checks.log_deadline())
            .await?;
        checks.about(&record.customer_id)?;
        Ok(Response::new(ExplainResponse {
            record: Some(record),
        }))
    }
}
