//! The check of free disk space.

use std::path::Path;

use crate::error::Error;

/// Refuses appends below a reserve of free bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FreeSpace {
    pub(crate) reserve_bytes: u64,
}

impl FreeSpace {
    /// Returns [`Error::DiskFull`] if less than the reserve is free in `folder`. If the file
    /// system does not say, the check passes and the write itself may fail.
    pub(crate) fn check(self, folder: &Path) -> Result<(), Error> {
        let Ok(stat) = rustix::fs::statvfs(folder) else {
            return Ok(());
        };
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free >= self.reserve_bytes {
            return Ok(());
        }
        Err(Error::DiskFull {
            folder: folder.to_owned(),
            detail: format!(
                "{} MiB free, {} MiB are kept in reserve",
                free >> 20,
                self.reserve_bytes >> 20
            ),
        })
    }
}
