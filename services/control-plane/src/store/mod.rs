//! The control database. No other module holds SQL.
//!
//! Every write of a draft or a release is one [`Write`]: a transaction that updates the tenant's
//! row and adds the audit row. The SQL is common to SQLite and PostgreSQL; [`Dialect`] holds the
//! differences.

pub(crate) mod audit;
mod draft;
mod instances;
mod keys;
mod notifications;
mod open;
mod people;
mod releases;
mod sessions;
mod transaction;

use std::sync::Arc;
use std::time::Duration;

use fairlead_domain::TenantId;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row as _};
use tokio_util::task::TaskTracker;

use crate::Error;
pub(crate) use audit::{AuditEntry, Break, RowHash};
pub(crate) use draft::Draft;
pub(crate) use keys::SecretRow;
pub(crate) use notifications::Notification;
pub use open::migrate;
pub(crate) use people::{PersonRow, RolesByTenant};
pub(crate) use sessions::InvitationRow;
use transaction::{Tx, failed};

/// The differences between SQLite and PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// One writer at a time over all tenants; readers see the state at their first statement.
    Sqlite,
    /// Writers of one tenant wait for each other at its row; readers read one snapshot.
    Postgres,
}

impl Dialect {
    fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            // Each statement after the lock sees what earlier holders of it committed.
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Returns the statement that reads the tenant's row and locks it until the transaction ends.
    fn lock_head(self) -> &'static str {
        match self {
            Self::Sqlite => READ_HEAD,
            Self::Postgres => {
                "SELECT draft_version, revision, access_version, audit_sequence, audit_hash \
                 FROM tenants WHERE tenant = $1 FOR UPDATE"
            }
        }
    }
}

const READ_HEAD: &str = "SELECT draft_version, revision, access_version, audit_sequence, audit_hash \
     FROM tenants WHERE tenant = $1";

/// The open database. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pool: AnyPool,
    dialect: Dialect,
    /// The database, without user and password.
    database: Arc<str>,
    /// The longest wait of a write for another one, and of any call for a connection.
    busy_timeout: Duration,
    /// The transactions that are being begun.
    beginnings: TaskTracker,
}

/// The row of a tenant: its counters and its last audit hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The number of writes to the draft.
    pub(crate) draft_version: i64,
    /// The revision in force; 0 before the first.
    pub(crate) revision: i64,
    /// The number of writes to what callers may do.
    pub(crate) access_version: i64,
    /// The sequence of the newest audit row; 0 before the first.
    pub(crate) audit_sequence: i64,
    /// The hash of that row.
    pub(crate) audit_hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            draft_version: 0,
            revision: 0,
            access_version: 0,
            audit_sequence: 0,
            audit_hash: audit::GENESIS.to_owned(),
        }
    }
}

/// One write: a transaction of one tenant. Dropped without [`Write::commit`], it changes nothing.
pub(crate) struct Write {
    tx: Tx,
    dialect: Dialect,
    tenant: TenantId,
    /// The tenant's row, locked by this transaction; written back by [`Write::commit`].
    pub(crate) head: Head,
}

/// One consistent read over several tables of one tenant.
pub(crate) struct Read {
    tx: Tx,
    tenant: TenantId,
    /// The tenant's row.
    pub(crate) head: Head,
}

impl Store {
    /// Waits until every connection is closed.
    pub(crate) async fn close(&self) {
        self.beginnings.close();
        self.beginnings.wait().await;
        self.pool.close().await;
    }

    /// Checks that the database answers.
    pub(crate) async fn ready(&self) -> Result<(), Error> {
        let asked = sqlx::query("SELECT 1").execute(&self.pool);
        let answered = tokio::time::timeout(self.busy_timeout, asked).await;
        let silent = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
        answered
            .map_err(silent)
            .flatten()
            .map(|_| ())
            .map_err(|source| failed(&self.database, source))
    }

    /// Begins a write. It waits for earlier ones: of the same tenant; on SQLite, of any.
    pub(crate) async fn write(&self, tenant: &TenantId) -> Result<Write, Error> {
        let mut tx = self.begin(self.dialect.begin_write()).await?;
        let genesis = Head::default();
        let first = sqlx::query(
            "INSERT INTO tenants (tenant, draft_version, revision, audit_sequence, audit_hash) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant) DO NOTHING",
        )
        .bind(tenant.as_str())
        .bind(genesis.draft_version)
        .bind(genesis.revision)
        .bind(genesis.audit_sequence)
        .bind(&genesis.audit_hash);
        tx.execute(first).await?;
        let head = head(&mut tx, self.dialect.lock_head(), tenant).await?;
        Ok(Write {
            tx,
            dialect: self.dialect,
            tenant: tenant.clone(),
            head,
        })
    }

