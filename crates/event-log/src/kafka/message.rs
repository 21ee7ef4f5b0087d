//! From the client's messages to ours.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use rdkafka::Message;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers};

use crate::record::{Delivered, Position, Record};

/// One shared name per topic, so that a record does not carry its own copy.
#[derive(Debug, Default)]
pub(crate) struct TopicNames(HashMap<String, Arc<str>>);

impl TopicNames {
    pub(crate) fn shared(&mut self, name: &str) -> Arc<str> {
        if let Some(shared) = self.0.get(name) {
            return Arc::clone(shared);
        }
        let shared: Arc<str> = name.into();
        self.0.insert(name.to_owned(), Arc::clone(&shared));
        shared
    }
}

/// Copies a message out of the client.
pub(crate) fn delivered(message: &BorrowedMessage<'_>, names: &mut TopicNames) -> Delivered {
    let bytes = |part: Option<&[u8]>| part.map_or_else(Bytes::new, Bytes::copy_from_slice);
    Delivered {
        topic: names.shared(message.topic()),
        position: Position {
            partition: message.partition(),
            offset: message.offset(),
        },
        record: Record {
            key: bytes(message.key()),
            payload: bytes(message.payload()),
            headers: message.headers().map(headers).unwrap_or_default(),
            timestamp_ms: message.timestamp().to_millis().unwrap_or(0),
        },
    }
}

fn headers(headers: &BorrowedHeaders) -> Vec<(String, Bytes)> {
    (0..headers.count())
        .filter_map(|index| header(headers, index))
        .collect()
}

/// A foreign producer may name a header with bytes that are no UTF-8, at which the client
/// panics. Such a header cannot be carried; the rest of the message is.
fn header(headers: &BorrowedHeaders, index: usize) -> Option<(String, Bytes)> {
    let read = || {
        let header = headers.try_get(index)?;
        let value = header.value.map_or_else(Bytes::new, Bytes::copy_from_slice);
        Some((header.key.to_owned(), value))
    };
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        tracing::warn!("a header whose name is not UTF-8 was left out");
        None
    })
}
