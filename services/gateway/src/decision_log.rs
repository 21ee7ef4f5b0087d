//! The decision log. Records of recommendations go through a bounded buffer: while the log is away they
//! wait in it, and what it cannot hold is shed and counted. The record of a firm quote, and that of its
//! acceptance, is acknowledged before the call is answered.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::back_off::BackOff;
use fairlead_chassis::deadline::Deadline;
use fairlead_chassis::telemetry::trace_header;
use fairlead_domain::{RequestId, TenantId};
use fairlead_event_log::{Error as LogError, EventLog, Position, Record, TRACEPARENT};
use fairlead_proto::decision::v1::DecisionRecord;
use moka::policy::EvictionPolicy;
use prost::Message as _;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Error;
use crate::bounded_log::BoundedLog;
use crate::topics::{ACCEPTANCES, DECISIONS, key};

/// The first pause before records are appended again; they double up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Records appended in one call.
const BATCH: usize = 500;
/// Recent decisions whose placements are remembered.
const REMEMBERED: u64 = 200_000;

/// Writes decision records, and remembers where the newest are.
#[derive(Clone)]
pub(crate) struct DecisionLog {
    log: BoundedLog,
    waiting: mpsc::Sender<(String, Record)>,
    placements: Placements,
    /// Records of firm quotes and acceptances that were appended here, or are being appended.
    gates: moka::sync::Cache<String, Arc<Mutex<bool>>>,
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
        // The newest are asked for: no frequency of use decides what is forgotten.
        let placements = moka::sync::Cache::builder()
            .max_capacity(REMEMBERED)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        tasks.spawn(write(log.clone(), records, placements.clone(), shutdown));
        Self {
            log: BoundedLog::new(log),
            waiting,
            placements,
            gates: moka::sync::Cache::new(REMEMBERED),
        }
    }

    /// Puts a record into the writer's buffer. A full buffer sheds it and counts it.
    pub(crate) fn buffer(&self, decision: &DecisionRecord) {
        let (name, record) = record(decision);
        // Before the writer can have it: what it notes comes after.
        self.placements.insert(name.clone(), Placement::Waiting);
        let outcome = match self.waiting.try_send((name, record)) {
            Ok(()) => "buffered",
            Err(TrySendError::Full((name, _))) => {
                self.placements.invalidate(&name);
                "shed"
            }
            Err(TrySendError::Closed((name, _))) => {
                self.placements.invalidate(&name);
                "closed"
            }
        };
        metrics::counter!("fairlead_decision_records_total", "outcome" => outcome).increment(1);
        let free = self.waiting.capacity() as f64;
        metrics::gauge!("fairlead_decision_log_free").set(free);
    }

    /// Appends the record of a firm quote or its refusal, and returns once the log has it durably. What
    /// this gateway appended before it does not append again; of concurrent calls one appends.
    pub(crate) async fn append_once(
        &self,
        decision: &DecisionRecord,
        by: Deadline,
    ) -> Result<(), Error> {
        let (name, record) = record(decision);
        let appended = self.once(DECISIONS, name.clone(), record, by).await?;
        if let Some(position) = appended {
            let placement = Placement::Logged(position);
            self.placements.insert(name, placement);
        }
        Ok(())
    }

    /// The same for the record of an acceptance, whose topic is kept as long as the law asks. One
    /// customer's acceptances stay in order.
    pub(crate) async fn append_acceptance(
        &self,
        decision: &DecisionRecord,
        by: Deadline,
    ) -> Result<(), Error> {
        let quote = decision.quote.as_ref().map_or("", |quote| &quote.quote_id);
        let name = format!("accepted {}", key(&decision.tenant, quote));
        let record = with_trace(Record::new(
            key(&decision.tenant, &decision.customer_id),
            decision.encode_to_vec(),
        ));
        self.once(ACCEPTANCES, name, record, by).await?;
        Ok(())
    }

    /// Appends a record unless one of this name was appended here; returns its position if it was
    /// appended now.
    async fn once(
        &self,
        topic: &str,
        name: String,
        record: Record,
        by: Deadline,
    ) -> Result<Option<Position>, Error> {
        let gate = self.gates.get_with(name, Arc::default);
        let turn = tokio::time::timeout_at(by.instant().into(), gate.lock());
        let mut done = turn.await.map_err(|_| Error::LogLate)?;
        if *done {
            return Ok(None);
        }
        let appended = self.log.append(topic, vec![record], by).await?;
        *done = true;
        Ok(appended.first().copied())
    }

    /// Returns where the record of a request is that this gateway answered lately, or `None` if it
    /// remembers none.
    pub(crate) fn recent(&self, tenant: &TenantId, request_id: &RequestId) -> Option<Placement> {
        self.placements
            .get(&key(tenant.as_str(), request_id.as_str()))
    }
}

/// Where a record is that this gateway wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// In the buffer, or on its way to the log.
    Waiting,
    /// In the log.
    Logged(Position),
}

type Placements = moka::sync::Cache<String, Placement>;

fn record(decision: &DecisionRecord) -> (String, Record) {
    let name = key(&decision.tenant, &decision.request_id);
    let record = Record::new(name.clone(), decision.encode_to_vec());
    (name, with_trace(record))
}

fn with_trace(record: Record) -> Record {
    match trace_header() {
        Some((_, value)) => record.with_header(TRACEPARENT, value),
        None => record,
    }
}

async fn write(
    log: Arc<dyn EventLog>,
    mut waiting: mpsc::Receiver<(String, Record)>,
    placements: Placements,
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
                .for_each(|(name, position)| placements.insert(name, Placement::Logged(position))),
            Err(error) => {
                let mut lost = names.len() as u64;
                for name in &names {
                    placements.invalidate(name);
                }
                if shutdown.is_cancelled() && error.is_transient() {
                    // The process ends and the log is away: it will not take the rest either.
                    waiting.close();
                    while let Ok((name, _)) = waiting.try_recv() {
                        placements.invalidate(&name);
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
