//! Decision records for the bench of Explain: written to the log, from which the server's own indexer
//! takes them.

use std::ops::Range;

use fairlead_client::terminal::Bars;
use fairlead_event_log::{Record, partition_for};
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_server::{AppConfig, Server};
use prost::Message as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use ulid::Ulid;

/// The topic of decision records.
pub(super) const TOPIC: &str = "fairlead.decisions.v1";
const RECORDS_PER_APPEND: usize = 20_000;
/// Records with the content of a real answer, spread over all; the others have their ids alone, so that
/// the log fits on a disk.
const KNOWN: usize = 10_000;
/// The time over which the ids are spread, and its distance from now.
const SPAN_MS: u64 = 86_400_000;
const AGE_MS: u64 = 120_000;

/// The records that were written.
pub(super) struct Filled {
    /// Records to ask for.
    pub(super) known: Vec<KnownRecord>,
    /// The times in the ids, Unix milliseconds.
    pub(super) made_ms: Range<u64>,
}

/// A record with the content of a real answer.
pub(super) struct KnownRecord {
    pub(super) request_id: String,
    pub(super) log_name: String,
    pub(super) partition: i32,
}

/// Writes records whose ids are as gateways make them, in the order of their times. Some have the
/// content of `template`.
pub(super) async fn fill(
    server: &Server,
    config: &AppConfig,
    template: &DecisionRecord,
    records: usize,
    bars: &Bars,
) -> anyhow::Result<Filled> {
    let end_ms = server.clock.now_ms() as u64 - AGE_MS;
    let made_ms = end_ms - SPAN_MS..end_ms;
    let every = (records / KNOWN).max(1);
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut known = Vec::new();
    let bar = bars.bar("decision records", records as u64);
    let mut batch = Vec::with_capacity(RECORDS_PER_APPEND);
    for number in 0..records {
        let made = made_ms.start + SPAN_MS * number as u64 / records as u64;
        let request_id = Ulid::from_parts(made, random.next_u64().into()).to_string();
        let key = format!("{}/{request_id}", server.tenant);
        let partition = partition_for(key.as_bytes(), config.gateway.partitions);
        let mut content = DecisionRecord::default();
        if number.is_multiple_of(every) {
            content = template.clone();
            known.push(KnownRecord {
                request_id: request_id.clone(),
                log_name: config.stream.log_name.clone(),
                partition,
            });
        }
        content.request_id = request_id;
        let mut record = Record::new(key, content.encode_to_vec());
        record.timestamp_ms = made as i64;
        batch.push(record);
        if batch.len() == RECORDS_PER_APPEND || number + 1 == records {
            bar.inc(batch.len() as u64);
            server.log.append(TOPIC, std::mem::take(&mut batch)).await?;
        }
    }
    bar.finish();
    Ok(Filled { known, made_ms })
}
