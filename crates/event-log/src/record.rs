//! Records as they are appended and delivered.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

/// The header that carries a W3C trace context, so that consumers continue the producer's trace.
pub const TRACEPARENT: &str = "traceparent";

/// One record of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The key. It decides the partition; records of one key stay in order. An empty key is a key
    /// like any other: all its records go to one partition.
    pub key: Bytes,
    /// The content, carried unchanged. It may be empty; a Kafka tombstone (a null value) is
    /// delivered as an empty payload.
    pub payload: Bytes,
    /// Names and values, in order, carried unchanged. A name may occur twice.
    pub headers: Vec<(String, Bytes)>,
    /// The time of creation in milliseconds since the Unix epoch, by the clock of the server that
    /// appends the record. A time that a device reports belongs in the payload: brokers refuse
    /// timestamps in the future.
    pub timestamp_ms: i64,
}

impl Record {
    /// Returns a record with the current time as its timestamp and no headers.
    pub fn new(key: impl Into<Bytes>, payload: impl Into<Bytes>) -> Self {
        Self {
            key: key.into(),
            payload: payload.into(),
            headers: Vec::new(),
            timestamp_ms: wall_clock_ms(),
        }
    }

    /// Returns the record with one more header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Returns the value of the first header with this name, or `None` if there is none.
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers
            .iter()
            .find_map(|(candidate, value)| (candidate == name).then_some(value))
    }

    /// Returns the bytes of key, payload and headers together, which
    /// [`crate::MAX_RECORD_BYTES`] limits.
    pub fn size(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        self.key.len() + self.payload.len() + headers
    }
}

/// A position in a topic: of a record or, where documented, of the next record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The partition, from 0.
    pub partition: i32,
    /// The offset in the partition, from 0.
    pub offset: i64,
}

/// One partition of one topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition, from 0.
    pub partition: i32,
}

/// A record as read, with its topic and position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The topic.
    pub topic: Arc<str>,
    /// The record's partition and offset. The next offset to read is `offset + 1`.
    pub position: Position,
    /// The record. Its bytes may share one allocation with other records: copy what is kept for
    /// long.
    pub record: Record,
}

/// Returns the milliseconds since the Unix epoch, or 0 if the clock is set before it.
pub(crate) fn wall_clock_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_counts_key_payload_and_headers() {
        let record = Record::new("ab", "cde").with_header("n", "value");
        assert_eq!(record.size(), 2 + 3 + 1 + 5);
    }

    #[test]
    fn header_finds_the_first_of_its_name() {
        let record = Record::new("", "")
            .with_header(TRACEPARENT, "first")
            .with_header(TRACEPARENT, "second");
        assert_eq!(record.header(TRACEPARENT), Some(&Bytes::from("first")));
        assert_eq!(record.header("tracestate"), None);
    }
}
