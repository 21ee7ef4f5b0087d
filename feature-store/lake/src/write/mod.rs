//! From the log to files, each record once.

mod batch;
mod catch_up;
mod progress;
mod writer;

use std::sync::Arc;

use fairlead_chassis::clock::Clock;
use fairlead_event_log::{EventLog, OffsetRange as Kept};

use self::batch::Waiting;
pub use self::catch_up::catch_up;
pub use self::progress::{Progress, ProgressWatch};
pub use self::writer::Writer;
use crate::error::Error;
use crate::store::Store;

/// What a writer works with.
#[derive(Clone)]
pub struct Deps {
    /// Where records come from.
    pub log: Arc<dyn EventLog>,
    /// Where files go.
    pub store: Store,
    /// Says when a batch has waited long enough.
    pub clock: Arc<dyn Clock>,
}

/// Puts a partition that was just opened where the log can be read: behind what the log dropped,
/// and not behind its end.
fn begin(store: &Store, waiting: &mut Waiting, kept: Kept) -> Result<(), Error> {
    if waiting.next > kept.end {
        return Err(Error::LogWentBack {
            topic: waiting.source.topic.clone(),
            partition: kept.partition,
            end: kept.end,
            next: waiting.next,
            url: store.url().to_owned(),
        });
    }
    if kept.start > waiting.next {
        // A lake that begins later than the log misses what came before it, and says nothing.
        if waiting.next > 0 {
            batch::note_expired(&waiting.source, waiting.next, kept.start);
        }
        waiting.seen = kept.start;
    }
    Ok(())
}
