//! How far the writer has come, for whoever waits for it.

use std::collections::BTreeMap;

use fairlead_event_log::Position;
use tokio::sync::watch;

use crate::name::Source;

/// How far the writer has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// By owned partition: the first offset that is not in the lake.
    pub next: BTreeMap<Source, i64>,
    /// By owned partition: the next offset to take from the log.
    pub seen: BTreeMap<Source, i64>,
    /// What it waits for before it can write; nothing when it can.
    pub missing: Option<String>,
}

impl Progress {
    /// Whether everything of a topic below these positions (ends of partitions, say) is in the lake.
    pub fn reached(&self, topic: &str, ends: &[Position]) -> bool {
        ends.iter().all(|end| {
            let source = Source {
                topic: topic.to_owned(),
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
    /// The progress now.
    pub fn now(&self) -> Progress {
        self.0.borrow().clone()
    }

    /// Waits until a condition holds and returns the progress then; nothing when the writer ended
    /// before.
    pub async fn until(&mut self, condition: impl FnMut(&Progress) -> bool) -> Option<Progress> {
        let progress = self.0.wait_for(condition).await.ok()?;
        Some(progress.clone())
    }
}
