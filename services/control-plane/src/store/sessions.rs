//! Sessions, invitations, and wrong passwords in a row. Tokens are stored as hashes only.

use std::collections::BTreeMap;

use fairlead_domain::TenantId;
use sqlx::Row as _;

use super::people::{RolesByTenant, by_tenant};
use super::{Read, Store, Write};
use crate::Error;

/// The time after which wrong passwords are forgotten, from the end of the pause that they caused.
const FORGOTTEN_AFTER_MS: i64 = 24 * 3_600_000;

/// A session of a person who may sign in.
#[derive(Debug, Clone)]
pub(crate) struct SessionRow {
    pub(crate) person: String,
    pub(crate) expires_at_ms: i64,
    pub(crate) roles: RolesByTenant,
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvitationRow {
    pub(crate) tenant: TenantId,
    /// The person who was invited; empty for the first administrator.
    pub(crate) person: String,
    pub(crate) expires_at_ms: i64,
}

impl Store {
    /// Returns the session of a token, or `None` if there is none, or the person may not sign in.
    pub(crate) async fn session(&self, token_hash: &str) -> Result<Option<SessionRow>, Error> {
        let mut tx = self.begin(self.dialect.begin_read()).await?;
        let all = sqlx::query(
            "SELECT s.person, s.expires_at_ms, r.tenant, r.role \
             FROM sessions s JOIN people p ON p.name = s.person \
             JOIN person_roles r ON r.person = s.person \
             WHERE s.token_hash = $1 AND p.disabled = 0",
        )
        .bind(token_hash);
        let rows = tx.fetch_all(all).await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        Ok(Some(SessionRow {
            person: first.try_get("person")?,
            expires_at_ms: first.try_get("expires_at_ms")?,
            roles: by_tenant(&rows)?,
        }))
    }

    /// Counts an attempt to sign in under a name as failed, before it is looked at, so that attempts side
    /// by side count too. Returns the number of failures in a row with this one, or the time until
    /// which the name is paused.
    pub(crate) async fn count_attempt(
        &self,
        name: &str,
        now_ms: i64,
        pause_ms: fn(i64) -> i64,
    ) -> Result<Result<i64, i64>, Error> {
        let mut tx = self.begin(self.dialect.begin_write()).await?;
        let forget = sqlx::query("DELETE FROM failed_sign_ins WHERE paused_until_ms < $1")
            .bind(now_ms - FORGOTTEN_AFTER_MS);
        tx.execute(forget).await?;
        let count = sqlx::query(
            "INSERT INTO failed_sign_ins (name, failures, paused_until_ms) VALUES ($1, 1, $2) \
             ON CONFLICT (name) DO UPDATE SET failures = failed_sign_ins.failures + 1 \
             RETURNING failures, paused_until_ms",
        )
        .bind(name)
        .bind(now_ms);
        let row = tx
            .fetch_all(count)
            .await?
            .pop()
            .ok_or(sqlx::Error::RowNotFound)?;
        let (failures, until_ms): (i64, i64) =
            (row.try_get("failures")?, row.try_get("paused_until_ms")?);
        if until_ms > now_ms {
            // Dropped without a commit: attempts within the pause do not make it longer.
            return Ok(Err(until_ms));
        }
        let pause = sqlx::query("UPDATE failed_sign_ins SET paused_until_ms = $1 WHERE name = $2")
            .bind(now_ms + pause_ms(failures))
            .bind(name);
        tx.execute(pause).await?;
        tx.commit().await?;
        Ok(Ok(failures))
    }

    /// Forgets the failures of a name.
    pub(crate) async fn forget_failures(&self, name: &str) -> Result<(), Error> {
        let mut tx = self.begin(self.dialect.begin_write()).await?;
        let forget = sqlx::query("DELETE FROM failed_sign_ins WHERE name = $1").bind(name);
        tx.execute(forget).await?;
        tx.commit().await
    }

