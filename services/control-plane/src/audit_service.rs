//! `AuditService`: the audit rows, and the check of their chain.

use fairlead_proto::control::v1::audit_service_server::AuditService;
use fairlead_proto::control::v1::{
    AuditFault, ListAuditRequest, ListAuditResponse, VerifyAuditRequest, VerifyAuditResponse,
};
use tonic::Request;

use crate::call::Call;
use crate::service::{RpcResult, Service, respond};
use crate::store::Break;
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
        let check = self.parts.auditor.check(tenant).await?;
        if let Some(Break { sequence, fault }) = check.broken {
            let fault = fault.as_str_name();
            tracing::error!(%tenant, sequence, fault, "audit chain is broken");
        }
        let fault = check
            .broken
            .map_or(AuditFault::Unspecified, |one| one.fault);
        Ok(VerifyAuditResponse {
            intact: check.broken.is_none(),
            rows: check.reached.sequence,
            broken_at: check.broken.map_or(0, |one| one.sequence),
            fault: fault.into(),
            heads: check.heads,
        })
    }
}
