//! Dead letters: records that cannot be applied, with their cause.

use fairlead_event_log::{Delivered, Record, TRACEPARENT};
use fairlead_proto::event::v1::DeadLetter;
use prost::Message as _;

/// The most bytes of a payload that a dead letter keeps.
pub const MAX_PAYLOAD_BYTES: usize = 64 << 10;

/// Returns the record for the dead-letter topic. It keeps the key and the trace of the original.
pub(crate) fn record(delivered: &Delivered, cause: String, now_ms: i64) -> Record {
    let original = &delivered.record;
    let kept = original.payload.len().min(MAX_PAYLOAD_BYTES);
    let letter = DeadLetter {
        topic: delivered.topic.to_string(),
        partition: delivered.position.partition,
        offset: delivered.position.offset,
        cause,
        at_ms: now_ms,
        payload: original.payload.slice(..kept).into(),
        payload_length: i64::try_from(original.payload.len()).unwrap_or(i64::MAX),
    };
    // The key may be invalid, too: one that is longer than ids can be is left out.
    let key = if original.key.len() <= 1_024 {
        original.key.clone()
    } else {
        bytes::Bytes::new()
    };
    let record = Record::new(key, letter.encode_to_vec());
    match original.header(TRACEPARENT) {
        Some(trace) if trace.len() <= 128 => record.with_header(TRACEPARENT, trace.clone()),
        _ => record,
    }
}
