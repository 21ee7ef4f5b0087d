//! A transaction whose errors name the database.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Transaction};

use crate::Error;

/// The time without an answer, beyond the wait for a lock, after which the database counts as lost.
const SILENCE: Duration = Duration::from_secs(30);

/// A statement with its arguments.
pub(super) type Statement<'q> = Query<'q, Any, AnyArguments>;

/// An open transaction. Dropped without [`Tx::commit`], it changes nothing.
pub(crate) struct Tx {
    inner: Transaction<'static, Any>,
    /// The database, without user and password.
    database: Arc<str>,
    limit: Duration,
}

impl Tx {
    pub(super) fn new(
        inner: Transaction<'static, Any>,
        database: Arc<str>,
        lock_wait: Duration,
    ) -> Self {
        Self {
            inner,
            database,
            limit: lock_wait + SILENCE,
        }
    }

    /// Runs a statement and returns the number of rows it changed.
    pub(super) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, Error> {
        let running = statement.execute(&mut *self.inner);
        let done = within(self.limit, running).await;
        done.map(|done| done.rows_affected())
            .map_err(|source| failed(&self.database, source))
    }

    pub(super) async fn fetch_all(
        &mut self,
        statement: Statement<'_>,
    ) -> Result<Vec<AnyRow>, Error> {
        let running = statement.fetch_all(&mut *self.inner);
        let rows = within(self.limit, running).await;
        rows.map_err(|source| failed(&self.database, source))
    }

    pub(super) async fn fetch_optional(
        &mut self,
        statement: Statement<'_>,
    ) -> Result<Option<AnyRow>, Error> {
        let running = statement.fetch_optional(&mut *self.inner);
        let row = within(self.limit, running).await;
        row.map_err(|source| failed(&self.database, source))
    }

    /// Streams the rows; `Ok(None)` stands for a row that cannot be read.
    pub(super) fn rows<'a>(
        &'a mut self,
        statement: Statement<'a>,
    ) -> impl Stream<Item = Result<Option<AnyRow>, Error>> + Send + 'a {
        let database = Arc::clone(&self.database);
        statement.fetch(&mut *self.inner).map(move |row| match row {
            Ok(row) => Ok(Some(row)),
            Err(sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. }) => Ok(None),
            Err(source) => Err(failed(&database, source)),
        })
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        let done = within(self.limit, self.inner.commit()).await;
        done.map_err(|source| failed(&self.database, source))
    }
}

/// Limits the wait for a database that no longer answers.
async fn within<T>(
    limit: Duration,
    running: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(limit, running).await {
        Ok(done) => done,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Returns the error for a failed statement: another write came first, or the database failed.
pub(super) fn failed(database: &Arc<str>, source: sqlx::Error) -> Error {
    if let sqlx::Error::Database(said) = &source
        // 40001: serialisation failure, 40P01: deadlock.
        && (said.is_unique_violation() || matches!(said.code().as_deref(), Some("40001" | "40P01")))
    {
        return Error::Overtaken(source);
    }
    Error::Database {
        database: database.to_string(),
        source,
    }
}
