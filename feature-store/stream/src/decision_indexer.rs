//! The indexer of decision records: from the decisions topic to the index in the online store.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::Clock;
use fairlead_domain::{RequestId, TenantId};
use fairlead_event_log::{Delivered, EventLog};
use fairlead_online::{DecisionIndex, IndexedDecision, LogProgress};

use crate::config::DECISIONS_TOPIC;
use crate::derive::{Derivation, Sink};
use crate::error::Error;
use crate::meters;

/// The settings of the indexer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexerConfig {
    /// The consumer group.
    pub group: String,
    /// The time for which the log keeps a record, and the index its entry.
    pub retention: Duration,
}

/// An indexer of decision records that is ready to run.
pub type DecisionIndexer = Derivation<DecisionEntries>;

/// The entries of the index of decision records.
pub struct DecisionEntries {
    retention: Duration,
    index: DecisionIndex,
    clock: Arc<dyn Clock>,
}

impl DecisionIndexer {
    /// Returns an indexer of the decision records of `log`.
    pub fn new(
        config: IndexerConfig,
        log: Arc<dyn EventLog>,
        index: DecisionIndex,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let IndexerConfig { group, retention } = config;
        let entries = DecisionEntries {
            retention,
            index,
            clock,
        };
        Self::of(entries, group, log)
    }
}

impl Sink for DecisionEntries {
    fn topic(&self) -> &'static str {
        DECISIONS_TOPIC
    }

    fn progress(&self) -> &LogProgress {
        self.index.log_progress()
    }

    async fn write(&self, partition: i32, records: &[Delivered]) -> Result<usize, Error> {
        let entries: Vec<_> = records.iter().filter_map(|one| self.entry(one)).collect();
        let count = entries.len();
        if count > 0 {
            self.index.add(partition, entries).await?;
        }
        Ok(count)
    }

    fn count(&self, written: usize, skipped: usize) {
        meters::indexed(written, skipped);
    }

    fn measure_lag(&self, records: u64) {
        meters::index_lag(records);
    }
}

impl DecisionEntries {
    /// Returns the entry of a record, or `None` if its key is none of the gateway's, or the log will drop
    /// it now.
    fn entry(&self, delivered: &Delivered) -> Option<IndexedDecision> {
        let key = std::str::from_utf8(&delivered.record.key).ok()?;
        let (tenant, request_id) = key.split_once('/')?;
        let age_ms = self.clock.now_ms() - delivered.record.timestamp_ms;
        let age = Duration::from_millis(u64::try_from(age_ms).unwrap_or_default());
        let ttl = self.retention.checked_sub(age)?;
        Some(IndexedDecision {
            tenant: TenantId::new(tenant).ok()?,
            request_id: RequestId::new(request_id).ok()?,
            offset: delivered.position.offset,
            ttl: ttl.max(Duration::from_secs(1)),
        })
    }
}
