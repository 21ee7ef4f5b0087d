//! The control database: the only place that speaks SQL.
//!
//! Every write goes through [`Write`], which is one transaction: it moves the tenant's row on,
//! adds the audit row, and is committed whole or not at all. There is no other way to write.
//! The SQL is common to SQLite and PostgreSQL; only opening and `BEGIN IMMEDIATE` are SQLite's.

pub(crate) mod audit;
mod draft;
mod releases;

use fairlead_domain::TenantId;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row as _, Sqlite, SqlitePool, Transaction};

use crate::{Config, Error};
pub(crate) use audit::AuditEntry;
pub(crate) use draft::Draft;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// The open database. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pool: SqlitePool,
}

/// Where a tenant stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Counts the writes to the draft.
    pub(crate) draft_version: i64,
    /// The release in force; 0 before the first.
    pub(crate) revision: i64,
    /// The newest audit row; 0 before the first.
    pub(crate) audit_sequence: i64,
    /// Its hash.
    pub(crate) audit_hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            draft_version: 0,
            revision: 0,
            audit_sequence: 0,
            audit_hash: audit::GENESIS.to_owned(),
        }
    }
}

/// One write: a transaction of one tenant. Dropped without [`Write::commit`], nothing happened.
pub(crate) struct Write {
    tx: Transaction<'static, Sqlite>,
    tenant: TenantId,
    /// Where the tenant stood when the transaction began. It cannot move while it lasts.
    pub(crate) head: Head,
}

/// One consistent look at several tables of one tenant.
pub(crate) struct Read {
    tx: Transaction<'static, Sqlite>,
    tenant: TenantId,
    /// Where the tenant stood.
    pub(crate) head: Head,
}

impl Store {
    /// Opens the database, makes it where it is not there, and brings it to this version.
    pub(crate) async fn open(config: &Config) -> Result<Self, Error> {
        let path = config.sqlite_path()?;
        let connections = config.checked_connections()?;
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(|source| Error::Folder {
                path: folder.display().to_string(),
                source,
            })?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            // Readers never wait for the writer.
            .journal_mode(SqliteJournalMode::Wal)
            // What was acknowledged survives a power cut, not only a crash of the process.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(config.busy_timeout());
        let pool = SqlitePoolOptions::new()
            .max_connections(connections)
            .connect_with(options)
            .await?;
        MIGRATIONS.run(&pool).await?;
        Ok(Self { pool })
    }

    /// Waits until every connection is closed.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// Begins a write. It waits for the one before it, of whatever tenant.
    pub(crate) async fn write(&self, tenant: &TenantId) -> Result<Write, Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let genesis = Head::default();
        sqlx::query(
            "INSERT INTO tenants (tenant, draft_version, revision, audit_sequence, audit_hash) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant) DO NOTHING",
        )
        .bind(tenant.as_str())
        .bind(genesis.draft_version)
        .bind(genesis.revision)
        .bind(genesis.audit_sequence)
        .bind(&genesis.audit_hash)
        .execute(&mut *tx)
        .await?;
        let head = head(&mut tx, tenant).await?;
        Ok(Write {
            tx,
            tenant: tenant.clone(),
            head,
        })
    }

    /// Begins a read: everything read from it is of one instant.
    pub(crate) async fn read(&self, tenant: &TenantId) -> Result<Read, Error> {
        let mut tx = self.pool.begin().await?;
        let head = head(&mut tx, tenant).await?;
        Ok(Read {
            tx,
            tenant: tenant.clone(),
            head,
        })
    }
}

/// Where a tenant stands; the beginning where it was never written.
async fn head(tx: &mut Transaction<'static, Sqlite>, tenant: &TenantId) -> Result<Head, Error> {
    let row = sqlx::query(
        "SELECT draft_version, revision, audit_sequence, audit_hash FROM tenants \
         WHERE tenant = $1",
    )
    .bind(tenant.as_str())
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else {
        return Ok(Head::default());
    };
    Ok(Head {
        draft_version: row.try_get("draft_version")?,
        revision: row.try_get("revision")?,
        audit_sequence: row.try_get("audit_sequence")?,
        audit_hash: row.try_get("audit_hash")?,
    })
}

impl Write {
    /// Adds the audit row, moves the tenant's row on, and commits.
    pub(crate) async fn commit(mut self, entry: AuditEntry) -> Result<(), Error> {
        let tenant = self.tenant.clone();
        let before = self.head.audit_sequence;
        let row = audit::append(&mut self.tx, &tenant, &self.head, entry).await?;
        let moved = sqlx::query(
            "UPDATE tenants SET draft_version = $1, revision = $2, audit_sequence = $3, \
             audit_hash = $4 WHERE tenant = $5 AND audit_sequence = $6",
        )
        .bind(self.head.draft_version)
        .bind(self.head.revision)
        .bind(row.sequence)
        .bind(&row.hash)
        .bind(tenant.as_str())
        .bind(before)
        .execute(&mut *self.tx)
        .await?;
        if moved.rows_affected() != 1 {
            return Err(Error::Conflict {
                what: "the audit sequence",
                expected: before,
                found: before + 1,
            });
        }
        Ok(self.tx.commit().await?)
    }
}
