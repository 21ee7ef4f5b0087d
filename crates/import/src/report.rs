//! The request of an import, and its report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fairlead_domain::TenantId;
use serde::Serialize;

use crate::options::ReadOptions;
use crate::rejects::RejectedRow;

/// A file to import, and how.
#[derive(Clone, Copy)]
pub struct ImportSource<'s> {
    /// The file.
    pub file: &'s Path,
    /// How it is read.
    pub options: &'s ReadOptions,
    /// The file for rows that cannot be used; `None` means `FILE.rejects.csv`, or for JSON
    /// `FILE.rejects.jsonl`.
    pub rejects: Option<&'s Path>,
    /// The tenant.
    pub tenant: &'s TenantId,
    /// The instant of the import, Unix milliseconds: the time of rows that have none.
    pub now_ms: i64,
    /// True if everything is to be read and checked, and nothing sent.
    pub dry_run: bool,
    /// Called regularly.
    pub progress: &'s dyn Fn(Progress),
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How much was read: bytes of the file, or rows.
    pub done: u64,
    /// How much there is.
    pub extent: u64,
    /// Rows read.
    pub rows: u64,
}

/// The result of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// True if nothing was sent.
    pub dry_run: bool,
    /// Rows read.
    pub read: u64,
    /// Rows accepted.
    pub accepted: u64,
    /// Rows that could not be used.
    pub rejected: u64,
    /// The file that keeps them, with lines and causes, if there are any.
    pub rejects: Option<PathBuf>,
    /// The first of them.
    pub first_rejected: Vec<RejectedRow>,
    /// Columns that were not read.
    pub ignored: Vec<String>,
    /// Notes on the file, for people.
    pub notes: Vec<String>,
    /// Events by kind: those that were sent, or in a dry run would have been.
    pub events: BTreeMap<String, u64>,
    /// The earliest and the latest time of them, Unix milliseconds.
    pub times: Option<(i64, i64)>,
    /// The changes of the catalogue, if one was imported.
    pub catalogue: Option<CatalogueChange>,
    /// In a dry run, the first rows as they were understood.
    pub preview: Vec<PreviewRow>,
}

/// The changes that an import made in the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CatalogueChange {
    /// Products that are new.
    pub added: i32,
    /// Products that are other than before.
    pub changed: i32,
    /// Products that were withdrawn because they are not in the file.
    pub withdrawn: Vec<String>,
}

/// A row as it was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewRow {
    /// Its line, from 1; in Parquet the row.
    pub line: u64,
    /// Its names and values.
    pub fields: Vec<(String, String)>,
}
