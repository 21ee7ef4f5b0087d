//! The lake: events and decision records as Parquet, each once, and SQL over them.
//!
//! Three tables, each a folder under the lake's root, Hive-partitioned so that anyone's Spark,
//! Trino or DuckDB reads them:
//! `events/tenant=T/kind=click/day=2026-01-31/`, `decisions/tenant=T/kind=decision/day=...`,
//! `decision_items/tenant=T/kind=decision_item/day=...` (one row per candidate). A day is UTC, by
//! event time. A file is named by topic, partition and the offsets that it covers; the rows carry
//! `log_partition` and `log_offset`. One row per record of the log: what a phone sent twice stands
//! there twice, with one `event_id`.
//!
//! # Exactly once
//! One batch of one partition becomes files in many folders, and batches are cut by rows, bytes and
//! time, so that a rerun would cut them elsewhere. Therefore the cut is decided first: an entry of
//! the ledger (`_ledger/TOPIC/PARTITION/FIRST.json`) claims the batch's offsets. It is made only
//! where none is there, which folders and object stores do atomically. Then come the files, each
//! put whole, also only where none of its name is there. Then `FIRST.done`, and only then the next
//! entry. Hence:
//! - The last entry says where to go on. If it is not done, its files are made again from the log:
//!   the same offsets, names and rows. `kill -9` at any point loses no row and doubles none.
//! - A writer that lost its partition and does not know it finds its claim taken, and gives up.
//! - What the consumer group has committed decides nothing: it only says how far the lake lags
//!   behind. It may be lost or reset.
//!
//! The other designs were: cut at fixed offsets (then small files cannot wait for more rows), or
//! derive what is covered from the files' names (a batch whose files are half there cannot be told
//! from a whole one, as a batch has no fixed set of folders).
//!
//! # Merging
//! See [`compact`]. Our own reader ([`Query`]) goes by the offsets in names and is exact at any
//! moment. A reader that goes by names alone never sees a row twice, and may miss rows of one folder
//! for the milliseconds in which its merged file takes its place; an interrupted merge leaves such
//! a gap until the next run of `compact`. Read days that are being merged through [`Query`].
//!
//! # Other invariants
//! - A record that cannot be read is counted and passed over; its offset is covered. The stream sets
//!   it aside as a dead letter.
//! - Memory is bounded: [`Config::buffer_bytes`] over all partitions, the files of one batch, one
//!   poll; one row group while merging; [`Config::sql_memory_bytes`] for a question.
//! - Files in a local folder are flushed to the disk before they count.
//! - An object store must put conditionally (`If-None-Match: *`), as S3, MinIO, R2 and Ceph do.
//!
//! # What it must not depend on
//! Services, and the online store. It is the only home of `datafusion` and `object_store`; Arrow and
//! Parquet come through `datafusion`, in its version.

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
    Config, DECISIONS_TOPIC, DEFAULTS, EVENTS_TOPIC, Events, GROUP, Listen, LoadError,
    ProcessConfig, Topics,
};
pub use crate::error::Error;
pub use crate::files::{LakeFile, current};
pub use crate::name::{Day, FileName, Folder, OffsetRange, Source};
pub use crate::query::{Format, Query};
pub use crate::store::Store;
pub use crate::table::{PARTITION_COLUMNS, Table};
pub use crate::write::{Deps, Progress, ProgressWatch, Writer, catch_up};
