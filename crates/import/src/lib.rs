//! Imports catalogues, customers and events from files: delimited text, JSON, Parquet, workbooks.
//!
//! # Invariants
//! - A file is read row by row and never held in memory, except a workbook, and a catalogue, which
//!   is sent as one.
//! - A value means the same in every format (`values`). What is not certain is refused.
//! - A row that cannot be used changes nothing. It is kept whole in a rejects file with its line,
//!   the cause and what is allowed, and the import continues.
//! - Customers and events take the same way as those of every other sender: through the gateway
//!   into the log. The same file again has the same event ids.
//!
//! # Must not depend on
//! Any service, and the terminal: it returns a report and reports progress to a callback.

mod cell;
mod columns;
mod fields;
mod format;
mod help;
mod options;
mod reader;
mod refusal;
mod rejects;
mod report;
mod rows;
mod run;
mod values;

pub use columns::ColumnMapping;
pub use format::FileFormat;
pub use help::{CATALOGUE_HELP, CUSTOMERS_HELP, EVENTS_HELP};
pub use options::{Delimiter, MISSING, ReadOptions, TextEncoding, ZoneName};
pub use rejects::RejectedRow;
pub use report::{CatalogueChange, ImportReport, ImportSource, PreviewRow, Progress};
pub use run::{Replace, catalogue, customers, events};
pub use values::TimeUnit;
