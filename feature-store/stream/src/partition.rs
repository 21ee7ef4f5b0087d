//! The state of an owned partition: its offsets, its checkpoint and its cache.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fairlead_online::{EntityKey, Field, SourcePartition, Write};

use crate::cache::Cache;

/// An owned partition. Its offsets are those of the next record, as in commits, except
/// `checkpoint_offset`, which is that of the last record applied.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) number: i32,
    pub(crate) source: SourcePartition,
    pub(crate) cache: Cache,
    /// True once the offset to read from is known. Until then its records are dropped.
    pub(crate) synced: bool,
    /// The offset of the checkpoint in the store, or `None` if there is no checkpoint.
    pub(crate) checkpoint_offset: Option<i64>,
    /// The safe offset in the checkpoint.
    checkpoint_safe: i64,
    /// The offset below which all records are applied and their dead letters written.
    pub(crate) next: i64,
    /// The offset below which all records have been acknowledged for long enough.
    pub(crate) safe: i64,
    /// Times, ascending, each with the offset below which all records were acknowledged then.
    acknowledged: VecDeque<(Instant, i64)>,
}

impl Partition {
    pub(crate) fn new(number: i32, log_name: &str) -> Self {
        Self {
            number,
            source: SourcePartition::new(log_name, number),
            cache: Cache::default(),
            synced: false,
            checkpoint_offset: None,
            checkpoint_safe: 0,
            next: 0,
            safe: 0,
            acknowledged: VecDeque::new(),
        }
    }

    /// Drops what is held in memory, so that the partition must be synced again.
    pub(crate) fn reset(&mut self) {
        self.cache.clear();
        self.acknowledged.clear();
        self.synced = false;
    }

    /// Starts reading at `from`, with the checkpoint that the store holds.
    pub(crate) fn start(&mut self, checkpoint: Option<&Field>, from: i64) {
        self.checkpoint_offset = checkpoint.map(|field| field.offset);
        self.checkpoint_safe = checkpoint.map_or(from, safe_offset);
        self.next = checkpoint
            .map_or(from, |field| field.offset.saturating_add(1))
            .max(from);
        self.safe = from;
        self.acknowledged.clear();
        self.synced = true;
    }

    /// Records that the store has acknowledged everything below `next`.
    pub(crate) fn acknowledge(&mut self, next: i64, now: Instant) {
        if next > self.next {
            self.next = next;
        }
        if self
            .acknowledged
            .back()
            .is_none_or(|(_, last)| *last < next)
        {
            self.acknowledged.push_back((now, next));
        }
    }

    /// Advances the safe offset to what was acknowledged `lag` ago. Returns true if it moved.
    pub(crate) fn advance_safe(&mut self, lag: Duration, now: Instant) -> bool {
        let before = self.safe;
        while let Some((at, next)) = self.acknowledged.front() {
            if now.duration_since(*at) < lag {
                break;
            }
            self.safe = self.safe.max(*next);
            self.acknowledged.pop_front();
        }
        self.safe != before
    }

    /// Returns the write of a new checkpoint, or `None` if it would equal the stored one.
    pub(crate) fn checkpoint(&self, key: &EntityKey) -> Option<Write> {
        let offset = self.next - 1;
        let unchanged = self.checkpoint_offset == Some(offset) && self.checkpoint_safe == self.safe;
        if offset < 0 || unchanged {
            return None;
        }
        Some(Write {
            key: key.clone(),
            source: self.source.clone(),
            expected_offset: self.checkpoint_offset,
            offset,
            state: Bytes::copy_from_slice(&self.safe.to_be_bytes()),
            ttl: None,
        })
    }

    /// Records that the checkpoint with this offset was written.
    pub(crate) fn checkpoint_written(&mut self, offset: i64) {
        self.checkpoint_offset = Some(offset);
        self.checkpoint_safe = self.safe;
    }
}

/// Returns the safe offset of a checkpoint, or its own offset if the safe one is unreadable.
pub(crate) fn safe_offset(checkpoint: &Field) -> i64 {
    let safe = checkpoint
        .state
        .first_chunk::<8>()
        .map(|bytes| i64::from_be_bytes(*bytes));
    safe.unwrap_or(checkpoint.offset)
        .clamp(0, checkpoint.offset.saturating_add(1).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_safe_after_the_lag() {
        let lag = Duration::from_secs(2);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut partition = Partition::new(0, "log");
        partition.start(None, 5);
        partition.acknowledge(10, at(0));
        partition.acknowledge(20, at(1));
        assert!(!partition.advance_safe(lag, at(1)));
        assert!(partition.advance_safe(lag, at(2)));
        assert_eq!((partition.safe, partition.next), (10, 20));
        assert!(partition.advance_safe(lag, at(60)));
        assert_eq!(partition.safe, 20);
    }

    #[test]
    fn a_checkpoint_is_written_when_an_offset_changed() {
        let key = EntityKey::progress("group", "topic");
        let mut partition = Partition::new(3, "log");
        partition.start(None, 0);
        assert_eq!(partition.checkpoint(&key), None, "nothing was applied yet");
        partition.acknowledge(7, Instant::now());
        let write = partition.checkpoint(&key).expect("a checkpoint");
        assert_eq!((write.expected_offset, write.offset), (None, 6));
        partition.checkpoint_written(write.offset);
        assert_eq!(partition.checkpoint(&key), None);
        partition.advance_safe(Duration::ZERO, Instant::now());
        let write = partition.checkpoint(&key).expect("the safe offset moved");
        assert_eq!((write.expected_offset, write.offset), (Some(6), 6));
        let field = Field {
            offset: write.offset,
            state: write.state,
        };
        assert_eq!(safe_offset(&field), 7);
    }

    #[test]
    fn an_unreadable_checkpoint_never_skips_records() {
        let checkpoint = |offset, state: &'static [u8]| Field {
            offset,
            state: Bytes::from_static(state),
        };
        assert_eq!(safe_offset(&checkpoint(9, b"")), 9);
        assert_eq!(safe_offset(&checkpoint(9, &[0xff; 8])), 0);
        assert_eq!(safe_offset(&checkpoint(9, &[0x7f; 8])), 10);
    }
}
