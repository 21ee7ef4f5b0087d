//! Retention: what may be dropped, and dropping it.
//!
//! A chunk goes when its retention time has passed since it was appended *and* every group that
//! is known for the partition has committed beyond it. Chunks go from the oldest on, so that a
//! partition never has a hole.

use std::collections::HashMap;

use redb::ReadableTable;

use super::chunk;
use super::command::{Done, Effect};
use super::directory::{Span, Topic};
use super::schema::PartitionId;
use super::store::StoreError;
use super::transaction::Transaction;

/// Chunks that one transaction drops at most, so that appends never wait long behind it.
const CHUNKS_PER_PASS: usize = 2_048;

/// Drops what may go, up to the limit of one pass.
pub(crate) fn run(txn: &mut Transaction<'_, '_>) -> Result<Done, StoreError> {
    let read_upto = slowest_groups(txn)?;
    let mut budget = CHUNKS_PER_PASS;
    let mut done = Done::default();
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
            txn.set_span(&topic, partition, Span { start: end, ..span });
        }
        if dropped > 0 {
            done.count += dropped;
            txn.note(Effect::Expired(topic, dropped));
        }
    }
    done.more = budget == 0;
    Ok(done)
}

/// For each partition that any group is known for, the lowest committed offset.
fn slowest_groups(txn: &Transaction<'_, '_>) -> Result<HashMap<PartitionId, u64>, StoreError> {
    let mut slowest = HashMap::new();
    for entry in txn.tables.groups.iter()? {
        let (key, offset) = entry?;
        let (_, topic, partition) = key.value();
        slowest
            .entry((topic, partition))
            .and_modify(|lowest: &mut u64| *lowest = offset.value().min(*lowest))
            .or_insert(offset.value());
    }
    Ok(slowest)
}

/// First and next offset of the chunks at the partition's old end that may go.
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
