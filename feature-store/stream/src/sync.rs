//! Where to read from: what the store says it holds safely.

use fairlead_event_log::{Consumer, OffsetRange, Position};

use crate::error::Error;
use crate::partition::safe_of;
use crate::stream::Worker;

impl Worker {
    /// Finds out for each partition that does not know it where to read from, and goes there.
    /// Records that were polled before are to be dropped.
    pub(crate) async fn sync(&mut self, consumer: &mut dyn Consumer) -> Result<(), Error> {
        let open: Vec<i32> = self
            .partitions
            .values()
            .filter(|partition| !partition.synced)
            .map(|partition| partition.number)
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        let asked: Vec<_> = open
            .iter()
            .filter_map(|number| self.partitions.get(number))
            .map(|partition| (self.progress_key.clone(), partition.source.clone()))
            .collect();
        let notes = self.deps.store.read_fields(&asked).await?;
        let ranges = self.deps.log.offsets(&self.config.topic).await?;
        for (number, note) in open.into_iter().zip(notes) {
            let range = ranges.iter().find(|range| range.partition == number);
            let range = range.copied().unwrap_or(OffsetRange {
                partition: number,
                start: 0,
                end: 0,
            });
            let from = self.from(range, note.as_ref().map(safe_of))?;
            let position = Position {
                partition: number,
                offset: from,
            };
            consumer.seek(&self.config.topic, position).await?;
            if let Some(partition) = self.partitions.get_mut(&number) {
                partition.begin(note.as_ref(), from);
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

    fn from(&self, range: OffsetRange, safe: Option<i64>) -> Result<i64, Error> {
        let Some(safe) = safe else {
            // The store knows nothing of this log: it is new, or was emptied.
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
