//! Published releases: immutable rows.

use fairlead_proto::control::v1::{Release, ReleaseSummary};
use prost::Message as _;
use sqlx::Row as _;

use super::{Read, Write, notifications};
use crate::Error;

impl Read {
    /// Returns a release, or `None` if there is none of this revision.
    pub(crate) async fn release(&mut self, revision: i64) -> Result<Option<Release>, Error> {
        let one = sqlx::query("SELECT body FROM releases WHERE tenant = $1 AND revision = $2")
            .bind(self.tenant.as_str())
            .bind(revision);
        let Some(row) = self.tx.fetch_optional(one).await? else {
            return Ok(None);
        };
        let body: Vec<u8> = row.try_get("body")?;
        Release::decode(&*body).map(Some).map_err(|error| {
            Error::corrupt(format!("release {revision} of {}", self.tenant), &error)
        })
    }

    /// Returns the newest releases, newest first.
    pub(crate) async fn releases(&mut self, limit: i64) -> Result<Vec<ReleaseSummary>, Error> {
        let newest = sqlx::query(
            "SELECT revision, content_hash, published_at_ms, published_by, comment FROM releases \
             WHERE tenant = $1 ORDER BY revision DESC LIMIT $2",
        )
        .bind(self.tenant.as_str())
        .bind(limit);
        let rows = self.tx.fetch_all(newest).await?;
        let summary = |row: &sqlx::any::AnyRow| {
            Ok(ReleaseSummary {
                revision: row.try_get("revision")?,
                content_hash: row.try_get("content_hash")?,
                published_at_ms: row.try_get("published_at_ms")?,
                published_by: row.try_get("published_by")?,
                comment: row.try_get("comment")?,
            })
        };
        Ok(rows
            .iter()
            .map(summary)
            .collect::<Result<_, sqlx::Error>>()?)
    }
}

impl Write {
    /// Adds a release, which is in force once this write is committed.
    pub(crate) async fn insert_release(&mut self, release: &Release) -> Result<(), Error> {
        let insert = sqlx::query(
            "INSERT INTO releases \
             (tenant, revision, content_hash, published_at_ms, published_by, comment, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(self.tenant.as_str())
        .bind(release.revision)
        .bind(&release.content_hash)
        .bind(release.published_at_ms)
        .bind(&release.published_by)
        .bind(&release.comment)
        .bind(release.encode_to_vec());
        self.tx.execute(insert).await?;
        notifications::notify(&mut self.tx, self.dialect, &self.tenant).await?;
        self.head.revision = release.revision;
        Ok(())
    }
}
