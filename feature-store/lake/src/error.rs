//! The errors of this crate.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;

use crate::name::OffsetRange;

/// What can go wrong between the log, the lake and a question asked of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting out of range.
    #[error("lake.{key} `{value}` is not allowed: {allowed}")]
    Config {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// The folder or the object store failed.
    #[error("the lake at {url} failed while {operation}: {cause}")]
    Store {
        /// Where the lake lies.
        url: String,
        /// What was being done.
        operation: &'static str,
        /// What the store said.
        cause: object_store::Error,
    },
    /// The event log failed.
    #[error(transparent)]
    Log(#[from] fairlead_event_log::Error),
    /// The log is shorter than what was written from it.
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
        /// What the lake has seen.
        next: i64,
        /// Where the lake lies.
        url: String,
    },
    /// An entry of the ledger cannot be read.
    #[error("{path} is no entry of the lake's ledger ({detail}): restore it from a copy")]
    Ledger {
        /// The object.
        path: String,
        /// What was found.
        detail: String,
    },
    /// Two files of one folder and one partition hold the same offsets in part.
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
        /// A range.
        one: OffsetRange,
        /// The other.
        other: OffsetRange,
    },
    /// Another compaction is under way.
    #[error("another compaction holds the lake at {url} until {until}: wait for its end")]
    Compacting {
        /// Where the lake lies.
        url: String,
        /// Until when it is held if its holder died.
        until: String,
    },
    /// A merged file does not hold what went into it; nothing was deleted.
    #[error("{path} holds {found} rows, but {expected} went into it; nothing was deleted")]
    Merged {
        /// The merged file.
        path: String,
        /// Rows in it.
        found: u64,
        /// Rows in its inputs.
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
    /// A question that names what does not exist, or is no question.
    #[error("{message}; {tables}")]
    Question {
        /// What is wrong with it.
        message: String,
        /// The tables and columns there are.
        tables: String,
    },
    /// A question could not be answered.
    #[error("query: {0}")]
    Query(Box<DataFusionError>),
    /// The process ended under it.
    #[error("the process is ending")]
    Stopped,
    /// An answer could not be written.
    #[error("cannot write {path}: {cause}")]
    Output {
        /// Where to.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
}

impl Error {
    /// Whether the same may succeed later without anyone changing anything.
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
