//! What audit rows say of content that is too long for them.

use prost::Message;
use sha2::{Digest, Sha256};

/// The most ids that an audit row lists; beyond it says how many there are.
const MAX_LISTED: usize = 100;

/// SHA-256, hex, of a message's deterministic encoding.
pub(crate) fn fingerprint(message: &impl Message) -> String {
    hex::encode(Sha256::digest(message.encode_to_vec()))
}

/// The first hundred ids, and how many there are.
pub(crate) fn listed<'i>(ids: impl ExactSizeIterator<Item = &'i str>) -> serde_json::Value {
    let count = ids.len();
    let first: Vec<&str> = ids.take(MAX_LISTED).collect();
    serde_json::json!({ "count": count, "ids": first })
}
