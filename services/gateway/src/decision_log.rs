//! The decision log. Records of recommendations go through a bounded buffer: while the log is away they
//! wait in it, and what it cannot hold is shed and counted. The record of a firm quote is acknowledged
//! before the quote is answered.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::back_off::BackOff;
use fairlead_chassis::deadline::Deadline;
use fairlead_chassis::telemetry::trace_header;
use fairlead_domain::{RequestId, TenantId};
use fairlead_event_log::{
    Delivered, Error as LogError, EventLog, Position, Record, TRACEPARENT, partition_for,
};
use fairlead_proto::decision::v1::DecisionRecord;
use prost::Message as _;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Error;
use crate::bounded_log::BoundedLog;
use crate::topics::{DECISIONS, key};

/// The first pause before records are appended again; they double up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Records appended in one call.
const BATCH: usize = 500;
/// Recent decisions whose positions are remembered.
const REMEMBERED: u64 = 200_000;
/// Records looked through, newest first, for a decision whose position is not remembered.
const LOOKED_THROUGH: i64 = 50_000;

/// Writes and finds decision records.
#[derive(Clone)]
pub(crate) struct DecisionLog {
    log: BoundedLog,
    waiting: mpsc::Sender<(String, Record)>,
    positions: moka::sync::Cache<String, Position>,
}

impl DecisionLog {
    /// Starts the writer in `tasks`. After `shutdown` it writes the records that still wait, then ends.
    pub(crate) fn start(
        log: Arc<dyn EventLog>,
        buffer: usize,
        tasks: &TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let (waiting, records) = mpsc::channel(buffer);
        let positions = moka::sync::Cache::new(REMEMBERED);
        tasks.spawn(write(log.clone(), records, positions.clone(), shutdown));
        Self {
            log: BoundedLog::new(log),
            waiting,
            positions,
        }
    }

    /// Puts a record into the writer's buffer. A full buffer sheds it and counts it.
    pub(crate) fn buffer(&self, decision: &DecisionRecord) {
        let outcome = match self.waiting.try_send(record(decision)) {
            Ok(()) => "buffered",
            Err(TrySendError::Full(_)) => "shed",
            Err(TrySendError::Closed(_)) => "closed",
        };
        metrics::counter!("fairlead_decision_records_total", "outcome" => outcome).increment(1);
        let free = self.waiting.capacity() as f64;
        metrics::gauge!("fairlead_decision_log_free").set(free);
    }

    /// Appends a record, and returns once the log has it durably.
    pub(crate) async fn append(
        &self,
        decision: &DecisionRecord,
        by: Deadline,
    ) -> Result<(), Error> {
        let (name, record) = record(decision);
        let appended = self.log.append(DECISIONS, vec![record], by).await?;
        if let Some(position) = appended.first() {
            self.positions.insert(name, *position);
        }
        Ok(())
    }

    /// Returns the record of a request.
    ///
    /// # Errors
    /// [`Error::UnknownRequest`] if it is not among the newest records.
    pub(crate) async fn find(
        &self,
        tenant: &TenantId,
        request_id: &RequestId,
        by: Deadline,
    ) -> Result<DecisionRecord, Error> {
        let name = key(tenant.as_str(), request_id.as_str());
        let found = match self.positions.get(&name) {
            Some(position) => {
                let read = self.log.read(DECISIONS, position, 1, by).await?;
                read.into_iter().next()
            }
            None => self.search(&name, by).await?,
        };
        found
            .and_then(|delivered| DecisionRecord::decode(delivered.record.payload).ok())
            .ok_or_else(|| Error::UnknownRequest(request_id.to_string()))
    }

    /// Looks through the newest records of the key's partition, and returns the key's, or `None`.
    async fn search(&self, name: &str, by: Deadline) -> Result<Option<Delivered>, Error> {
        let ranges = self.log.offsets(DECISIONS, by).await?;
        let partition = partition_for(name.as_bytes(), ranges.len() as i32);
        let Some(range) = ranges.iter().find(|range| range.partition == partition) else {
            return Ok(None);
        };
        let oldest = range.start.max(range.end - LOOKED_THROUGH);
        let mut until = range.end;
        while until > oldest {
            let from = oldest.max(until - BATCH as i64);
            let records = self.read_range(partition, from..until, by).await?;
            let found = records
                .into_iter()
                .find(|one| one.record.key.as_ref() == name.as_bytes());
            if found.is_some() {
                return Ok(found);
            }
            until = from;
        }
        Ok(None)
    }

    async fn read_range(
        &self,
        partition: i32,
        offsets: Range<i64>,
        by: Deadline,
    ) -> Result<Vec<Delivered>, Error> {
        let mut all = Vec::new();
        let mut offset = offsets.start;
        while offset < offsets.end {
            let from = Position { partition, offset };
            let records = self
                .log
                .read(DECISIONS, from, (offsets.end - offset) as usize, by)
                .await?;
            let Some(last) = records.last() else { break };
            offset = last.position.offset + 1;
            all.extend(records);
        }
        Ok(all)
    }
}

fn record(decision: &DecisionRecord) -> (String, Record) {
    let name = key(&decision.tenant, &decision.request_id);
    let record = Record::new(name.clone(), decision.encode_to_vec());
    let record = match trace_header() {
        Some((_, value)) => record.with_header(TRACEPARENT, value),
        None => record,
    };
    (name, record)
}

async fn write(
    log: Arc<dyn EventLog>,
    mut waiting: mpsc::Receiver<(String, Record)>,
    positions: moka::sync::Cache<String, Position>,
    shutdown: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let taken = tokio::select! {
            biased;
            taken = waiting.recv_many(&mut batch, BATCH) => taken,
            () = shutdown.cancelled() => {
                waiting.close();
                waiting.recv_many(&mut batch, BATCH).await
            }
        };
        if taken == 0 {
            return;
        }
        let (names, records): (Vec<String>, Vec<Record>) = batch.drain(..).unzip();
        match append(&*log, &records, &shutdown).await {
            Ok(appended) => names
                .into_iter()
                .zip(appended)
                .for_each(|(name, position)| positions.insert(name, position)),
            Err(error) => {
                let mut lost = names.len() as u64;
                if shutdown.is_cancelled() && error.is_transient() {
                    // The process ends and the log is away: it will not take the rest either.
                    waiting.close();
                    while waiting.try_recv().is_ok() {
                        lost += 1;
                    }
                }
                metrics::counter!("fairlead_decision_records_total", "outcome" => "lost")
                    .increment(lost);
                tracing::error!(%error, lost, "decision records not written");
            }
        }
    }
}

/// Appends records; a log that is away is waited for until `shutdown`, while the buffer fills. What
/// was written although the log did not say so is then there twice, under one request id.
async fn append(
    log: &dyn EventLog,
    records: &[Record],
    shutdown: &CancellationToken,
) -> Result<Vec<Position>, LogError> {
    let mut back_off = BackOff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let error = match log.append(DECISIONS, records.to_vec()).await {
            Ok(at) => return Ok(at),
            Err(error) => error,
        };
        // The topic is made as soon as the log is there.
        let may_come = error.is_transient() || matches!(error, LogError::UnknownTopic { .. });
        if !may_come || shutdown.is_cancelled() {
            return Err(error);
        }
        metrics::counter!("fairlead_decision_log_retries_total").increment(1);
        tracing::warn!(%error, waiting = records.len(), "decision records wait for the log");
        // Told to stop, it tries a last time.
        back_off.pause_unless(shutdown).await;
    }
}
