//! The index of decision records: from a request id to the offset of its record in the log.
//!
//! An entry is a key of its own with the partition as its field, written once and kept as long as
//! the log keeps the record. The progress of a partition says up to which record the index is
//! complete, so that a reader can tell an unknown request from one that is not indexed yet.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fairlead_domain::{RequestId, TenantId};

use crate::error::Error;
use crate::key::{EntityKey, SourcePartition};
use crate::log_progress::{IndexProgress, LogProgress};
use crate::store::{FeatureStore, Write};

/// The index of the decision records of one log. It is cheap to clone.
#[derive(Clone)]
pub struct DecisionIndex {
    store: Arc<dyn FeatureStore>,
    progress: LogProgress,
}

/// An entry of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedDecision {
    /// The tenant of the record.
    pub tenant: TenantId,
    /// The request that the record is of.
    pub request_id: RequestId,
    /// The offset of the record.
    pub offset: i64,
    /// The time for which the entry is kept.
    pub ttl: Duration,
}

/// The answer of [`DecisionIndex::find`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexLookup {
    /// The offset of the record, or `None` if the index has no entry of the request.
    pub offset: Option<i64>,
    /// The progress of the partition, or `None` if the index holds none of its records.
    pub progress: Option<IndexProgress>,
}

impl DecisionIndex {
    /// Returns the index in `store` of the log with this name.
    pub fn new(store: Arc<dyn FeatureStore>, log_name: &str) -> Self {
        Self {
            progress: LogProgress::new(store.clone(), log_name, "decision-index", "decisions"),
            store,
        }
    }

    /// Looks up a request whose record is in `partition` if there is one. A known request and an
    /// unknown one take the same two reads.
    pub async fn find(
        &self,
        tenant: &TenantId,
        request_id: &RequestId,
        partition: i32,
    ) -> Result<IndexLookup, Error> {
        // The progress is read before the entry: an entry below it was written before, and is found.
        let progress = self.progress(&[partition]).await?;
        let entry = (
            EntityKey::decision(tenant, request_id),
            self.source(partition),
        );
        let read = self.store.read_fields(&[entry]).await?;
        let offset = read.into_iter().flatten().next().map(|entry| entry.offset);
        let progress = progress.into_iter().flatten().next();
        Ok(IndexLookup { offset, progress })
    }

    /// Adds entries of one partition. The first entry of a request stays: a record that was appended
    /// twice is one decision.
    pub async fn add(&self, partition: i32, entries: Vec<IndexedDecision>) -> Result<(), Error> {
        let source = self.source(partition);
        let write = |entry: IndexedDecision| Write {
            key: EntityKey::decision(&entry.tenant, &entry.request_id),
            source: source.clone(),
            expected_offset: None,
            offset: entry.offset,
            state: Bytes::new(),
            ttl: Some(entry.ttl),
        };
        let mut writes: Vec<Write> = entries.into_iter().map(write).collect();
        // One call may name a field once. The sort is stable: of equal keys the first stays.
        writes.sort_by(|one, other| one.key.cmp(&other.key));
        writes.dedup_by(|later, earlier| later.key == earlier.key);
        self.store.apply(writes).await?;
        Ok(())
    }

    /// Returns the progress of each of the partitions, in their order, `None` for one without.
    pub async fn progress(&self, partitions: &[i32]) -> Result<Vec<Option<IndexProgress>>, Error> {
        self.progress.read(partitions).await
    }

    /// Returns the progress of the index, which its writer moves on.
    pub fn log_progress(&self) -> &LogProgress {
        &self.progress
    }

    fn source(&self, partition: i32) -> SourcePartition {
        self.progress.source(partition)
    }
}
