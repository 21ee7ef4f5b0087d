//! Imports catalogues, customers and events from files: CSV, JSON lines, Parquet.
//!
//! # Invariants
//! - A file is read row by row and never held in memory, except a catalogue, which is sent as one.
//! - A row that cannot be used is written to a rejects file with its line and the cause, and the
//!   import continues.
//! - Customers and events take the same way as those of every other sender: through the gateway
//!   into the log.
//!
//! # Must not depend on
//! Any service, and the terminal: it returns a report and reports progress to a callback.

mod columns;
mod content_id;
mod customer;
mod event;
mod fields;
mod format;
mod product;
mod reader;
mod rejects;
mod run;

use std::path::{Path, PathBuf};

use fairlead_domain::TenantId;
use serde::Serialize;

pub use columns::{CATALOGUE_HELP, CUSTOMERS_HELP, EVENTS_HELP};
pub use format::FileFormat;
pub use run::{catalogue, customers, events};

/// A file to import, and its options.
#[derive(Clone, Copy)]
pub struct ImportSource<'s> {
    /// The file.
    pub file: &'s Path,
    /// Its format; `None` means by the ending of its name.
    pub format: Option<FileFormat>,
    /// The file for rows that cannot be used; `None` means `FILE.rejects.csv`.
    pub rejects: Option<&'s Path>,
    /// The tenant.
    pub tenant: &'s TenantId,
    /// Called regularly with how much was read and how much there is: bytes of the file, or rows.
    pub progress: &'s dyn Fn(u64, u64),
}

/// The result of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Rows read.
    pub read: u64,
    /// Rows accepted.
    pub accepted: u64,
    /// Rows that could not be used.
    pub rejected: u64,
    /// The file with their lines and causes, if there are any.
    pub rejects: Option<PathBuf>,
    /// Unknown columns, which were ignored.
    pub ignored: Vec<String>,
}
