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
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use fairlead_domain::TenantId;
use serde::Serialize;

pub use columns::{CATALOGUE_HELP, CUSTOMERS_HELP, EVENTS_HELP};
pub use format::Format;
pub use run::{catalogue, customers, events};

use crate::terminal::{Bars, note};

/// What is imported, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct Source<'s> {
    /// The file.
    pub file: &'s Path,
    /// Its format; nothing goes by the name's ending.
    pub format: Option<Format>,
    /// Where rows that cannot be used are written; nothing puts them beside the file.
    pub rejects: Option<&'s Path>,
    /// The tenant.
    pub tenant: &'s TenantId,
    /// Progress.
    pub bars: &'s Bars,
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

impl Report {
    /// Prints the counts, as one JSON object where asked for.
    pub fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        println!(
            "{} rows read, {} taken, {} rejected",
            self.read, self.accepted, self.rejected
        );
        if let Some(rejects) = &self.rejects {
            note(&format!("lines and causes are in {}", rejects.display()));
        }
        if !self.ignored.is_empty() {
            note(&format!("columns left alone: {}", self.ignored.join(", ")));
        }
        Ok(())
    }
}
