//! `AuditService`: the audit rows, and the check of their chain.

use fairlead_proto::control::v1::audit_service_server::AuditService;
use fairlead_proto::control::v1::{
    ListAuditRequest, ListAuditResponse, VerifyAuditRequest, VerifyAuditResponse,
};
use tonic::Request;

use crate::call::Call;
use crate::service::{RpcResult, Service, respond};
use crate::{Error, arguments};

#[tonic::async_trait]
impl AuditService for Service {
    async fn list_audit(&self, request: Request<ListAuditRequest>) -> RpcResult<ListAuditResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.read_audit(&call, &request).await
        })
        .await
    }

    async fn verify_audit(
        &self,
        request: Request<VerifyAuditRequest>,
    ) -> RpcResult<VerifyAuditResponse> {
        respond(async {
            let (call, _) = Call::of(request)?;
            self.check_audit(&call).await
        })
        .await
    }
}

impl Service {
    async fn read_audit(
        &self,
        call: &Call,
        request: &ListAuditRequest,
    ) -> Result<ListAuditResponse, Error> {
        let tenant = &call.tenant;
        let limit = arguments::limit(request.limit)?;
        let rows = self
            .parts
            .store
            .read(tenant)
            .await?
            .audit_rows(limit)
            .await?;
        Ok(ListAuditResponse { rows })
    }

    async fn check_audit(&self, call: &Call) -> Result<VerifyAuditResponse, Error> {
        let tenant = &call.tenant;
        let check = self.parts.store.read(tenant).await?.check_chain().await?;
        if let Some(sequence) = check.broken_at {
            tracing::error!(%tenant, sequence, "audit chain is broken");
        }
        Ok(VerifyAuditResponse {
            intact: check.broken_at.is_none(),
            rows: check.rows,
            broken_at: check.broken_at.unwrap_or(0),
        })
    }
}
