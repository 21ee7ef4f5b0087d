//! The audit chain: each row's hash covers the row before, so that changing, removing or adding a
//! row changes every hash after it.

use std::pin::pin;

use fairlead_domain::TenantId;
use fairlead_proto::control::v1::{AuditFault, AuditRow};
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

/// A row of the chain by its sequence, with its hash. The default is the beginning, before the first row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowHash {
    /// The sequence; 0 at the beginning.
    pub(crate) sequence: i64,
    /// The hash, which covers every row up to this one.
    pub(crate) hash: String,
}

impl Default for RowHash {
    fn default() -> Self {
        Self {
            sequence: 0,
            hash: GENESIS.to_owned(),
        }
    }
}

/// The place where a chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Break {
    /// The first sequence that does not hold.
    pub(crate) sequence: i64,
    /// The fault there.
    pub(crate) fault: AuditFault,
}

impl Break {
    fn row(sequence: i64) -> Self {
        let fault = AuditFault::Row;
        Self { sequence, fault }
    }

    fn rewritten(sequence: i64) -> Self {
        let fault = AuditFault::Rewritten;
        Self { sequence, fault }
    }
}

/// The result of checking some rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    /// The last row that holds.
    pub(crate) reached: RowHash,
    /// The place where the chain breaks, if it does among these rows.
    pub(crate) broken: Option<Break>,
    /// True if no rows follow.
    pub(crate) complete: bool,
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

    /// Recomputes the hashes of the rows after `from`, reading `limit` rows at most, 2 at least. Finds
    /// rows missing at the end too: the tenant's own row holds their number and the last hash.
    pub(crate) async fn check_rows(
        &mut self,
        from: &RowHash,
        limit: i64,
    ) -> Result<Checked, Error> {
        // At the beginning every row is read, whatever its number.
        let mut again = from.sequence > 0;
        let first = if again { from.sequence } else { i64::MIN };
        let next = sqlx::query(
            "SELECT sequence, at_ms, actor, action, subject, detail, hash FROM audit_rows \
             WHERE tenant = $1 AND sequence >= $2 ORDER BY sequence LIMIT $3",
        )
        .bind(self.tenant.as_str())
        .bind(first)
        .bind(limit);
        let mut rows = pin!(self.tx.rows(next));
        let (mut reached, mut read) = (from.clone(), 0);
        let broken = |reached, at| Checked {
            reached,
            broken: Some(at),
            complete: false,
        };
        while let Some(row) = rows.try_next().await? {
            read += 1;
            // A row that cannot be read was not written by this service.
            let row = row.as_ref().and_then(|row| read_row(row).ok());
            if again {
                // The row of `from` itself: still the same, and no second one with its number.
                again = false;
                if row.is_none_or(|row| row.sequence != from.sequence || row.hash != from.hash) {
                    return Ok(broken(reached, Break::rewritten(from.sequence)));
                }
                continue;
            }
            let sequence = reached.sequence + 1;
            let follows = |row: &AuditRow| {
                row.sequence == sequence
                    && row.hash == hash_of(self.tenant.as_str(), &reached.hash, row)
            };
            let Some(row) = row.filter(follows) else {
                return Ok(broken(reached, Break::row(sequence)));
            };
            let hash = row.hash;
            reached = RowHash { sequence, hash };
        }
        let complete = read < limit;
        let ends_at_head =
            reached.sequence == self.head.audit_sequence && reached.hash == self.head.audit_hash;
        if again {
            return Ok(broken(reached, missing(&self.head, from.sequence)));
        }
        if complete && !ends_at_head {
            let sequence = reached.sequence.min(self.head.audit_sequence) + 1;
            return Ok(broken(reached, Break::row(sequence)));
        }
        Ok(Checked {
            reached,
            broken: None,
            complete,
        })
    }

    /// Returns the break if the chain does not hold a row that it once had, or `None` if it does.
    pub(crate) async fn compare(&mut self, had: &RowHash) -> Result<Option<Break>, Error> {
        if had.sequence == 0 {
            return Ok(None);
        }
        let select = "SELECT hash FROM audit_rows WHERE tenant = $1 AND sequence = $2";
        let select = sqlx::query(select).bind(self.tenant.as_str());
        let found = self.tx.fetch_optional(select.bind(had.sequence)).await?;
        Ok(match found {
            Some(row)
                if row
                    .try_get("hash")
                    .is_ok_and(|hash: String| hash == had.hash) =>
            {
                None
            }
            Some(_) => Some(Break::rewritten(had.sequence)),
            None => Some(missing(&self.head, had.sequence)),
        })
    }
}

/// Returns the break at a row that was there once: at the first row that is missing now.
fn missing(head: &Head, sequence: i64) -> Break {
    Break::rewritten(sequence.min(head.audit_sequence.saturating_add(1)))
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