    /// Begins a read, whose results are all of one instant.
    pub(crate) async fn read(&self, tenant: &TenantId) -> Result<Read, Error> {
        let mut tx = self.begin(self.dialect.begin_read()).await?;
        let head = head(&mut tx, READ_HEAD, tenant).await?;
        Ok(Read {
            tx,
            tenant: tenant.clone(),
            head,
        })
    }

    /// Returns every tenant that was ever written to.
    pub(crate) async fn tenants(&self) -> Result<Vec<TenantId>, Error> {
        let mut tx = self.begin(self.dialect.begin_read()).await?;
        let rows = tx
            .fetch_all(sqlx::query("SELECT tenant FROM tenants"))
            .await?;
        let tenant = |row: &AnyRow| {
            let name: String = row.try_get("tenant")?;
            TenantId::new(&name).map_err(|error| Error::Corrupt {
                what: "a tenant".to_owned(),
                cause: error.to_string(),
            })
        };
        rows.iter().map(tenant).collect()
    }

    /// Counts a change to what the callers of a tenant may do, and notifies the other instances.
    pub(crate) async fn access_changed(&self, tenant: &TenantId) -> Result<(), Error> {
        let mut tx = self.begin(self.dialect.begin_write()).await?;
        let count =
            sqlx::query("UPDATE tenants SET access_version = access_version + 1 WHERE tenant = $1");
        tx.execute(count.bind(tenant.as_str())).await?;
        notifications::notify(&mut tx, self.dialect, tenant).await?;
        tx.commit().await
    }

    /// Begins a transaction in a task of its own: if a caller disconnected in the middle, the
    /// connection would go back to the pool inside a transaction that the pool does not know of.
    async fn begin(&self, how: &'static str) -> Result<Tx, Error> {
        let pool = self.pool.clone();
        let begun = self
            .beginnings
            .spawn(async move { pool.begin_with(how).await });
        let inner = begun
            .await?
            .map_err(|source| failed(&self.database, source))?;
        Ok(Tx::new(
            inner,
            Arc::clone(&self.database),
            self.busy_timeout,
        ))
    }
}

/// Reads the row of a tenant; returns the default if there is none.
async fn head(tx: &mut Tx, statement: &'static str, tenant: &TenantId) -> Result<Head, Error> {
    let found = tx
        .fetch_optional(sqlx::query(statement).bind(tenant.as_str()))
        .await?;
    let Some(row) = found else {
        return Ok(Head::default());
    };
    Ok(Head {
        draft_version: row.try_get("draft_version")?,
        revision: row.try_get("revision")?,
        access_version: row.try_get("access_version")?,
        audit_sequence: row.try_get("audit_sequence")?,
        audit_hash: row.try_get("audit_hash")?,
    })
}

impl Write {
    /// Notifies the other instances, once this write is committed, that the tenant has news.
    pub(crate) async fn notify(&mut self) -> Result<(), Error> {
        notifications::notify(&mut self.tx, self.dialect, &self.tenant).await
    }

    /// Adds the audit row, updates the tenant's row, and commits.
    pub(crate) async fn commit(mut self, entry: AuditEntry) -> Result<(), Error> {
        let tenant = self.tenant.clone();
        let before = self.head.audit_sequence;
        let row = audit::append(&mut self.tx, &tenant, &self.head, entry).await?;
        let step = sqlx::query(
            "UPDATE tenants SET draft_version = $1, revision = $2, access_version = $3, \
             audit_sequence = $4, audit_hash = $5 WHERE tenant = $6 AND audit_sequence = $7",
        )
        .bind(self.head.draft_version)
        .bind(self.head.revision)
        .bind(self.head.access_version)
        .bind(row.sequence)
        .bind(&row.hash)
        .bind(tenant.as_str())
        .bind(before);
        if self.tx.execute(step).await? != 1 {
            return Err(Error::Conflict {
                what: "the audit sequence",
                expected: before,
                found: before + 1,
            });
        }
        self.tx.commit().await
    }
}
