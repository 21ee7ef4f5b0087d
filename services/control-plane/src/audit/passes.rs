//! The schedule: passes over the new rows of every chain and, less often, over all rows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fairlead_chassis::clock::Clock;
use fairlead_domain::TenantId;
use fairlead_proto::control::v1::AuditFault;
use tokio::time::MissedTickBehavior;

use super::{Auditor, Comparison, HeadsOfTenant, Rows, first};
use crate::Error;
use crate::config::AuditConfig;
use crate::store::{Break, RowHash};

/// The time after which the head of a chain that has not moved is written again.
const WRITE_AGAIN: Duration = Duration::from_hours(24);

/// Passes over every chain, one after the other.
pub(crate) struct Passes {
    auditor: Arc<Auditor>,
    clock: Arc<dyn Clock>,
    interval: Duration,
    full_interval: Duration,
    /// The start of the last full pass that came to its end.
    full: Option<Instant>,
    /// The offset of the next head on the log.
    next_offset: i64,
    chains: HashMap<TenantId, Chain>,
}

/// The state of a tenant's chain after the last pass.
#[derive(Debug, Default)]
struct Chain {
    /// The last row that was verified while the chain was whole. It must stay in the chain for good.
    verified: RowHash,
    /// The sequence of the newest head on the log, and the newest time; 0 for none.
    logged: i64,
    logged_at_ms: i64,
    broken: Option<Break>,
}

impl Passes {
    pub(crate) fn new(auditor: Arc<Auditor>, clock: Arc<dyn Clock>, config: &AuditConfig) -> Self {
        Self {
            auditor,
            clock,
            interval: config.interval(),
            full_interval: config.full_interval(),
            full: None,
            next_offset: 0,
            chains: HashMap::new(),
        }
    }

    /// Passes over the chains at once and then in every interval, and never returns. A database or a
    /// log that is away is asked again in the next pass.
    pub(crate) async fn run(mut self) {
        if self.auditor.heads.is_none() {
            tracing::info!(
                "no event log is configured: heads of the audit chain are kept nowhere else, so a control \
                 database that is written anew is told only while this process runs"
            );
        }
        let mut due = tokio::time::interval(self.interval);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            let start = Instant::now();
            let full = self
                .full
                .is_none_or(|at| at.elapsed() >= self.full_interval);
            match self.pass(full).await {
                Ok(()) => {
                    if full {
                        self.full = Some(start);
                    }
                    let now_s = self.clock.now_ms() as f64 / 1_000.0;
                    metrics::gauge!("fairlead_audit_verified_timestamp_seconds").set(now_s);
                }
                Err(error) => {
                    tracing::warn!(%error, "audit chains are not verified, will try again");
                }
            }
        }
    }

    /// Checks every chain. The rows are checked even if the log cannot be read; the error is returned
    /// after that.
    async fn pass(&mut self, full: bool) -> Result<(), Error> {
        let mut tenants: HashSet<TenantId> =
            self.auditor.store.tenants().await?.into_iter().collect();
        tenants.extend(self.chains.keys().cloned());
        let mut checked = Vec::new();
        for tenant in &tenants {
            checked.push((tenant.clone(), self.check_rows(tenant, full).await?));
        }
        let again = full || self.chains.values().any(|chain| chain.broken.is_some());
        let from = if again { 0 } else { self.next_offset };
        let compared = self.auditor.compare(from, None).await;
        let heads = compared.as_ref().ok();
        for tenant in heads.iter().flat_map(|heads| heads.tenants.keys()) {
            if !tenants.contains(tenant) {
                checked.push((tenant.clone(), self.check_rows(tenant, full).await?));
            }
        }
        for (tenant, rows) in checked {
            self.conclude(tenant, rows, full, heads).await?;
        }
        let Comparison { next_offset, .. } = compared?;
        self.next_offset = next_offset;
        self.write_heads().await
    }

    /// Checks the rows of a chain from the last verified one on or, in a full pass and while the chain
    /// is broken, from the beginning.
    async fn check_rows(&self, tenant: &TenantId, full: bool) -> Result<Rows, Error> {
        let chain = self.chains.get(tenant);
        let whole = chain.filter(|chain| !full && chain.broken.is_none());
        let from = whole.map(|chain| chain.verified.clone());
        let from = from.unwrap_or_default();
        self.auditor.check_rows(tenant, from).await
    }

    /// Joins what rows, heads and the row that was verified before say of a chain.
    async fn conclude(
        &mut self,
        tenant: TenantId,
        rows: Rows,
        full: bool,
        heads: Option<&Comparison>,
    ) -> Result<(), Error> {
        let chain = self.chains.entry(tenant.clone()).or_default();
        let heads_broken = match heads {
            Some(heads) => {
                let found = heads.tenants.get(&tenant).copied().unwrap_or_default();
                chain.take_heads(found, full)
            }
            // Not compared: what was found before still holds.
            None => chain
                .broken
                .filter(|one| one.fault == AuditFault::Rewritten),
        };
        let mut read = self.auditor.store.read(&tenant).await?;
        let verified_broken = read.compare(&chain.verified).await?;
        let broken = first([rows.broken, verified_broken, heads_broken]);
        chain.report(&tenant, &rows.reached, broken);
        if broken.is_none() {
            chain.verified = rows.reached;
        }
        Ok(())
    }

    /// Writes the head of each whole chain that has moved on, and again those that are a day old: the
    /// log drops old ones.
    async fn write_heads(&mut self) -> Result<(), Error> {
        let Some(log) = &self.auditor.heads else {
            return Ok(());
        };
        let now_ms = self.clock.now_ms();
        let again_ms = WRITE_AGAIN.as_millis() as i64;
        let mut due: Vec<_> = self.chains.iter_mut().collect();
        due.retain(|(_, chain)| {
            let sequence = chain.verified.sequence;
            let moved = sequence > chain.logged || now_ms - chain.logged_at_ms >= again_ms;
            chain.broken.is_none() && sequence > 0 && moved
        });
        let heads = due.iter().map(|(tenant, chain)| (*tenant, &chain.verified));
        log.write(heads, now_ms).await?;
        for (_, chain) in due {
            (chain.logged, chain.logged_at_ms) = (chain.verified.sequence, now_ms);
        }
        Ok(())
    }
}

impl Chain {
    /// Takes the heads that were found on the log; a full pass has read all that are kept. Returns the
    /// break that they show.
    fn take_heads(&mut self, found: HeadsOfTenant, full: bool) -> Option<Break> {
        if full {
            (self.logged, self.logged_at_ms) = (0, 0);
        }
        self.logged = self.logged.max(found.sequence);
        self.logged_at_ms = self.logged_at_ms.max(found.at_ms);
        found.broken
    }

    /// Reports the result of a check: metrics each time, the log where it changes.
    fn report(&mut self, tenant: &TenantId, reached: &RowHash, broken: Option<Break>) {
        let label = tenant.to_string();
        metrics::gauge!("fairlead_audit_rows", "tenant" => label.clone())
            .set(reached.sequence as f64);
        metrics::gauge!("fairlead_audit_broken_at", "tenant" => label)
            .set(broken.map_or(0.0, |one| one.sequence as f64));
        if self.broken == broken {
            return;
        }
        if let Some(Break { sequence, fault }) = broken {
            let fault = fault.as_str_name();
            tracing::error!(%tenant, sequence, fault, "audit chain is broken");
        } else {
            tracing::info!(%tenant, rows = reached.sequence, "audit chain holds again");
        }
        self.broken = broken;
    }
}
