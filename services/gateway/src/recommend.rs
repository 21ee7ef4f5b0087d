//! `RecommendService`: a slate, and the record of an earlier one.

use fairlead_chassis::deadline::Deadline;
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
        let deadline = Deadline::from_request(&request);
        let ask = self.checks().recommend(request.into_inner(), deadline)?;
        let decided = self.inner.decider.decide(ask).await?;
        self.inner.decisions.leave(&decided.record);
        offers::count(&decided.answer);
        Ok(Response::new(decided.answer))
    }

    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        let ExplainRequest { tenant, request_id } = request.into_inner();
        let tenant = self.checks().tenant(&tenant)?;
        let request_id = RequestId::new(&request_id).map_err(Error::from)?;
        let record = self
            .inner
            .decisions
            .find(tenant.as_str(), request_id.as_str())
            .await?;
        Ok(Response::new(ExplainResponse {
            record: Some(record),
        }))
    }
}
