//! The check of the audit chain, on a schedule and when asked: every row against its hash and the row
//! before, and the chain against its own heads, which are written down outside of the control database.
//!
//! The hashes alone tell a row that was changed. Rows that were written anew with all hashes after
//! them fit together; the heads on the event log tell those.

mod heads;
mod passes;

use std::collections::HashMap;
use std::sync::Arc;

use fairlead_domain::TenantId;
use fairlead_event_log::EventLog;

use crate::Error;
use crate::config::AuditConfig;
use crate::store::{Break, RowHash, Store};
use heads::{HeadLog, LoggedHead};
pub(crate) use passes::Passes;

/// Rows that are read in one transaction: writers never wait for a whole check.
const ROWS_PER_READ: i64 = 5_000;

/// Checks chains.
pub(crate) struct Auditor {
    store: Store,
    heads: Option<HeadLog>,
}

/// The result of checking one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChainCheck {
    /// The last row that holds.
    pub(crate) reached: RowHash,
    /// The place where the chain breaks, if it does.
    pub(crate) broken: Option<Break>,
    /// The number of heads that it was compared with.
    pub(crate) heads: i64,
}

/// The result of checking the rows of one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rows {
    /// The last row that holds.
    reached: RowHash,
    /// The place where the chain breaks, if it does.
    broken: Option<Break>,
}

/// The result of comparing chains with the heads on the event log.
#[derive(Debug, Default)]
struct Comparison {
    /// The offset of the next head.
    next_offset: i64,
    tenants: HashMap<TenantId, HeadsOfTenant>,
}

/// The heads of one tenant that were compared.
#[derive(Debug, Clone, Copy, Default)]
struct HeadsOfTenant {
    compared: i64,
    /// The highest sequence among them, and the newest time.
    sequence: i64,
    at_ms: i64,
    broken: Option<Break>,
}

impl Auditor {
    /// Returns an auditor of the chains in `store`. Without a log there are no heads to compare with.
    pub(crate) fn new(store: Store, log: Option<Arc<dyn EventLog>>, config: &AuditConfig) -> Self {
        let topic = config.heads_topic.clone();
        let heads = log.map(|log| HeadLog::new(log, topic));
        Self { store, heads }
    }

    /// Checks the whole chain of a tenant.
    pub(crate) async fn check(&self, tenant: &TenantId) -> Result<ChainCheck, Error> {
        let rows = self.check_rows(tenant, RowHash::default()).await?;
        let compared = self.compare(0, Some(tenant)).await?;
        let heads = compared.tenants.get(tenant).copied().unwrap_or_default();
        Ok(ChainCheck {
            broken: first([rows.broken, heads.broken]),
            reached: rows.reached,
            heads: heads.compared,
        })
    }

    /// Recomputes the hashes of the rows after `from`.
    async fn check_rows(&self, tenant: &TenantId, from: RowHash) -> Result<Rows, Error> {
        let mut reached = from;
        loop {
            let mut read = self.store.read(tenant).await?;
            let checked = read.check_rows(&reached, ROWS_PER_READ).await?;
            reached = checked.reached;
            if checked.complete || checked.broken.is_some() {
                let broken = checked.broken;
                return Ok(Rows { reached, broken });
            }
        }
    }

    /// Compares chains, or that of one tenant, with the heads from this offset of the log on. The rows
    /// are to be checked before: rows that are written anew in between are then told now or by the next
    /// check. A head is read before the database is, which has had its row for longer.
    async fn compare(&self, from: i64, only: Option<&TenantId>) -> Result<Comparison, Error> {
        let mut comparison = Comparison {
            next_offset: from,
            ..Comparison::default()
        };
        let Some(log) = &self.heads else {
            return Ok(comparison);
        };
        let end = log.range(&mut comparison.next_offset).await?;
        while comparison.next_offset < end {
            let page = log.read(comparison.next_offset).await?;
            if page.next_offset == comparison.next_offset {
                break;
            }
            comparison.next_offset = page.next_offset;
            for (tenant, heads) in page.heads {
                if only.is_none_or(|only| *only == tenant) {
                    let of_tenant = comparison.tenants.entry(tenant.clone()).or_default();
                    self.compare_heads(&tenant, &heads, of_tenant).await?;
                }
            }
        }
        Ok(comparison)
    }

    async fn compare_heads(
        &self,
        tenant: &TenantId,
        heads: &[LoggedHead],
        so_far: &mut HeadsOfTenant,
    ) -> Result<(), Error> {
        let mut read = self.store.read(tenant).await?;
        for head in heads {
            so_far.compared += 1;
            so_far.sequence = so_far.sequence.max(head.row.sequence);
            so_far.at_ms = so_far.at_ms.max(head.at_ms);
            so_far.broken = first([so_far.broken, read.compare(&head.row).await?]);
        }
        Ok(())
    }
}

/// Returns the break of the lowest sequence.
fn first<const N: usize>(breaks: [Option<Break>; N]) -> Option<Break> {
    breaks.into_iter().flatten().min_by_key(|one| one.sequence)
}
