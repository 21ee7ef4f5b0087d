//! The errors of this crate.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;

use crate::name::OffsetRange;

/// An error of writing, compacting or querying the lake.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting out of range.
    #[error("lake.{key} `{value}` is not allowed: {allowed}")]
    Config {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// The allowed values.
        allowed: String,
    },
    /// The folder or the object store failed.
    #[error("the lake at {url} failed while {operation}: {cause}")]
    Store {
        /// The lake's URL.
        url: String,
        /// The operation that failed.
        operation: &'static str,
        /// The store's error.
        cause: object_store::Error,
    },
    /// The event log failed.
    #[error(transparent)]
    Log(#[from] fairlead_event_log::Error),
    /// The log ends before the offsets that were written from it.
    #[error(
        "topic {topic:?} partition {partition} ends at offset {end}, but the lake at {url} holds \
         what stood below {next}: the log was begun anew; give it another lake.url"
    )]
    LogWentBack {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The next offset to be written to the log.
        end: i64,
        /// The offset below which the lake holds the log's records.
        next: i64,
        /// The lake's URL.
        url: String,
    },
    /// An entry of the ledger cannot be read.
    #[error("{path} is no entry of the lake's ledger ({detail}): restore it from a copy")]
    Ledger {
        /// The object's path.
        path: String,
        /// The reason.
        detail: String,
    },
    /// Two files of one folder and one partition overlap without one covering the other.
    #[error(
        "{folder} holds two files of {topic:?} partition {partition} that overlap in part: \
         {one} and {other}; one of them was not written by fairlead-lake"
    )]
    Overlap {
        /// The folder.
        folder: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offsets of one file.
        one: OffsetRange,
        /// The offsets of the other file.
        other: OffsetRange,
    },
    /// Another compaction is running.
    #[error("another compaction holds the lake at {url} until {until}: wait for its end")]
    Compacting {
        /// The lake's URL.
        url: String,
        /// The time at which the lease ends if its holder died.
        until: String,
    },
    /// A merged file does not hold all rows of its inputs. Nothing was deleted.
    #[error("{path} holds {found} rows, but {expected} went into it; nothing was deleted")]
    Merged {
        /// The merged file.
        path: String,
        /// The number of rows in it.
        found: u64,
        /// The number of rows in its inputs.
        expected: u64,
    },
    /// A file has columns that this version does not know.
    #[error(
        "{path} has the column `{column}`, which this version does not know: use the newer one"
    )]
    UnknownColumn {
        /// The file.
        path: String,
        /// The column.
        column: String,
    },
    /// Parquet could not be written or read.
    #[error("parquet: {0}")]
    Parquet(#[from] ParquetError),
    /// Columns could not be made.
    #[error("columns: {0}")]
    Arrow(#[from] ArrowError),
    /// The query is no SQL, or names a table or column that does not exist.
    #[error("{message}; {tables}")]
    InvalidQuery {
        /// The reason.
        message: String,
        /// The tables and columns that exist.
        tables: String,
    },
    /// The query failed.
    #[error("query: {0}")]
    Query(Box<DataFusionError>),
    /// The process ended during the operation.
    #[error("the process is ending")]
    Stopped,
    /// A result or a folder could not be written.
    #[error("cannot write {path}: {cause}")]
    Output {
        /// The path.
        path: String,
        /// The operating system's error.
        cause: std::io::Error,
    },
}

impl Error {
    /// Returns true if the same operation may succeed later.
    pub fn is_recoverable(&self) -> bool {
        match self {
            Self::Store { cause, .. } => !matches!(
                cause,
                object_store::Error::PermissionDenied { .. }
                    | object_store::Error::Unauthenticated { .. }
                    | object_store::Error::NotSupported { .. }
                    | object_store::Error::NotImplemented { .. }
                    | object_store::Error::InvalidPath { .. }
                    | object_store::Error::UnknownConfigurationKey { .. }
            ),
            Self::Log(error) => {
                error.is_transient()
                    || matches!(error, fairlead_event_log::Error::NotAssigned { .. })
            }
            _ => false,
        }
    }
}

impl From<DataFusionError> for Error {
    fn from(cause: DataFusionError) -> Self {
        Self::Query(Box::new(cause))
    }
}
