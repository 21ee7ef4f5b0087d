//! The last report of each instance. Each report replaces the one before; none is audited.

use fairlead_domain::TenantId;
use fairlead_proto::control::v1::{Instance, ReportRequest};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Read, Store};
use crate::Error;

/// The time without a report after which an instance counts as gone.
const GONE_AFTER_MS: i64 = 60_000;

/// The time without a report after which an instance is forgotten.
const FORGOTTEN_AFTER_MS: i64 = 24 * 3_600_000;

impl Store {
    /// Stores a report, and forgets instances that are long gone.
    pub(crate) async fn report(
        &self,
        tenant: &TenantId,
        report: &ReportRequest,
        now_ms: i64,
    ) -> Result<(), Error> {
        let mut tx = self.begin(self.dialect.begin_write()).await?;
        let put = sqlx::query(
            "INSERT INTO instances (tenant, service, instance, version, revision, \
             refused_revision, reason, reported_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (tenant, service, instance) DO UPDATE SET version = excluded.version, \
             revision = excluded.revision, refused_revision = excluded.refused_revision, \
             reason = excluded.reason, reported_at_ms = excluded.reported_at_ms",
        )
        .bind(tenant.as_str())
        .bind(&report.service)
        .bind(&report.instance)
        .bind(&report.version)
        .bind(report.revision)
        .bind(report.refused_revision)
        .bind(&report.reason)
        .bind(now_ms);
        tx.execute(put).await?;
        let forget = sqlx::query("DELETE FROM instances WHERE tenant = $1 AND reported_at_ms < $2")
            .bind(tenant.as_str())
            .bind(now_ms - FORGOTTEN_AFTER_MS);
        tx.execute(forget).await?;
        tx.commit().await
    }
}

impl Read {
    /// Returns the instances, ordered by service and name.
    pub(crate) async fn instances(&mut self, now_ms: i64) -> Result<Vec<Instance>, Error> {
        let all = sqlx::query(
            "SELECT service, instance, version, revision, refused_revision, reason, \
             reported_at_ms FROM instances WHERE tenant = $1 AND reported_at_ms >= $2 \
             ORDER BY service, instance",
        )
        .bind(self.tenant.as_str())
        .bind(now_ms - FORGOTTEN_AFTER_MS);
        let rows = self.tx.fetch_all(all).await?;
        let instance = |row: &AnyRow| {
            let reported_at_ms = row.try_get("reported_at_ms")?;
            Ok(Instance {
                service: row.try_get("service")?,
                instance: row.try_get("instance")?,
                version: row.try_get("version")?,
                revision: row.try_get("revision")?,
                refused_revision: row.try_get("refused_revision")?,
                reason: row.try_get("reason")?,
                reported_at_ms,
                gone: reported_at_ms < now_ms - GONE_AFTER_MS,
            })
        };
        Ok(rows
            .iter()
            .map(instance)
            .collect::<Result<_, sqlx::Error>>()?)
    }
}
