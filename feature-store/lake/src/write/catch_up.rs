//! Writing all records that the log holds now, outside any group.

use fairlead_event_log::{PartitionOffsets, Position, TopicPartition};

use super::batch::{self, PartitionBuffer, RollCause, RollOutcome};
use super::{Deps, start_within_log};
use crate::config::{Config, Topics};
use crate::error::Error;
use crate::rows::RecordKind;
use crate::store::Store;

/// The most records of one read.
const READ_RECORDS: usize = 2_000;

/// Writes all records that the log holds when this is called, and returns their number. Other
/// writers may run at the same time: the ledger gives each offset to one of them.
pub async fn catch_up(config: &Config, topics: &Topics, deps: &Deps) -> Result<u64, Error> {
    config.check()?;
    let mut written = 0;
    for (topic, kind) in [
        (&topics.events, RecordKind::Events),
        (&topics.decisions, RecordKind::Decisions),
        (&topics.acceptances, RecordKind::Decisions),
    ] {
        for kept in deps.log.offsets(topic).await? {
            let source = TopicPartition {
                topic: topic.as_str().into(),
                partition: kept.partition,
            };
            written += partition(config, deps, source, kind, kept).await?;
        }
    }
    Ok(written)
}

async fn partition(
    config: &Config,
    deps: &Deps,
    source: TopicPartition,
    kind: RecordKind,
    kept: PartitionOffsets,
) -> Result<u64, Error> {
    let Deps { log, store, clock } = deps;
    let mut written = 0;
    let reopen = || async {
        let mut waiting = batch::open(store, &**log, source.clone(), kind).await?;
        start_within_log(store, &mut waiting, kept)?;
        Ok::<PartitionBuffer, Error>(waiting)
    };
    let mut waiting = reopen().await?;
    loop {
        let records = if waiting.seen < kept.end {
            let from = Position {
                partition: source.partition,
                offset: waiting.seen,
            };
            log.read(&source.topic, from, READ_RECORDS).await?
        } else {
            Vec::new()
        };
        for record in &records {
            waiting.push(record, clock.now_ms());
            let due = waiting.due(config, clock.now_ms());
            if let Some(cause) = due
                && !roll(store, &mut waiting, cause, &mut written).await?
            {
                waiting = reopen().await?;
                break;
            }
        }
        if records.is_empty() {
            if waiting.is_empty() {
                return Ok(written);
            }
            if !roll(store, &mut waiting, RollCause::Stop, &mut written).await? {
                waiting = reopen().await?;
            }
        }
    }
}

/// Writes the waiting records and adds their number to `written`. Returns false if another writer
/// claimed these offsets.
async fn roll(
    store: &Store,
    waiting: &mut PartitionBuffer,
    cause: RollCause,
    written: &mut u64,
) -> Result<bool, Error> {
    let count = u64::try_from(waiting.seen - waiting.next).unwrap_or(0);
    let is_written = batch::roll(store, waiting, cause).await? == RollOutcome::Written;
    if is_written {
        *written += count;
    }
    Ok(is_written)
}
