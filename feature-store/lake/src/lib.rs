//! The lake: it writes each event and decision record exactly once to Parquet files, and runs SQL
//! over them.
//!
//! There are three tables, each a folder under the lake's root, Hive-partitioned for Spark, Trino,
//! DuckDB and others:
//! `events/tenant=T/kind=click/day=2026-01-31/`, `decisions/tenant=T/kind=decision/day=...`,
//! `decision_items/tenant=T/kind=decision_item/day=...` (one row per candidate). A day is a UTC day,
//! by event time. A file's name holds topic, partition and the range of offsets; its rows have
//! `log_partition` and `log_offset`. There is one row for each record of the log: an event that a
//! device sent twice has two rows with one `event_id`.
//!
//! # Exactly once
//! A batch of one partition becomes files in many folders, and batches end by rows, bytes or time,
//! so a rerun would end them at other offsets. Therefore a batch is claimed first: an entry of the
//! ledger (`_ledger/TOPIC/PARTITION/FIRST.json`) holds its offsets. The entry is created only if
//! none exists, which folders and object stores do atomically. Then the files are created, each
//! atomically, and only if no file of that name exists. Then `FIRST.done` is created, and only then
//! the next entry. Hence:
//! - Writing resumes at the last entry. If it is not done, its files are made again from the log,
//!   with the same offsets, names and rows. `kill -9` at any point neither loses nor duplicates a row.
//! - A writer that has lost its partition without noticing finds its claim taken and stops.
//! - The consumer group's committed offsets only measure the lag. They may be lost or reset.
//!
//! Two other designs were rejected: batches at fixed offsets (small files could not wait for more
//! rows), and deriving the written offsets from the files' names (a batch has no fixed set of
//! folders, so an incomplete batch looks like a complete one).
//!
//! # Merging
//! See [`compact`]. The lake's own reader ([`Query`]) uses the offsets in the names and is exact at
//! any moment. A reader that takes all files by their names never sees a row twice. It may miss rows
//! of one folder for the milliseconds in which a merged file replaces its inputs; an interrupted
//! merge leaves such a gap until the next run of `compact`. Read days that are being merged through
//! [`Query`].
//!
//! # Other invariants
//! - An unreadable record is counted and skipped; its offset counts as written. The stream makes a
//!   dead letter of it.
//! - Memory is bounded: [`Config::buffer_bytes`] over all partitions, the files of one batch, one
//!   poll; one row group while merging; [`Config::sql_memory_bytes`] for a query.
//! - Files in a local folder are flushed to the disk before they count as written.
//! - An object store must support conditional puts (`If-None-Match: *`), as S3, MinIO, R2 and Ceph
//!   do.
//!
//! # What this crate must not depend on
//! Services and the online store. No other crate depends on `datafusion` and `object_store`; Arrow
//! and Parquet come through `datafusion`, in its version.

mod compact;
mod config;
mod error;
mod files;
mod ledger;
mod meters;
mod name;
mod query;
mod rows;
mod store;
mod table;
mod write;

pub use crate::compact::{Compacted, compact};
pub use crate::config::{
    ACCEPTANCES_TOPIC, Config, DECISIONS_TOPIC, DEFAULTS, EVENTS_TOPIC, Events, GROUP, Listen,
    LoadError, ProcessConfig, Topics,
};
pub use crate::error::Error;
pub use crate::files::{LakeFile, current};
pub use crate::name::{Day, FileName, Folder, OffsetRange};
pub use crate::query::{Format, Query};
pub use crate::rows::file_schema;
pub use crate::store::Store;
pub use crate::table::{PARTITION_COLUMNS, Table};
pub use crate::write::{Deps, Progress, ProgressWatch, Writer, catch_up};
