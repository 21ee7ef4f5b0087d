//! What the log's handle and its consumers share.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

use super::EmbeddedOptions;
use super::chunk::Segment;
use super::command::{Command, Done, Work};
use super::directory::{Directory, Topic};
use super::membership::Membership;
use super::space::FreeSpace;
use super::store::Store;
use super::writer::{self, Writer};
use crate::admission::{check_records, check_topic};
use crate::error::Error;
use crate::meters::Meters;
use crate::partitioner::partition_for;
use crate::record::{Position, Record};

/// What a semaphore can count.
const MOST_PERMITS: usize = u32::MAX as usize >> 1;

/// What consumers share with the log.
pub(crate) struct Inner {
    pub(crate) store: Arc<Store>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) membership: Arc<Membership>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) meters: Meters,
    pub(crate) options: EmbeddedOptions,
    queued: Arc<Semaphore>,
}

impl Inner {
    /// Starts the writer over an opened store.
    pub(crate) fn start(
        store: Store,
        directory: Directory,
        options: EmbeddedOptions,
    ) -> Result<Arc<Self>, Error> {
        let (commands, queue) = mpsc::channel(writer::QUEUE);
        let inner = Arc::new(Self {
            store: Arc::new(store),
            directory: Arc::new(directory),
            membership: Arc::default(),
            commands,
            meters: Meters::new("embedded"),
            queued: Arc::new(Semaphore::new(options.queued_bytes.clamp(1, MOST_PERMITS))),
            options,
        });
        inner.start_writer(queue)?;
        Ok(inner)
    }

    fn start_writer(&self, queue: mpsc::Receiver<Command>) -> Result<(), Error> {
        let writer = Writer {
            store: Arc::clone(&self.store),
            directory: Arc::clone(&self.directory),
            membership: Arc::clone(&self.membership),
            free_space: FreeSpace {
                reserve_bytes: self.options.reserve_bytes,
            },
            clock: Arc::clone(&self.options.clock),
            meters: self.meters,
        };
        // The thread ends when the last sender is gone or at Close; what it acknowledged is
        // durable at any moment, so nobody has to wait for it.
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

    pub(crate) async fn submit(&self, work: Work) -> Result<Done, Error> {
        writer::submit(&self.commands, work).await
    }

    /// Runs `body` off the reactor.
    pub(crate) async fn blocking<T: Send + 'static>(
        body: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        // A join error means that the runtime is going down (panics are caught in the store).
        tokio::task::spawn_blocking(body)
            .await
            .map_err(|_| Error::Closed)?
    }

    pub(crate) fn topic(&self, name: &str) -> Result<Arc<Topic>, Error> {
        if self.commands.is_closed() {
            return Err(Error::Closed);
        }
        check_topic(name)?;
        self.directory
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
        // An append beyond the whole budget goes alone.
        let bytes: usize = records.iter().map(Record::size).sum();
        let budget = self.options.queued_bytes.clamp(1, MOST_PERMITS);
        let permits = u32::try_from(bytes.clamp(1, budget)).unwrap_or(u32::MAX >> 1);
        let queued = Arc::clone(&self.queued);
        let queued = queued.acquire_many_owned(permits).await;
        let (segments, placed) = encode(topic, records);
        let work = Work::Append {
            topic: Arc::clone(topic),
            segments,
            _budget: queued.map_err(|_| Error::Closed)?,
        };
        let bases: BTreeMap<u32, u64> = self.submit(work).await?.bases.into_iter().collect();
        let position = |(partition, index): (u32, u64)| Position {
            partition: partition.cast_signed(),
            offset: (bases[&partition] + index).cast_signed(),
        };
        Ok(placed.into_iter().map(position).collect())
    }
}

/// Encoded records by partition.
type Segments = Vec<(u32, Vec<Segment>)>;

/// Encodes records by partition; also says for each its partition and its index among those of
/// the same partition.
fn encode(topic: &Topic, records: &[Record]) -> (Segments, Vec<(u32, u64)>) {
    let partitions = topic.partitions().cast_signed();
    let mut by_partition: BTreeMap<u32, (u64, Vec<Segment>)> = BTreeMap::new();
    let mut placed = Vec::with_capacity(records.len());
    for record in records {
        let partition = partition_for(&record.key, partitions).cast_unsigned();
        let (count, segments) = by_partition.entry(partition).or_default();
        placed.push((partition, *count));
        *count += 1;
        match segments.last_mut() {
            Some(segment) if !segment.is_full_for(record) => segment.push(record),
            _ => {
                let mut segment = Segment::default();
                segment.push(record);
                segments.push(segment);
            }
        }
    }
    let segments = by_partition.into_iter();
    let segments = segments.map(|(partition, (_, segments))| (partition, segments));
    (segments.collect(), placed)
}
