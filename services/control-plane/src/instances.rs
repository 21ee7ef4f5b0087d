//! Reports of service instances on the releases that they follow.

use fairlead_identity::Kind;
use fairlead_proto::control::v1::{ListInstancesResponse, ReportRequest, ReportResponse};

use crate::call::Call;
use crate::service::Service;
use crate::{Error, arguments};

/// The longest reason that is kept, in characters.
const MAX_REASON: usize = 2_000;

impl Service {
    pub(crate) async fn take_report(
        &self,
        call: &Call,
        mut report: ReportRequest,
    ) -> Result<ReportResponse, Error> {
        let tenant = &call.tenant;
        arguments::id("service", &report.service)?;
        if call.caller.kind() == Kind::Service && call.caller.id() != report.service {
            let allowed = format!("{}, the service that calls", call.caller.id());
            return Err(Error::argument("service", &report.service, allowed));
        }
        arguments::instance(&report.instance)?;
        arguments::version(&report.version)?;
        arguments::revision("revision", report.revision)?;
        arguments::revision("refused_revision", report.refused_revision)?;
        // A text column of PostgreSQL holds no zero byte.
        let readable = report.reason.chars().filter(|c| *c != '\0');
        report.reason = readable.take(MAX_REASON).collect();
        let now_ms = self.parts.clock.now_ms();
        self.parts.store.report(tenant, &report, now_ms).await?;
        Ok(ReportResponse {})
    }

    pub(crate) async fn read_instances(&self, call: &Call) -> Result<ListInstancesResponse, Error> {
        let tenant = &call.tenant;
        let now_ms = self.parts.clock.now_ms();
        let instances = self
            .parts
            .store
            .read(tenant)
            .await?
            .instances(now_ms)
            .await?;
        Ok(ListInstancesResponse { instances })
    }
}
