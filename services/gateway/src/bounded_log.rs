//! The event log as handlers see it: every operation has a deadline.

use std::sync::Arc;

use fairlead_chassis::deadline::Deadline;
use fairlead_event_log::{
    Delivered, Error as LogError, EventLog, PartitionOffsets, Position, Record,
};

use crate::Error;

/// A log that answers by a deadline, or is given up.
#[derive(Clone)]
pub(crate) struct BoundedLog(Arc<dyn EventLog>);

impl BoundedLog {
    pub(crate) fn new(log: Arc<dyn EventLog>) -> Self {
        Self(log)
    }

    /// Appends records and returns their positions once all are durable. After [`Error::LogLate`] any
    /// of them may be in the log.
    pub(crate) async fn append(
        &self,
        topic: &str,
        records: Vec<Record>,
        by: Deadline,
    ) -> Result<Vec<Position>, Error> {
        bounded(by, self.0.append(topic, records)).await
    }

    /// Reads up to `max` records of one partition, from `from` on.
    pub(crate) async fn read(
        &self,
        topic: &str,
        from: Position,
        max: usize,
        by: Deadline,
    ) -> Result<Vec<Delivered>, Error> {
        bounded(by, self.0.read(topic, from, max)).await
    }

    /// Returns the offsets that each partition holds.
    pub(crate) async fn offsets(
        &self,
        topic: &str,
        by: Deadline,
    ) -> Result<Vec<PartitionOffsets>, Error> {
        bounded(by, self.0.offsets(topic)).await
    }
}

async fn bounded<T>(
    by: Deadline,
    working: impl Future<Output = Result<T, LogError>>,
) -> Result<T, Error> {
    match tokio::time::timeout_at(by.instant().into(), working).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Error::LogLate),
    }
}