    /// Returns the invitation of a token, or `None` if there is none.
    pub(crate) async fn invitation(
        &self,
        token_hash: &str,
    ) -> Result<Option<InvitationRow>, Error> {
        let mut tx = self.begin(self.dialect.begin_read()).await?;
        let one = sqlx::query(
            "SELECT tenant, person, expires_at_ms FROM invitations WHERE token_hash = $1",
        )
        .bind(token_hash);
        let Some(row) = tx.fetch_optional(one).await? else {
            return Ok(None);
        };
        let tenant: String = row.try_get("tenant")?;
        let tenant = TenantId::new(&tenant).map_err(|error| Error::Corrupt {
            what: "an invitation".to_owned(),
            cause: error.to_string(),
        })?;
        Ok(Some(InvitationRow {
            tenant,
            person: row.try_get("person")?,
            expires_at_ms: row.try_get("expires_at_ms")?,
        }))
    }
}

impl Write {
    /// Replaces the invitation of a person; an empty name stands for the first administrator.
    pub(crate) async fn put_invitation(
        &mut self,
        person: &str,
        token_hash: &str,
        expires_at_ms: i64,
    ) -> Result<(), Error> {
        self.end_invitations(person).await?;
        let insert = sqlx::query(
            "INSERT INTO invitations (token_hash, tenant, person, expires_at_ms) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(token_hash)
        .bind(self.tenant.as_str())
        .bind(person)
        .bind(expires_at_ms);
        self.tx.execute(insert).await?;
        Ok(())
    }

    /// Ends the invitations of a person.
    pub(crate) async fn end_invitations(&mut self, person: &str) -> Result<(), Error> {
        let clear = sqlx::query("DELETE FROM invitations WHERE person = $1").bind(person);
        self.tx.execute(clear).await?;
        Ok(())
    }

    /// Ends an invitation. Returns false if another call did so before.
    pub(crate) async fn use_invitation(&mut self, token_hash: &str) -> Result<bool, Error> {
        let used = sqlx::query("DELETE FROM invitations WHERE token_hash = $1").bind(token_hash);
        Ok(self.tx.execute(used).await? == 1)
    }

    /// Adds a session, and forgets those that have ended by themselves.
    pub(crate) async fn insert_session(
        &mut self,
        token_hash: &str,
        person: &str,
        now_ms: i64,
        expires_at_ms: i64,
    ) -> Result<(), Error> {
        let forget = sqlx::query("DELETE FROM sessions WHERE expires_at_ms < $1").bind(now_ms);
        self.tx.execute(forget).await?;
        let insert = sqlx::query(
            "INSERT INTO sessions (token_hash, person, created_at_ms, expires_at_ms) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(token_hash)
        .bind(person)
        .bind(now_ms)
        .bind(expires_at_ms);
        self.tx.execute(insert).await?;
        self.head.access_version += 1;
        Ok(())
    }

    /// Ends one session.
    pub(crate) async fn end_session(&mut self, token_hash: &str) -> Result<(), Error> {
        let end = sqlx::query("DELETE FROM sessions WHERE token_hash = $1").bind(token_hash);
        self.tx.execute(end).await?;
        self.head.access_version += 1;
        Ok(())
    }

    /// Ends every session of a person.
    pub(crate) async fn end_sessions(&mut self, person: &str) -> Result<(), Error> {
        let end = sqlx::query("DELETE FROM sessions WHERE person = $1").bind(person);
        self.tx.execute(end).await?;
        self.head.access_version += 1;
        Ok(())
    }
}

impl Read {
    /// Returns the sessions of people with a role in the tenant that are good at this time, by the
    /// hash of the token. Their roles are those in this tenant.
    pub(crate) async fn sessions(
        &mut self,
        now_ms: i64,
    ) -> Result<BTreeMap<String, SessionRow>, Error> {
        let all = sqlx::query(
            "SELECT s.token_hash, s.person, s.expires_at_ms, r.tenant, r.role \
             FROM sessions s JOIN people p ON p.name = s.person \
             JOIN person_roles r ON r.person = s.person \
             WHERE r.tenant = $1 AND p.disabled = 0 AND s.expires_at_ms > $2",
        )
        .bind(self.tenant.as_str())
        .bind(now_ms);
        let mut sessions: BTreeMap<String, SessionRow> = BTreeMap::new();
        for row in self.tx.fetch_all(all).await? {
            let session = sessions.entry(row.try_get("token_hash")?);
            let roles = by_tenant(std::slice::from_ref(&row))?;
            let session = session.or_insert(SessionRow {
                person: row.try_get("person")?,
                expires_at_ms: row.try_get("expires_at_ms")?,
                roles: RolesByTenant::new(),
            });
            for (tenant, more) in roles {
                session.roles.entry(tenant).or_default().extend(more);
            }
        }
        Ok(sessions)
    }
}
