//! The audit chain: each row's hash covers the row before, so that changing, removing or adding a
//! row changes every hash after it.

use std::pin::pin;

use fairlead_domain::TenantId;
use fairlead_proto::control::v1::AuditRow;
use futures::TryStreamExt as _;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Head, Read, Tx};
use crate::Error;

/// The hash before the first row.
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The record of a write, before it has a number and a hash.
#[derive(Debug, Clone)]
pub(crate) struct AuditEntry {
    /// Its time, Unix milliseconds.
    pub(crate) at_ms: i64,
    /// The person or program that made it.
    pub(crate) actor: String,
    /// Its kind: "release.publish".
    pub(crate) action: &'static str,
    /// The object that it changed.
    pub(crate) subject: String,
    /// Its details.
    pub(crate) detail: Value,
}

/// The result of checking the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChainCheck {
    /// The number of rows read.
    pub(crate) rows: i64,
    /// The sequence of the first row that fails, if any.
    pub(crate) broken_at: Option<i64>,
}

/// Returns the hash of a row: SHA-256 over the tenant, the hash before, and each field of the row,
/// each after its length as 8 bytes little-endian; numbers in decimal.
fn hash_of(tenant: &str, previous: &str, row: &AuditRow) -> String {
    let (sequence, at_ms) = (row.sequence.to_string(), row.at_ms.to_string());
    let mut hash = Sha256::new();
    for part in [
        tenant,
        previous,
        &sequence,
        &at_ms,
        &row.actor,
        &row.action,
        &row.subject,
        &row.detail,
    ] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// Adds the row that follows `head`.
pub(super) async fn append(
    tx: &mut Tx,
    tenant: &TenantId,
    head: &Head,
    entry: AuditEntry,
) -> Result<AuditRow, Error> {
    let mut row = AuditRow {
        sequence: head.audit_sequence + 1,
        at_ms: entry.at_ms,
        actor: entry.actor,
        action: entry.action.to_owned(),
        subject: entry.subject,
        detail: entry.detail.to_string(),
        hash: String::new(),
    };
    row.hash = hash_of(tenant.as_str(), &head.audit_hash, &row);
    let insert = sqlx::query(
        "INSERT INTO audit_rows (tenant, sequence, at_ms, actor, action, subject, detail, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(tenant.as_str())
    .bind(row.sequence)
    .bind(row.at_ms)
    .bind(&row.actor)
    .bind(&row.action)
    .bind(&row.subject)
    .bind(&row.detail)
    .bind(&row.hash);
    tx.execute(insert).await?;
    Ok(row)
}

fn read_row(row: &AnyRow) -> Result<AuditRow, sqlx::Error> {
    Ok(AuditRow {
        sequence: row.try_get("sequence")?,
        at_ms: row.try_get("at_ms")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
        detail: row.try_get("detail")?,
        hash: row.try_get("hash")?,
    })
}

impl Read {
    /// Returns the newest rows, newest first.
    pub(crate) async fn audit_rows(&mut self, limit: i64) -> Result<Vec<AuditRow>, Error> {
        let newest = sqlx::query(
            "SELECT sequence, at_ms, actor, action, subject, detail, hash FROM audit_rows \
             WHERE tenant = $1 ORDER BY sequence DESC LIMIT $2",
        )
        .bind(self.tenant.as_str())
        .bind(limit);
        let rows = self.tx.fetch_all(newest).await?;
        Ok(rows.iter().map(read_row).collect::<Result<_, _>>()?)
    }

    /// Recomputes every hash. Finds rows missing at the end too: the tenant's own row holds their
    /// number and the last hash.
    pub(crate) async fn check_chain(&mut self) -> Result<ChainCheck, Error> {
        let all = sqlx::query(
            "SELECT sequence, at_ms, actor, action, subject, detail, hash FROM audit_rows \
             WHERE tenant = $1 ORDER BY sequence",
        )
        .bind(self.tenant.as_str());
        let mut rows = pin!(self.tx.rows(all));
        let mut previous = GENESIS.to_owned();
        let mut count = 0;
        let mut broken_at = None;
        while let Some(row) = rows.try_next().await? {
            count += 1;
            if broken_at.is_some() {
                continue;
            }
            // A row that cannot be read was not written by this service.
            match row.as_ref().map(read_row) {
                Some(Ok(row)) if row.sequence != count => broken_at = Some(count),
                Some(Ok(row)) if row.hash != hash_of(self.tenant.as_str(), &previous, &row) => {
                    broken_at = Some(count);
                }
                Some(Ok(row)) => previous = row.hash,
                Some(Err(_)) | None => broken_at = Some(count),
            }
        }
        let ends_at_head = count == self.head.audit_sequence && previous == self.head.audit_hash;
        if broken_at.is_none() && !ends_at_head {
            broken_at = Some(count.min(self.head.audit_sequence) + 1);
        }
        Ok(ChainCheck {
            rows: count,
            broken_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_covers_every_field_and_where_it_ends() {
        let row = AuditRow {
            sequence: 3,
            at_ms: 1_000,
            actor: "ada".to_owned(),
            action: "release.publish".to_owned(),
            subject: "release 2".to_owned(),
            detail: "{}".to_owned(),
            hash: String::new(),
        };
        let hash = hash_of("acme", GENESIS, &row);
        let others = [
            AuditRow {
                sequence: 4,
                ..row.clone()
            },
            AuditRow {
                at_ms: 1_001,
                ..row.clone()
            },
            AuditRow {
                actor: "bob".to_owned(),
                ..row.clone()
            },
            AuditRow {
                action: "strategy.put".to_owned(),
                ..row.clone()
            },
            AuditRow {
                subject: "release 3".to_owned(),
                ..row.clone()
            },
            AuditRow {
                detail: "{ }".to_owned(),
                ..row.clone()
            },
            // The same text, split at another place.
            AuditRow {
                actor: "adar".to_owned(),
                action: "elease.publish".to_owned(),
                ..row.clone()
            },
        ];
        for other in others {
            assert_ne!(hash_of("acme", GENESIS, &other), hash, "{other:?}");
        }
        assert_ne!(hash_of("other", GENESIS, &row), hash);
        assert_ne!(hash_of("acme", &hash, &row), hash);
    }
}
