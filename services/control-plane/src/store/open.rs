//! Opening the control database, and bringing it to this version.

use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::MigrateError;
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use tokio_util::task::TaskTracker;

use super::{Dialect, Store};
use crate::address::Address;
use crate::{Config, Error};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// The idle time after which PostgreSQL ends a transaction, so that a process that hangs does not
/// keep others from writing.
const IDLE_WRITE: &str = "60s";

/// Brings the database of this configuration to this version; makes a SQLite file if there is none.
///
/// If several processes do so on one PostgreSQL at the same time, one migrates and the others wait.
///
/// # Errors
/// A configuration that is not allowed; a database that does not answer, refuses, or is of a newer
/// version.
pub async fn migrate(config: &Config) -> Result<(), Error> {
    let address = Address::read(&config.database)?;
    bring_up(&address, &address.options()?, config.busy_timeout()).await
}

impl Store {
    /// Opens the database, made if it does not exist, and brings it to this version.
    pub(crate) async fn open(config: &Config) -> Result<Self, Error> {
        let connections = config.checked_connections()?;
        let busy_timeout = config.busy_timeout();
        let address = Address::read(&config.database)?;
        let options = address.options()?;
        bring_up(&address, &options, busy_timeout).await?;
        let dialect = address.dialect();
        let settings = dialect.settings(busy_timeout);
        let pool = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(busy_timeout)
            .after_connect(move |connection, _| {
                let settings = settings.clone();
                Box::pin(async move { set(connection, &settings).await })
            })
            .connect_lazy_with(options);
        Ok(Self {
            pool,
            dialect,
            database: address.shown().into(),
            busy_timeout,
            beginnings: TaskTracker::new(),
        })
    }
}

impl Address {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres { .. } => Dialect::Postgres,
        }
    }
}

impl Dialect {
    /// Returns the statements that each new connection runs first.
    fn settings(self, busy_timeout: Duration) -> Arc<[String]> {
        let wait = busy_timeout.as_millis();
        match self {
            Self::Sqlite => [
                // First: the others wait for it.
                format!("PRAGMA busy_timeout = {wait}"),
                // Readers never wait for the writer.
                "PRAGMA journal_mode = WAL".to_owned(),
                // An acknowledged write survives a power cut, not only a crash of the process.
                "PRAGMA synchronous = FULL".to_owned(),
                "PRAGMA foreign_keys = ON".to_owned(),
            ]
            .into(),
            Self::Postgres => [
                format!("SET lock_timeout = '{wait}ms'"),
                format!("SET idle_in_transaction_session_timeout = '{IDLE_WRITE}'"),
            ]
            .into(),
        }
    }
}

async fn set(connection: &mut AnyConnection, settings: &[String]) -> Result<(), sqlx::Error> {
    for setting in settings {
        // Built by `settings` from constants and numbers.
        connection.execute(AssertSqlSafe(setting.clone())).await?;
    }
    Ok(())
}

async fn bring_up(
    address: &Address,
    options: &AnyConnectOptions,
    limit: Duration,
) -> Result<(), Error> {
    sqlx::any::install_default_drivers();
    let open = |source| Error::Open {
        database: address.shown(),
        source,
    };
    let silent = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    let connected = tokio::time::timeout(limit, options.connect()).await;
    let mut connection = connected.map_err(silent).flatten().map_err(open)?;
    if address.dialect() == Dialect::Sqlite {
        // Before the first table: the mode of the journal is a property of the file.
        set(&mut connection, &Dialect::Sqlite.settings(limit))
            .await
            .map_err(open)?;
    }
    // On PostgreSQL without a limit on waiting for locks, because another process may be migrating.
    // Not `run`, whose future is not `Send` over a borrowed connection.
    let migrated = MIGRATIONS.run_direct(None, &mut connection, false).await;
    migrated.map_err(|source| match source {
        MigrateError::VersionMissing(version) => Error::Newer {
            database: address.shown(),
            version,
        },
        source => Error::Migration {
            database: address.shown(),
            source,
        },
    })?;
    // The migration is done; a failure to close changes nothing.
    let _ = connection.close().await;
    Ok(())
}
