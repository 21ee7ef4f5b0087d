//! What is known of an owned partition.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fairlead_online::{EntityKey, Field, SourcePartition, Write};

use crate::cache::Cache;

/// An owned partition. Offsets here are those of the next record, as in commits, unless they are
/// called marks.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) number: i32,
    pub(crate) source: SourcePartition,
    pub(crate) cache: Cache,
    /// Whether it was found out where to read from. Until then its records are dropped.
    pub(crate) synced: bool,
    /// The mark of the progress note in the store.
    pub(crate) noted_mark: Option<i64>,
    /// The safe offset in that note.
    noted_safe: i64,
    /// Everything below was applied; dead letters below were written.
    pub(crate) next: i64,
    /// Everything below has been acknowledged for long enough.
    pub(crate) safe: i64,
    /// Offsets and when everything below them was acknowledged, ascending.
    acknowledged: VecDeque<(Instant, i64)>,
}

impl Partition {
    pub(crate) fn new(number: i32, log_name: &str) -> Self {
        Self {
            number,
            source: SourcePartition::new(log_name, number),
            cache: Cache::default(),
            synced: false,
            noted_mark: None,
            noted_safe: 0,
            next: 0,
            safe: 0,
            acknowledged: VecDeque::new(),
        }
    }

    /// Nothing that was held in memory counts any more.
    pub(crate) fn forget(&mut self) {
        self.cache.clear();
        self.acknowledged.clear();
        self.synced = false;
    }

    /// Takes what the store noted; reading begins at `from`.
    pub(crate) fn begin(&mut self, note: Option<&Field>, from: i64) {
        self.noted_mark = note.map(|field| field.mark);
        self.noted_safe = note.map_or(from, safe_of);
        self.next = note
            .map_or(from, |field| field.mark.saturating_add(1))
            .max(from);
        self.safe = from;
        self.acknowledged.clear();
        self.synced = true;
    }

    /// Everything below `next` was acknowledged just now.
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

    /// Moves what is safe on to what was acknowledged `lag` ago; says whether it moved.
    pub(crate) fn settle(&mut self, lag: Duration, now: Instant) -> bool {
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

    /// The progress note to be written, where it differs from the one that stands.
    pub(crate) fn note(&self, key: &EntityKey) -> Option<Write> {
        let mark = self.next - 1;
        if mark < 0 || (self.noted_mark == Some(mark) && self.noted_safe == self.safe) {
            return None;
        }
        Some(Write {
            key: key.clone(),
            source: self.source.clone(),
            expected_mark: self.noted_mark,
            mark,
            state: Bytes::copy_from_slice(&self.safe.to_be_bytes()),
            ttl: None,
        })
    }

    /// The note was written.
    pub(crate) fn noted(&mut self, write_mark: i64) {
        self.noted_mark = Some(write_mark);
        self.noted_safe = self.safe;
    }
}

/// Where to read from again, as a note says; where it is unreadable, behind its mark.
pub(crate) fn safe_of(note: &Field) -> i64 {
    let safe = note
        .state
        .first_chunk::<8>()
        .map(|bytes| i64::from_be_bytes(*bytes));
    safe.unwrap_or(note.mark)
        .clamp(0, note.mark.saturating_add(1).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_long_enough_is_safe() {
        let lag = Duration::from_secs(2);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut partition = Partition::new(0, "log");
        partition.begin(None, 5);
        partition.acknowledge(10, at(0));
        partition.acknowledge(20, at(1));
        assert!(!partition.settle(lag, at(1)));
        assert!(partition.settle(lag, at(2)));
        assert_eq!((partition.safe, partition.next), (10, 20));
        assert!(partition.settle(lag, at(60)));
        assert_eq!(partition.safe, 20);
    }

    #[test]
    fn a_note_says_what_changed() {
        let key = EntityKey::progress("group", "topic");
        let mut partition = Partition::new(3, "log");
        partition.begin(None, 0);
        assert_eq!(partition.note(&key), None, "nothing was applied yet");
        partition.acknowledge(7, Instant::now());
        let write = partition.note(&key).expect("a note");
        assert_eq!((write.expected_mark, write.mark), (None, 6));
        partition.noted(write.mark);
        assert_eq!(partition.note(&key), None);
        partition.settle(Duration::ZERO, Instant::now());
        let write = partition.note(&key).expect("what is safe moved");
        assert_eq!((write.expected_mark, write.mark), (Some(6), 6));
        let field = Field {
            mark: write.mark,
            state: write.state,
        };
        assert_eq!(safe_of(&field), 7);
    }

    #[test]
    fn a_note_that_cannot_be_read_reads_again_rather_than_skipping() {
        let note = |mark, state: &'static [u8]| Field {
            mark,
            state: Bytes::from_static(state),
        };
        assert_eq!(safe_of(&note(9, b"")), 9);
        assert_eq!(safe_of(&note(9, &[0xff; 8])), 0);
        assert_eq!(safe_of(&note(9, &[0x7f; 8])), 10);
    }
}
