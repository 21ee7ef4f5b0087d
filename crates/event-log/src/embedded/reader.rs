//! Reads of offset ranges. They run on blocking threads.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use redb::ReadTransaction;

use super::chunk::{ChunkRecords, HEADER_BYTES};
use super::metadata::Topic;
use super::schema::CHUNKS;
use super::store::StoreError;
use crate::record::{Delivered, Position};

/// The number of records and bytes that one read may still return.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadBudget {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

impl ReadBudget {
    pub(crate) fn is_spent(&self) -> bool {
        self.records == 0 || self.bytes == 0
    }

    fn spend(&mut self, record_bytes: usize) {
        self.records -= 1;
        self.bytes = self.bytes.saturating_sub(record_bytes);
    }
}

/// A range of offsets of one partition.
pub(crate) struct PartitionRange {
    pub(crate) topic: Arc<Topic>,
    pub(crate) partition: u32,
    pub(crate) offsets: Range<u64>,
}

/// Appends the records of `range` to `out` as far as the budget allows (at least one, if there is
/// any), and returns the next offset to read.
pub(crate) fn read_partition(
    txn: &ReadTransaction,
    range: &PartitionRange,
    budget: &mut ReadBudget,
    out: &mut Vec<Delivered>,
) -> Result<u64, StoreError> {
    let (topic, partition) = (&range.topic, range.partition);
    let Range {
        start: mut next,
        end,
    } = range.offsets;
    let chunks = txn.open_table(CHUNKS)?;
    // The chunk with the first offset is the last chunk that begins at or before it.
    let before = (topic.id, partition, 0)..=(topic.id, partition, next);
    let first = chunks.range(before)?.next_back().transpose()?;
    let first = first.map_or(next, |(key, _)| key.value().2);
    let all = (topic.id, partition, first)..(topic.id, partition, end);
    for entry in chunks.range(all)? {
        if budget.is_spent() {
            break;
        }
        let (key, value) = entry?;
        let mut offset = key.value().2;
        let mut records = ChunkRecords::new(Bytes::copy_from_slice(value.value()))?;
        if offset < next {
            records.skip_records(next - offset)?;
            offset = next;
        }
        while !budget.is_spent() && offset < end {
            let Some(record) = records.next_record()? else {
                break;
            };
            budget.spend(record.size() + HEADER_BYTES);
            out.push(Delivered {
                topic: topic.name.clone(),
                // Both stay far below their signed limits.
                position: Position {
                    partition: partition.cast_signed(),
                    offset: offset.cast_signed(),
                },
                record,
            });
            offset += 1;
            next = offset;
        }
    }
    Ok(next)
}
