//! Short forms of content that is too long for an audit row.

use prost::Message;
use sha2::{Digest, Sha256};

/// The most ids that an audit row lists; their number is always given.
const MAX_LISTED: usize = 100;

/// Returns the SHA-256, in hex, of a message's deterministic encoding.
pub(crate) fn fingerprint(message: &impl Message) -> String {
    hex::encode(Sha256::digest(message.encode_to_vec()))
}

/// Returns the number of ids and the first hundred of them.
pub(crate) fn listed<'i>(ids: impl ExactSizeIterator<Item = &'i str>) -> serde_json::Value {
    let count = ids.len();
    let first: Vec<&str> = ids.take(MAX_LISTED).collect();
    serde_json::json!({ "count": count, "ids": first })
}
