//! Import of catalogues, customers and events from files: CSV, JSON lines, Parquet.
//!
//! A file is read row by row and never held whole, but for a catalogue, which goes in as one. A
//! row that cannot be used is written to a rejects file with its line and the cause, and the
//! import goes on. Customers and events go the way of anyone's: over the gateway, into the log.

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
pub use format::Format;
pub use run::{catalogue, customers, events};

/// What is imported, and for whom.
#[derive(Clone, Copy)]
pub struct Source<'s> {
    /// The file.
    pub file: &'s Path,
    /// Its format; nothing goes by the name's ending.
    pub format: Option<Format>,
    /// Where rows that cannot be used are written; nothing puts them beside the file.
    pub rejects: Option<&'s Path>,
    /// The tenant.
    pub tenant: &'s TenantId,
    /// Called now and then with how much was read and how much there is: bytes of the file, or rows.
    pub progress: &'s dyn Fn(u64, u64),
}

/// What came of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rows read.
    pub read: u64,
    /// Rows taken.
    pub accepted: u64,
    /// Rows that could not be used.
    pub rejected: u64,
    /// The file with their lines and causes, where there are any.
    pub rejects: Option<PathBuf>,
    /// Columns that mean nothing here and were left alone.
    pub ignored: Vec<String>,
}
