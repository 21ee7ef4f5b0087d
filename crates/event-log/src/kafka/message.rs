//! Conversion of the client's messages to [`Delivered`] records.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use rdkafka::Message;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers};

use crate::record::{Delivered, Position, Record};

/// One shared name per topic, so that records do not carry copies.
#[derive(Debug, Default)]
pub(crate) struct TopicNames(HashMap<String, Arc<str>>);

impl TopicNames {
    pub(crate) fn intern(&mut self, name: &str) -> Arc<str> {
        if let Some(interned) = self.0.get(name) {
            return Arc::clone(interned);
        }
        let interned: Arc<str> = name.into();
        self.0.insert(name.to_owned(), Arc::clone(&interned));
        interned
    }
}

/// Copies a message out of the client's memory.
pub(crate) fn delivered(message: &BorrowedMessage<'_>, names: &mut TopicNames) -> Delivered {
    let bytes = |part: Option<&[u8]>| part.map_or_else(Bytes::new, Bytes::copy_from_slice);
    Delivered {
        topic: names.intern(message.topic()),
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

/// Returns a header's name and value, or `None` if its name is not UTF-8. The client panics on
/// such a name, which other producers may send; the rest of the message is delivered.
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
