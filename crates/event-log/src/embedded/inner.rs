//! The state that the log's handle and its consumers share.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

use super::EmbeddedOptions;
use super::chunk::EncodedRecords;
use super::command::{Command, Completion, Operation, PartitionRecords};
use super::membership::Membership;
use super::metadata::{MetadataCache, Topic};
use super::space::FreeSpace;
use super::store::Store;
use super::writer::{self, Writer};
use crate::admission::{check_records, check_topic};
use crate::error::Error;
use crate::meters::Meters;
use crate::partitioner::partition_for;
use crate::record::{Position, Record};

/// The most permits that the queue's semaphore may have.
const MAX_PERMITS: usize = u32::MAX as usize >> 1;

/// The state shared between the log and its consumers.
pub(crate) struct Inner {
    pub(crate) store: Arc<Store>,
    pub(crate) metadata: Arc<MetadataCache>,
    pub(crate) membership: Arc<Membership>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) meters: Meters,
    pub(crate) options: EmbeddedOptions,
    /// One permit for each byte that may wait for the writer.
    queue_budget: Arc<Semaphore>,
}

impl Inner {
    /// Starts the writer over an opened store.
    pub(crate) fn start(
        store: Store,
        metadata: MetadataCache,
        options: EmbeddedOptions,
    ) -> Result<Arc<Self>, Error> {
        let (commands, queue) = mpsc::channel(writer::QUEUE_CAPACITY);
        let inner = Arc::new(Self {
            store: Arc::new(store),
            metadata: Arc::new(metadata),
            membership: Arc::default(),
            commands,
            meters: Meters::new("embedded"),
            queue_budget: Arc::new(Semaphore::new(options.queued_bytes.clamp(1, MAX_PERMITS))),
            options,
        });
        inner.start_writer(queue)?;
        Ok(inner)
    }

    fn start_writer(&self, queue: mpsc::Receiver<Command>) -> Result<(), Error> {
        let writer = Writer {
            store: Arc::clone(&self.store),
            metadata: Arc::clone(&self.metadata),
            membership: Arc::clone(&self.membership),
            free_space: FreeSpace {
                reserve_bytes: self.options.reserve_bytes,
            },
            clock: Arc::clone(&self.options.clock),
            meters: self.meters,
        };
        // The thread ends when the last sender is dropped or at `Close`. What it acknowledged is
        // durable at any moment, so it need not be joined.
        std::thread::Builder::new()
            .name("event-log-writer".to_owned())
            .spawn(move || writer.run(queue))
            .map(drop)
            .map_err(|error| Error::Storage {
                folder: self.options.folder.clone(),
                operation: "starting the writer thread",
                cause: Arc::new(error),
            })
    }

    pub(crate) async fn submit(&self, operation: Operation) -> Result<Completion, Error> {
        writer::submit(&self.commands, operation).await
    }

    /// Runs `body` on a blocking thread.
    pub(crate) async fn blocking<T: Send + 'static>(
        body: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        // A join error means that the runtime is shutting down (the store catches panics).
        tokio::task::spawn_blocking(body)
            .await
            .map_err(|_| Error::Closed)?
    }

    pub(crate) fn topic(&self, name: &str) -> Result<Arc<Topic>, Error> {
        if self.commands.is_closed() {
            return Err(Error::Closed);
        }
        check_topic(name)?;
        self.metadata
            .topic(name)
            .ok_or_else(|| Error::UnknownTopic {
                topic: name.to_owned(),
                log: self.store.path().display().to_string(),
            })
    }

    pub(crate) async fn append(
        &self,
        topic: &Arc<Topic>,
        records: &[Record],
    ) -> Result<Vec<Position>, Error> {
        let limit = self.options.max_record_bytes;
        check_records(&topic.name, records, limit, (self.options.clock)())?;
        if records.is_empty() {
            return Ok(Vec::new());
        }
        // An append larger than the budget takes all of it.
        let bytes: usize = records.iter().map(Record::size).sum();
        let budget = self.options.queued_bytes.clamp(1, MAX_PERMITS);
        let permits = u32::try_from(bytes.clamp(1, budget)).unwrap_or(u32::MAX >> 1);
        let permit = Arc::clone(&self.queue_budget)
            .acquire_many_owned(permits)
            .await;
        let encoded = EncodedAppend::new(topic, records);
        let append = Operation::Append {
            topic: Arc::clone(topic),
            records: encoded.records,
            _budget: permit.map_err(|_| Error::Closed)?,
        };
        let base_offsets = self.submit(append).await?.base_offsets;
        let base_offsets: BTreeMap<u32, u64> = base_offsets.into_iter().collect();
        let position = |slot: RelativePosition| Position {
            partition: slot.partition.cast_signed(),
            offset: (base_offsets[&slot.partition] + slot.index).cast_signed(),
        };
        Ok(encoded.positions.into_iter().map(position).collect())
    }
}

/// A record's position relative to the first record of its append in the same partition.
struct RelativePosition {
    partition: u32,
    index: u64,
}

/// The records of one append, encoded by partition.
struct EncodedAppend {
    records: Vec<PartitionRecords>,
    /// The position of each record, in the order given.
    positions: Vec<RelativePosition>,
}

impl EncodedAppend {
    fn new(topic: &Topic, records: &[Record]) -> Self {
        let partitions = topic.partitions().cast_signed();
        let mut by_partition: BTreeMap<u32, (u64, Vec<EncodedRecords>)> = BTreeMap::new();
        let mut positions = Vec::with_capacity(records.len());
        for record in records {
            let partition = partition_for(&record.key, partitions).cast_unsigned();
            let (count, parts) = by_partition.entry(partition).or_default();
            positions.push(RelativePosition {
                partition,
                index: *count,
            });
            *count += 1;
            match parts.last_mut() {
                Some(part) if !part.is_full_for(record) => part.push(record),
                _ => {
                    let mut part = EncodedRecords::default();
                    part.push(record);
                    parts.push(part);
                }
            }
        }
        let records = by_partition.into_iter();
        let records = records.map(|(partition, (_, parts))| PartitionRecords { partition, parts });
        Self {
            records: records.collect(),
            positions,
        }
    }
}
