//! The lease of a compaction. Only one compaction may run, because two could delete each other's
//! inputs.
//!
//! A lease is a numbered file, created only if no file of that number exists. The highest number is
//! the current lease. When it has expired, compactions try to create the next number, and exactly
//! one succeeds.

use std::sync::Arc;

use fairlead_chassis::clock::Clock;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};

use crate::error::Error;
use crate::store::{CreateOutcome, Store};

const FOLDER: &str = "_ledger/_compaction";
/// The duration of a lease, after which others may take it.
const DURATION_MS: i64 = 5 * 60_000;

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct LeaseTerms {
    until_ms: i64,
}

pub(super) struct Lease<'a> {
    store: &'a Store,
    clock: &'a Arc<dyn Clock>,
    number: u64,
    until_ms: i64,
}

fn path(number: u64) -> Path {
    Path::from(format!("{FOLDER}/{number:020}.json"))
}

async fn numbers(store: &Store) -> Result<Vec<u64>, Error> {
    let found = store.list(FOLDER).await?;
    let number = |path: &Path| path.filename()?.strip_suffix(".json")?.parse().ok();
    Ok(found
        .iter()
        .filter_map(|meta| number(&meta.location))
        .collect())
}

impl<'a> Lease<'a> {
    pub(super) async fn acquire(
        store: &'a Store,
        clock: &'a Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let held = numbers(store).await?;
        let highest = held.iter().copied().max();
        if let Some(number) = highest {
            let path = path(number);
            let terms: LeaseTerms =
                serde_json::from_slice(&store.read(&path).await?).map_err(|cause| {
                    Error::Ledger {
                        path: path.to_string(),
                        detail: cause.to_string(),
                    }
                })?;
            if clock.now_ms() < terms.until_ms {
                return Err(held_by_another(store, terms.until_ms));
            }
        }
        let number = highest.map_or(0, |number| number + 1);
        let until_ms = clock.now_ms() + DURATION_MS;
        let text = serde_json::json!({ "until_ms": until_ms }).to_string();
        if store.create(&path(number), text.into()).await? == CreateOutcome::Existed {
            return Err(held_by_another(store, until_ms));
        }
        store.delete(held.into_iter().map(path).collect()).await?;
        Ok(Self {
            store,
            clock,
            number,
            until_ms,
        })
    }

    /// Checks that the lease is still valid, and renews it in its second half.
    pub(super) async fn renew(&mut self) -> Result<(), Error> {
        let now_ms = self.clock.now_ms();
        if now_ms + DURATION_MS / 2 < self.until_ms {
            return Ok(());
        }
        let highest = numbers(self.store).await?.into_iter().max();
        if highest != Some(self.number) || now_ms >= self.until_ms {
            return Err(held_by_another(self.store, now_ms + DURATION_MS));
        }
        self.set(now_ms + DURATION_MS).await
    }

    pub(super) async fn release(mut self) -> Result<(), Error> {
        if self.clock.now_ms() < self.until_ms {
            self.set(0).await?;
        }
        Ok(())
    }

    async fn set(&mut self, until_ms: i64) -> Result<(), Error> {
        let text = serde_json::json!({ "until_ms": until_ms }).to_string();
        let put = self
            .store
            .objects()
            .put(&path(self.number), PutPayload::from(text))
            .await;
        put.map_err(self.store.failed("prolonging the lease of a compaction"))?;
        self.until_ms = until_ms;
        Ok(())
    }
}

fn held_by_another(store: &Store, until_ms: i64) -> Error {
    let until = jiff::Timestamp::from_millisecond(until_ms);
    Error::Compacting {
        url: store.url().to_owned(),
        until: until.map_or_else(|_| until_ms.to_string(), |until| until.to_string()),
    }
}
