//! The errors of this crate: one variant per cause, each with the thing, the value and what is
//! allowed.

use std::path::{Path, PathBuf};

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A vector or query has another length than the index.
    #[error("{what} has {got} values; the index holds vectors of {dimension}")]
    Dimension {
        /// `query` or `vectors`.
        what: &'static str,
        /// The number of values given.
        got: usize,
        /// The number expected (of which a multiple is allowed for `vectors`).
        dimension: usize,
    },
    /// A dimension that an index cannot have.
    #[error("dimension {got} is not allowed: it must be 1 to {max}")]
    DimensionRange {
        /// The dimension asked for.
        got: usize,
        /// The largest allowed.
        max: usize,
    },
    /// NaN or infinity.
    #[error("{what} {row}, component {component} is {value}; only finite values are allowed")]
    NotFinite {
        /// `vector` or `query`.
        what: &'static str,
        /// The row (0 for a single query).
        row: usize,
        /// The component within the row.
        component: usize,
        /// The value.
        value: f32,
    },
    /// A product of norms that could overflow an `f32` score.
    #[error(
        "the {what} has norm {norm:e}; with the norms in this index a score could overflow f32 (the product may be at most {limit:e})"
    )]
    Magnitude {
        /// `vector` or `query`.
        what: &'static str,
        /// Its Euclidean norm.
        norm: f64,
        /// The largest allowed product of norms.
        limit: f64,
    },
    /// More rows than row numbers.
    #[error("an index holds at most {max} rows; this would be row {got}")]
    TooManyRows {
        /// The row that did not fit.
        got: usize,
        /// The largest number of rows.
        max: usize,
    },
    /// A filter made for an index of another size.
    #[error(
        "the filter is for {filter} rows, the index has {index}; build the filter from the same index that is searched"
    )]
    FilterSize {
        /// Rows of the filter.
        filter: u32,
        /// Rows of the index.
        index: u32,
    },
    /// A row number outside the filter.
    #[error("row {row} is outside the filter's {rows} rows")]
    FilterRow {
        /// The row.
        row: u32,
        /// Rows of the filter.
        rows: u32,
    },
    /// A file could not be read or written.
    #[error("{path}: {action}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The operation that failed.
        action: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// A saved index that does not match its header, or a file that is not an index.
    #[error("{path}: {reason}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The problem with it.
        reason: String,
    },
    /// FAISS reported a failure.
    #[error("FAISS failed while {action}: {message}")]
    Faiss {
        /// The operation that failed.
        action: &'static str,
        /// The message of FAISS.
        message: String,
    },
    /// An option out of range for a [`Searcher`](crate::Searcher).
    #[error("searcher option {option} is {value}; it must be at least 1")]
    Options {
        /// The option's name.
        option: &'static str,
        /// Its value.
        value: usize,
    },
    /// The queue of searches is full.
    #[error("the search queue is full: {bound} searches are waiting")]
    Overloaded {
        /// The bound of the queue.
        bound: usize,
    },
    /// The deadline passed before the search began.
    #[error("the deadline passed while the search was queued")]
    DeadlineExceeded,
    /// The searcher stopped before it answered.
    #[error("the searcher stopped before this search was answered")]
    Stopped,
    /// A search panicked; the searcher goes on.
    #[error("a search panicked: {message}")]
    Panicked {
        /// The panic's message.
        message: String,
    },
}

impl Error {
    /// Returns the conversion of an I/O error of a file.
    pub(crate) fn file(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File {
            path,
            action,
            source,
        }
    }

    /// Makes the error of a file that is not a valid index.
    pub(crate) fn corrupt(path: &Path, reason: impl Into<String>) -> Self {
        Self::Corrupt {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }

    /// Returns the conversion of an error of FAISS.
    pub(crate) fn faiss(action: &'static str) -> impl FnOnce(faiss::error::Error) -> Self {
        move |cause| Self::Faiss {
            action,
            message: cause.to_string(),
        }
    }
}
