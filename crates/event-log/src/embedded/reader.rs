//! Reading ranges of offsets. Runs on blocking threads.

use bytes::Bytes;
use redb::ReadTransaction;

use super::chunk::{HEADER_BYTES, Records};
use super::directory::Topic;
use super::schema::CHUNKS;
use super::store::StoreError;
use crate::record::{Delivered, Position};

/// How much one read may still return.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

impl Budget {
    pub(crate) fn is_spent(&self) -> bool {
        self.records == 0 || self.bytes == 0
    }

    fn spend(&mut self, record_bytes: usize) {
        self.records -= 1;
        self.bytes = self.bytes.saturating_sub(record_bytes);
    }
}

/// Adds to `out` the records of a partition with offsets in `from..upto` as far as the budget
/// goes (at least one, if any is there), and returns the next offset to read.
pub(crate) fn read_partition(
    txn: &ReadTransaction,
    topic: &Topic,
    partition: u32,
    range: std::ops::Range<u64>,
    budget: &mut Budget,
    out: &mut Vec<Delivered>,
) -> Result<u64, StoreError> {
    let mut next = range.start;
    let chunks = txn.open_table(CHUNKS)?;
    // The chunk that holds `from` is the last one to begin at or before it.
    let before = (topic.id, partition, 0)..=(topic.id, partition, next);
    let first = chunks.range(before)?.next_back().transpose()?;
    let first = first.map_or(next, |(key, _)| key.value().2);
    let all = (topic.id, partition, first)..(topic.id, partition, range.end);
    for entry in chunks.range(all)? {
        if budget.is_spent() {
            break;
        }
        let (key, value) = entry?;
        let mut offset = key.value().2;
        let mut records = Records::of(Bytes::copy_from_slice(value.value()))?;
        if offset < next {
            records.skip_records(next - offset)?;
            offset = next;
        }
        while !budget.is_spent() && offset < range.end {
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
