//! The offset to read from after an assignment or an error: the safe offset in the store.

use fairlead_event_log::{Consumer, PartitionOffsets, Position};

use crate::error::Error;
use crate::partition::safe_offset;
use crate::stream::Worker;

impl Worker {
    /// Seeks each partition that is not synced to its safe offset. Records that were polled before
    /// must be dropped.
    pub(crate) async fn sync(&mut self, consumer: &mut dyn Consumer) -> Result<(), Error> {
        let unsynced: Vec<i32> = self
            .partitions
            .values()
            .filter(|partition| !partition.synced)
            .map(|partition| partition.number)
            .collect();
        if unsynced.is_empty() {
            return Ok(());
        }
        let fields: Vec<_> = unsynced
            .iter()
            .filter_map(|number| self.partitions.get(number))
            .map(|partition| (self.progress_key.clone(), partition.source.clone()))
            .collect();
        let checkpoints = self.deps.store.read_fields(&fields).await?;
        let ranges = self.deps.log.offsets(&self.config.topic).await?;
        for (number, checkpoint) in unsynced.into_iter().zip(checkpoints) {
            let range = ranges.iter().find(|range| range.partition == number);
            let range = range.copied().unwrap_or(PartitionOffsets {
                partition: number,
                start: 0,
                end: 0,
            });
            let from = self.start_offset(range, checkpoint.as_ref().map(safe_offset))?;
            let position = Position {
                partition: number,
                offset: from,
            };
            consumer.seek(&self.config.topic, position).await?;
            if let Some(partition) = self.partitions.get_mut(&number) {
                partition.start(checkpoint.as_ref(), from);
                tracing::info!(
                    partition = number,
                    from,
                    next = partition.next,
                    "partition owned"
                );
            }
        }
        self.publish();
        Ok(())
    }

    fn start_offset(&self, range: PartitionOffsets, safe: Option<i64>) -> Result<i64, Error> {
        let Some(safe) = safe else {
            // The store has no checkpoint of this log: it is new, or was emptied.
            return Ok(range.start);
        };
        if safe > range.end {
            return Err(Error::LogWentBack {
                topic: self.config.topic.clone(),
                partition: range.partition,
                end: range.end,
                safe,
                log_name: self.config.log_name.clone(),
            });
        }
        if safe < range.start {
            tracing::warn!(
                partition = range.partition,
                safe,
                start = range.start,
                "the log no longer keeps what the store may lack"
            );
        }
        Ok(safe.max(range.start))
    }
}
