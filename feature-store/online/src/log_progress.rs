//! The progress of what is derived from a log's records in the store: kept in the store itself, written
//! after the entries that it covers. A store that lost entries lost the progress behind them.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::Error;
use crate::key::{EntityKey, SourcePartition};
use crate::store::{FeatureStore, Field, Write, WriteOutcome};

/// The progress of one derived thing in the partitions of one log. It is cheap to clone.
#[derive(Clone)]
pub struct LogProgress {
    store: Arc<dyn FeatureStore>,
    log_name: Arc<str>,
    key: EntityKey,
}

/// The progress in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexProgress {
    /// The offset of the last record covered.
    pub last_offset: i64,
    /// The newest time of a record covered so far, Unix milliseconds.
    pub time_ms: i64,
}

impl LogProgress {
    /// Returns the progress of `what` is derived from the records of `topic` in the log with this name.
    pub fn new(store: Arc<dyn FeatureStore>, log_name: &str, what: &str, topic: &str) -> Self {
        Self {
            store,
            log_name: log_name.into(),
            key: EntityKey::progress(what, topic),
        }
    }

    /// Returns the progress of each of the partitions, in their order, `None` for one without.
    pub async fn read(&self, partitions: &[i32]) -> Result<Vec<Option<IndexProgress>>, Error> {
        let field = |partition: &i32| (self.key.clone(), self.source(*partition));
        let fields: Vec<_> = partitions.iter().map(field).collect();
        let read = self.store.read_fields(&fields).await?;
        Ok(read
            .iter()
            .map(|one| one.as_ref().map(progress_of))
            .collect())
    }

    /// Moves the progress of a partition on, unless another one than `from` is stored.
    pub async fn advance(
        &self,
        partition: i32,
        from: Option<i64>,
        to: IndexProgress,
    ) -> Result<WriteOutcome, Error> {
        let write = Write {
            key: self.key.clone(),
            source: self.source(partition),
            expected_offset: from,
            offset: to.last_offset,
            state: Bytes::copy_from_slice(&to.time_ms.to_be_bytes()),
            ttl: None,
        };
        let outcomes = self.store.apply(vec![write]).await?;
        outcomes.into_iter().next().ok_or_else(|| Error::Corrupt {
            thing: "answer of the script",
            detail: "no outcome of a write".to_owned(),
        })
    }

    pub(crate) fn source(&self, partition: i32) -> SourcePartition {
        SourcePartition::new(&self.log_name, partition)
    }
}

fn progress_of(field: &Field) -> IndexProgress {
    let time = field.state.first_chunk::<8>();
    IndexProgress {
        last_offset: field.offset,
        // Without a readable time it claims nothing.
        time_ms: time.map_or(0, |bytes| i64::from_be_bytes(*bytes)),
    }
}
