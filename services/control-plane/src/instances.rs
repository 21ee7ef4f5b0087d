//! Reports of service instances on the releases that they follow.

use fairlead_proto::control::v1::{
    ListInstancesRequest, ListInstancesResponse, ReportRequest, ReportResponse,
};

use crate::service::Service;
use crate::{Error, arguments};

/// The longest reason that is kept, in characters.
const MAX_REASON: usize = 2_000;

impl Service {
    pub(crate) async fn take_report(
        &self,
        mut report: ReportRequest,
    ) -> Result<ReportResponse, Error> {
        let tenant = arguments::tenant(&report.tenant)?;
        arguments::id("service", &report.service)?;
        arguments::instance(&report.instance)?;
        arguments::version(&report.version)?;
        arguments::revision("revision", report.revision)?;
        arguments::revision("refused_revision", report.refused_revision)?;
        // A text column of PostgreSQL holds no zero byte.
        let readable = report.reason.chars().filter(|c| *c != '\0');
        report.reason = readable.take(MAX_REASON).collect();
        let now_ms = self.parts.clock.now_ms();
        self.parts.store.report(&tenant, &report, now_ms).await?;
        Ok(ReportResponse {})
    }

    pub(crate) async fn read_instances(
        &self,
        request: &ListInstancesRequest,
    ) -> Result<ListInstancesResponse, Error> {
        let tenant = arguments::tenant(&request.tenant)?;
        let now_ms = self.parts.clock.now_ms();
        let instances = self
            .parts
            .store
            .read(&tenant)
            .await?
            .instances(now_ms)
            .await?;
        Ok(ListInstancesResponse { instances })
    }
}
