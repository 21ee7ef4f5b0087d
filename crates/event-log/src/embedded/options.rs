//! The options of the embedded log.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::admission::MAX_RECORD_BYTES;
use crate::record::wall_clock_ms;

/// A clock that returns milliseconds since the Unix epoch. Tests set it to let retention pass.
pub type WallClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Options of [`crate::EmbeddedEventLog::open`].
#[derive(Clone)]
pub struct EmbeddedOptions {
    /// The folder of the log's file; created if it is missing.
    pub folder: PathBuf,
    /// The size of the page cache in bytes.
    pub cache_bytes: usize,
    /// The limit on key, payload and headers of one record together, in bytes.
    pub max_record_bytes: usize,
    /// The most bytes of records that wait for the disk; further appends wait.
    pub queued_bytes: usize,
    /// The free disk space in bytes below which appends are refused.
    pub reserve_bytes: u64,
    /// The time between two runs of the task that expires records.
    pub expiry_interval: Duration,
    /// The clock for retention.
    pub clock: WallClock,
}

impl EmbeddedOptions {
    /// Returns the default options: 64 MiB of cache, records up to [`MAX_RECORD_BYTES`], 64 MiB
    /// queued, 64 MiB in reserve, expiry every minute by the system's clock.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            cache_bytes: 64 << 20,
            max_record_bytes: MAX_RECORD_BYTES,
            queued_bytes: 64 << 20,
            reserve_bytes: 64 << 20,
            expiry_interval: Duration::from_mins(1),
            clock: Arc::new(wall_clock_ms),
        }
    }
}

impl fmt::Debug for EmbeddedOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedOptions")
            .field("folder", &self.folder)
            .field("cache_bytes", &self.cache_bytes)
            .field("max_record_bytes", &self.max_record_bytes)
            .field("queued_bytes", &self.queued_bytes)
            .field("reserve_bytes", &self.reserve_bytes)
            .field("expiry_interval", &self.expiry_interval)
            .finish_non_exhaustive()
    }
}
