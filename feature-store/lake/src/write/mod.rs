//! Writing the log's records to files, each exactly once.

mod batch;
mod catch_up;
mod progress;
mod writer;

use std::sync::Arc;

use fairlead_chassis::clock::Clock;
use fairlead_event_log::{EventLog, PartitionOffsets};

use self::batch::PartitionBuffer;
pub use self::catch_up::catch_up;
pub use self::progress::{Progress, ProgressWatch};
pub use self::writer::Writer;
use crate::error::Error;
use crate::store::Store;

/// The dependencies of a writer.
#[derive(Clone)]
pub struct Deps {
    /// The log of events and decision records.
    pub log: Arc<dyn EventLog>,
    /// The store of the files.
    pub store: Store,
    /// The clock that decides when a batch has waited long enough.
    pub clock: Arc<dyn Clock>,
}

/// Moves the start of a newly opened partition to the oldest record that the log keeps.
///
/// # Errors
/// [`Error::LogWentBack`] if the log ends before the lake's next offset.
fn start_within_log(
    store: &Store,
    waiting: &mut PartitionBuffer,
    kept: PartitionOffsets,
) -> Result<(), Error> {
    if waiting.next > kept.end {
        return Err(Error::LogWentBack {
            topic: waiting.source.topic.to_string(),
            partition: kept.partition,
            end: kept.end,
            next: waiting.next,
            url: store.url().to_owned(),
        });
    }
    if kept.start > waiting.next {
        // A new lake does not report records that the log dropped before the lake existed.
        if waiting.next > 0 {
            batch::report_expired(&waiting.source, waiting.next, kept.start);
        }
        waiting.seen = kept.start;
    }
    Ok(())
}
