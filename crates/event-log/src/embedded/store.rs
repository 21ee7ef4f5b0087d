//! The database file: opened under its lock, written in transactions, opened again after a failure.
//!
//! After an I/O error redb refuses every call until the file is opened again, because the disk may
//! differ from its memory. [`Store::reopen`] does that, so that the log recovers as soon as a full
//! disk or a lost mount does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::chunk::MalformedChunk;
use crate::error::Error;

const FILE_NAME: &str = "event-log.redb";

/// A function that opens the database. Tests pass one with failing storage.
pub(crate) type Opener = Box<dyn Fn(&Path) -> Result<Database, DatabaseError> + Send + Sync>;

/// The error of a transaction.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Database(redb::Error),
    #[error(transparent)]
    MalformedChunk(#[from] MalformedChunk),
    #[error("{0}")]
    Unexpected(String),
}

/// redb has an error type for each operation; each converts to their union.
impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

enum State {
    Open(Database),
    /// Failed and not opened again yet.
    Failed,
    Closed,
}

/// The log's file.
pub(crate) struct Store {
    folder: PathBuf,
    path: PathBuf,
    opener: Opener,
    // The read lock is held for one transaction on a blocking thread; the write lock is taken only
    // to replace the database.
    state: RwLock<State>,
}

impl Store {
    /// Returns the opener of real files, with a page cache of `cache_bytes`.
    pub(crate) fn file_opener(cache_bytes: usize) -> Opener {
        Box::new(move |path| {
            Database::builder()
                .set_cache_size(cache_bytes)
                .set_check_integrity_on_open(true)
                .create(path)
        })
    }

    /// Opens the log's file in `folder`, or creates it.
    pub(crate) fn open(folder: &Path, opener: Opener) -> Result<Self, Error> {
        let storage = |operation, error: std::io::Error| Error::Storage {
            folder: folder.to_owned(),
            operation,
            cause: Arc::new(error),
        };
        std::fs::create_dir_all(folder).map_err(|e| storage("making the data folder", e))?;
        let store = Self {
            folder: folder.to_owned(),
            path: folder.join(FILE_NAME),
            opener,
            state: RwLock::new(State::Failed),
        };
        store.reopen()?;
        // The file's directory entry must survive a power cut too.
        std::fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|e| storage("flushing the data folder", e))?;
        Ok(store)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the file if it is open and opens it again. Committed data is kept.
    pub(crate) fn reopen(&self) -> Result<(), Error> {
        let mut state = self.state.write();
        if matches!(*state, State::Closed) {
            return Err(Error::Closed);
        }
        // The old database must release the file's lock before the new one takes it.
        *state = State::Failed;
        // On some kinds of damage redb panics; a damaged file must not end the process.
        let opened = catch_unwind(AssertUnwindSafe(|| (self.opener)(&self.path)));
        let database = match opened {
            Ok(Ok(database)) => database,
            Ok(Err(error)) => return Err(self.explain("opening the event log", error.into())),
            Err(_) => return Err(self.corrupt("the store gave up on it".to_owned())),
        };
        *state = State::Open(database);
        Ok(())
    }

    /// Returns true if the file is open.
    pub(crate) fn is_open(&self) -> bool {
        matches!(*self.state.read(), State::Open(_))
    }

    /// Closes the file. Later calls return [`Error::Closed`].
    pub(crate) fn close(&self) {
        *self.state.write() = State::Closed;
    }

    /// Runs `body` on a snapshot.
    pub(crate) fn read<T>(
        &self,
        operation: &'static str,
        body: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, Error> {
        self.with_database(operation, |database| {
            let txn = database.begin_read()?;
            body(&txn)
        })
    }

    /// Runs `body` in a transaction and returns when its effects are durable. After an error none
    /// of them is kept. Only one thread may call this.
    pub(crate) fn write<T>(
        &self,
        operation: &'static str,
        body: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, Error> {
        self.with_database(operation, |database| {
            // Durability::Immediate is redb's default: commit returns after fsync.
            let txn = database.begin_write()?;
            let value = body(&txn)?;
            txn.commit()?;
            Ok(value)
        })
    }

    fn with_database<T>(
        &self,
        operation: &'static str,
        body: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, Error> {
        let state = self.state.read();
        let database = match &*state {
            State::Open(database) => database,
            State::Closed => return Err(Error::Closed),
            State::Failed => {
                return Err(Error::Storage {
                    folder: self.folder.clone(),
                    operation,
                    cause: Arc::new(std::io::Error::other(
                        "the event log failed earlier and could not be opened again yet",
                    )),
                });
            }
        };
        match catch_unwind(AssertUnwindSafe(|| body(database))) {
            Ok(outcome) => outcome.map_err(|error| self.explain(operation, error)),
            Err(_) => Err(self.corrupt(format!("the store gave up while {operation}"))),
        }
    }

    fn corrupt(&self, detail: String) -> Error {
        Error::Corrupt {
            path: self.path.clone(),
            detail,
        }
    }

    fn explain(&self, operation: &'static str, error: StoreError) -> Error {
        let error = match error {
            StoreError::Database(error) => error,
            other => return self.corrupt(other.to_string()),
        };
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Error::Locked {
                path: self.path.clone(),
            },
            redb::Error::Io(error) => self.explain_io(operation, error),
            redb::Error::Corrupted(detail) => self.corrupt(detail),
            error @ (redb::Error::UpgradeRequired(_)
            | redb::Error::RepairAborted
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TypeDefinitionChanged { .. }) => self.corrupt(error.to_string()),
            other => Error::Storage {
                folder: self.folder.clone(),
                operation,
                cause: Arc::new(other),
            },
        }
    }

    fn explain_io(&self, operation: &'static str, error: std::io::Error) -> Error {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Error::DiskFull {
                    folder: self.folder.clone(),
                    detail: error.to_string(),
                }
            }
            // redb returns these for a file that is not a redb file or is truncated.
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => self.corrupt(error.to_string()),
            _ => Error::Storage {
                folder: self.folder.clone(),
                operation,
                cause: Arc::new(error),
            },
        }
    }
}
