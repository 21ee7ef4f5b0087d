//! Keys of apps and partners. Secrets are stored as hashes only.

use std::collections::BTreeMap;

use fairlead_identity::{permission_from_name, permission_name};
use fairlead_proto::access::v1::{Key, KeyKind};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Read, Tx, Write};
use crate::Error;

/// A secret of a key: the hash, and the time until which it is good, or 0.
pub(crate) type SecretRow = (String, i64);

const COLUMNS: &str = "SELECT id, name, kind, origin, scopes, requests_per_second, not_before_ms, \
     expires_at_ms, revoked_at_ms, created_at_ms, created_by FROM api_keys WHERE tenant = $1";

/// Returns the name of a kind in the database.
fn kind_name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Application => "application",
        KeyKind::Partner => "partner",
        KeyKind::Unspecified => "",
    }
}

fn kind_from_name(name: &str) -> KeyKind {
    match name {
        "application" => KeyKind::Application,
        "partner" => KeyKind::Partner,
        _ => KeyKind::Unspecified,
    }
}

fn read_key(row: &AnyRow) -> Result<Key, sqlx::Error> {
    let (kind, scopes): (String, String) = (row.try_get("kind")?, row.try_get("scopes")?);
    let rate: i64 = row.try_get("requests_per_second")?;
    Ok(Key {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        kind: kind_from_name(&kind).into(),
        origin: row.try_get("origin")?,
        // A permission that this version does not know gives nothing.
        scopes: scopes
            .split(' ')
            .filter_map(permission_from_name)
            .map(i32::from)
            .collect(),
        requests_per_second: u32::try_from(rate).unwrap_or_default(),
        not_before_ms: row.try_get("not_before_ms")?,
        expires_at_ms: row.try_get("expires_at_ms")?,
        revoked_at_ms: row.try_get("revoked_at_ms")?,
        created_at_ms: row.try_get("created_at_ms")?,
        created_by: row.try_get("created_by")?,
    })
}

async fn keys(tx: &mut Tx, tenant: &str) -> Result<Vec<Key>, Error> {
    let rows = tx.fetch_all(sqlx::query(COLUMNS).bind(tenant)).await?;
    let mut keys: Vec<Key> = rows.iter().map(read_key).collect::<Result<_, _>>()?;
    keys.sort_by(|one, other| {
        let age = other.created_at_ms.cmp(&one.created_at_ms);
        age.then_with(|| one.id.cmp(&other.id))
    });
    Ok(keys)
}

impl Read {
    /// Returns the keys of the tenant, the newest first.
    pub(crate) async fn keys(&mut self) -> Result<Vec<Key>, Error> {
        keys(&mut self.tx, self.tenant.as_str()).await
    }

    /// Returns the secrets of the tenant's keys, by the id of the key.
    pub(crate) async fn secrets(&mut self) -> Result<BTreeMap<String, Vec<SecretRow>>, Error> {
        let all = sqlx::query(
            "SELECT s.key_id, s.secret_hash, s.until_ms FROM api_key_secrets s \
             JOIN api_keys k ON k.id = s.key_id WHERE k.tenant = $1 ORDER BY s.secret_hash",
        )
        .bind(self.tenant.as_str());
        let mut secrets: BTreeMap<String, Vec<SecretRow>> = BTreeMap::new();
        for row in self.tx.fetch_all(all).await? {
            let of_key = secrets.entry(row.try_get("key_id")?).or_default();
            of_key.push((row.try_get("secret_hash")?, row.try_get("until_ms")?));
        }
        Ok(secrets)
    }
}

impl Write {
    /// Returns the key of an id, or `None` if the tenant has none of it.
    pub(crate) async fn key(&mut self, id: &str) -> Result<Option<Key>, Error> {
        let all = keys(&mut self.tx, self.tenant.as_str()).await?;
        Ok(all.into_iter().find(|key| key.id == id))
    }

    /// Adds a key without secrets.
    pub(crate) async fn insert_key(&mut self, key: &Key) -> Result<(), Error> {
        let scopes: Vec<String> = key.scopes().map(permission_name).collect();
        let insert = sqlx::query(
            "INSERT INTO api_keys (id, tenant, name, kind, origin, scopes, requests_per_second, \
             not_before_ms, expires_at_ms, revoked_at_ms, created_at_ms, created_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(&key.id)
        .bind(self.tenant.as_str())
        .bind(&key.name)
        .bind(kind_name(key.kind()))
        .bind(&key.origin)
        .bind(scopes.join(" "))
        .bind(i64::from(key.requests_per_second))
        .bind(key.not_before_ms)
        .bind(key.expires_at_ms)
        .bind(key.revoked_at_ms)
        .bind(key.created_at_ms)
        .bind(&key.created_by);
        self.tx.execute(insert).await?;
        self.head.access_version += 1;
        Ok(())
    }

    /// Adds a secret to a key. Those before are good until `before_until_ms` at the latest; those that
    /// ended before `now_ms` are forgotten.
    pub(crate) async fn add_secret(
        &mut self,
        key: &str,
        secret_hash: &str,
        now_ms: i64,
        before_until_ms: i64,
    ) -> Result<(), Error> {
        let forget = sqlx::query(
            "DELETE FROM api_key_secrets WHERE key_id = $1 AND until_ms > 0 AND until_ms <= $2",
        )
        .bind(key)
        .bind(now_ms);
        self.tx.execute(forget).await?;
        let end = sqlx::query(
            "UPDATE api_key_secrets SET until_ms = $1 \
             WHERE key_id = $2 AND (until_ms = 0 OR until_ms > $1)",
        )
        .bind(before_until_ms)
        .bind(key);
        self.tx.execute(end).await?;
        let insert = sqlx::query(
            "INSERT INTO api_key_secrets (key_id, secret_hash, until_ms) VALUES ($1, $2, 0)",
        )
        .bind(key)
        .bind(secret_hash);
        self.tx.execute(insert).await?;
        self.head.access_version += 1;
        Ok(())
    }

    /// Revokes a key, and forgets its secrets.
    pub(crate) async fn revoke_key(&mut self, id: &str, now_ms: i64) -> Result<(), Error> {
        let revoke = sqlx::query("UPDATE api_keys SET revoked_at_ms = $1 WHERE id = $2")
            .bind(now_ms)
            .bind(id);
        self.tx.execute(revoke).await?;
        let forget = sqlx::query("DELETE FROM api_key_secrets WHERE key_id = $1").bind(id);
        self.tx.execute(forget).await?;
        self.head.access_version += 1;
        Ok(())
    }
}
