//! The progress of the writer, and a watch for callers that wait for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_event_log::{Position, TopicPartition};
use tokio::sync::watch;

/// The progress of the writer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The first offset of each owned partition that is not in the lake.
    pub next: BTreeMap<TopicPartition, i64>,
    /// The next offset of each owned partition to read from the log.
    pub seen: BTreeMap<TopicPartition, i64>,
    /// The reason why the writer cannot write, or `None` if it can.
    pub missing: Option<String>,
}

impl Progress {
    /// Returns true if everything of a topic below these positions (ends of partitions, say) is in
    /// the lake.
    pub fn reached(&self, topic: &str, ends: &[Position]) -> bool {
        let topic: Arc<str> = topic.into();
        ends.iter().all(|end| {
            let source = TopicPartition {
                topic: Arc::clone(&topic),
                partition: end.partition,
            };
            end.offset == 0
                || self
                    .next
                    .get(&source)
                    .is_some_and(|next| *next >= end.offset)
        })
    }
}

/// Watches the progress of a writer; clones are independent.
#[derive(Debug, Clone)]
pub struct ProgressWatch(pub(crate) watch::Receiver<Progress>);

impl ProgressWatch {
    /// Returns the current progress.
    pub fn now(&self) -> Progress {
        self.0.borrow().clone()
    }

    /// Waits until a condition holds and returns the progress then, or `None` if the writer ended
    /// before.
    pub async fn until(&mut self, condition: impl FnMut(&Progress) -> bool) -> Option<Progress> {
        let progress = self.0.wait_for(condition).await.ok()?;
        Some(progress.clone())
    }
}
