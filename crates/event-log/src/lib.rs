//! Produce and consume events, over Apache Kafka or over a durable log embedded in the process.
//!
//! Callers hold an `Arc<dyn `[`EventLog`]`>` and cannot tell which of the two they got:
//! [`KafkaEventLog`] speaks to a cluster, [`EmbeddedEventLog`] keeps topics, partitions, offsets
//! and consumer groups in one file of the data folder. One conformance suite (`tests/it`) runs
//! against both.
//!
//! # Invariants
//! - [`EventLog::append`] answers only after every record is durable: on Kafka acknowledged by
//!   all in-sync replicas, in the embedded log flushed to the disk. What was acknowledged is
//!   there after `kill -9`.
//! - The key decides the partition, by the same hash in both ([`partition_for`]), the one of the
//!   Java client. One key's records are read in the order in which they were appended.
//! - Delivery is at least once: what was polled and not committed is delivered again after a
//!   crash or a rebalance. Consumers are idempotent.
//! - The ownership of partitions changes only inside [`Consumer::poll`], which reports it.
//! - The origin of a record is what its headers prove, or what its topic says ([`Provenance`]);
//!   what cannot be proven counts as an app's.
//! - A payload is opaque bytes: this crate does not decode, drop or repair it.
//!
//! # What this crate must not depend on
//! No other crate of this workspace but `fairlead-domain`: it knows nothing of features, products or
//! decisions. No
//! other crate depends on `rdkafka` or `redb`.

mod admission;
mod embedded;
mod error;
mod kafka;
mod log;
mod meters;
mod origin;
mod partitioner;
mod record;

pub use crate::admission::{FUTURE_TOLERANCE_MS, MAX_RECORD_BYTES};
pub use crate::embedded::{EmbeddedEventLog, EmbeddedOptions, GroupLag, WallClock};
pub use crate::error::{Cause, Error};
pub use crate::kafka::{Compression, KafkaEventLog, KafkaOptions};
pub use crate::log::{
    Consumer, ConsumerOptions, EventLog, PartitionOffsets, Poll, Start, TopicSpec,
};
pub use crate::origin::{
    EventTopic, ORIGIN, ORIGIN_KEY, ORIGIN_MAC, OriginKeyError, OriginKeys, Provenance,
};
pub use crate::partitioner::partition_for;
pub use crate::record::{Delivered, Position, Record, TRACEPARENT, TopicPartition};
