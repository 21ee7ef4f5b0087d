//! Retention: dropping expired chunks.
//!
//! A chunk is dropped when its retention time has passed since the append *and* every group
//! registered for the partition has committed an offset beyond it. Chunks are dropped from the
//! oldest on, so that a partition never has a gap.

use std::collections::HashMap;

use redb::ReadableTable;

use super::chunk;
use super::command::{Completion, Effect};
use super::metadata::{OffsetSpan, Topic};
use super::schema::PartitionId;
use super::store::StoreError;
use super::transaction::Transaction;

/// The most chunks that one transaction drops, so that appends do not wait long for it.
const CHUNKS_PER_PASS: usize = 2_048;

/// Drops expired chunks, up to the limit of one pass.
pub(crate) fn drop_expired(txn: &mut Transaction<'_, '_>) -> Result<Completion, StoreError> {
    let read_upto = lowest_committed(txn)?;
    let mut budget = CHUNKS_PER_PASS;
    let mut done = Completion::default();
    for topic in txn.topics() {
        let mut dropped = 0;
        for partition in 0..topic.partitions() {
            let limit = read_upto.get(&(topic.id, partition)).copied();
            let expired = expired_chunks(txn, &topic, partition, limit, budget)?;
            let Some((_, end)) = expired.last().copied() else {
                continue;
            };
            budget -= expired.len();
            for (first, _) in expired {
                txn.tables.chunks.remove((topic.id, partition, first))?;
            }
            let span = txn.span(&topic, partition);
            dropped += end - span.start;
            txn.set_span(&topic, partition, OffsetSpan { start: end, ..span });
        }
        if dropped > 0 {
            done.count += dropped;
            txn.add_effect(Effect::Expired(topic, dropped));
        }
    }
    done.more = budget == 0;
    Ok(done)
}

/// Returns the lowest committed offset of each partition for which any group is registered.
fn lowest_committed(txn: &Transaction<'_, '_>) -> Result<HashMap<PartitionId, u64>, StoreError> {
    let mut lowest_offsets = HashMap::new();
    for entry in txn.tables.groups.iter()? {
        let (key, offset) = entry?;
        let (_, topic, partition) = key.value();
        lowest_offsets
            .entry((topic, partition))
            .and_modify(|lowest: &mut u64| *lowest = offset.value().min(*lowest))
            .or_insert(offset.value());
    }
    Ok(lowest_offsets)
}

/// Returns the first and the next offset of each chunk that may be dropped, oldest first.
fn expired_chunks(
    txn: &Transaction<'_, '_>,
    topic: &Topic,
    partition: u32,
    read_upto: Option<u64>,
    at_most: usize,
) -> Result<Vec<(u64, u64)>, StoreError> {
    let retention_ms = i64::try_from(topic.retention_ms()).unwrap_or(i64::MAX);
    let mut expired = Vec::new();
    let all = (topic.id, partition, 0)..=(topic.id, partition, u64::MAX);
    for entry in txn.tables.chunks.range(all)?.take(at_most) {
        let (key, value) = entry?;
        let (_, _, first) = key.value();
        let header = chunk::read_header(value.value())?;
        let end = first + u64::from(header.records);
        let old = header.appended_at_ms.saturating_add(retention_ms) <= txn.now_ms;
        let read = read_upto.is_none_or(|upto| end <= upto);
        if !(old && read) {
            break;
        }
        expired.push((first, end));
    }
    Ok(expired)
}
