//! Stores that fail in chosen ways.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use fairlead_domain::{CustomerId, ProductId, TenantId};
use fairlead_online::{
    EntityKey, Error, FeatureStore, Field, MemoryStore, SourcePartition, Write, WriteOutcome,
};
use fairlead_proto::feature::v1::EntityState;
use fairlead_registry::Registry;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::sync::{Mutex, Notify};

fn broken() -> Error {
    Error::Unreachable {
        url: "redis://test".into(),
        operation: "writing features",
        detail: "broken by the test".into(),
    }
}

/// A store that passes calls on and fails at random: before writing, after writing a part, after
/// writing all, or by hanging after a write, so that the test can kill the stream at that point.
pub(crate) struct FlakyStore {
    inner: Arc<dyn FeatureStore>,
    rng: Mutex<ChaCha8Rng>,
    /// True while it fails at random.
    pub(crate) on: AtomicBool,
    /// Notified when a call hangs.
    pub(crate) hangs: Notify,
    pub(crate) faults: AtomicUsize,
}

impl FlakyStore {
    pub(crate) fn new(inner: Arc<dyn FeatureStore>, seed: u64) -> Self {
        Self {
            inner,
            rng: Mutex::new(ChaCha8Rng::seed_from_u64(seed)),
            on: AtomicBool::new(true),
            hangs: Notify::new(),
            faults: AtomicUsize::new(0),
        }
    }

    async fn hang(&self) -> ! {
        self.hangs.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl FeatureStore for FlakyStore {
    async fn read_customer(
        &self,
        tenant: &TenantId,
        customer: &CustomerId,
    ) -> Result<Option<EntityState>, Error> {
        self.inner.read_customer(tenant, customer).await
    }

    async fn read_customers(
        &self,
        tenant: &TenantId,
        customers: &[CustomerId],
    ) -> Result<Vec<Option<EntityState>>, Error> {
        self.inner.read_customers(tenant, customers).await
    }

    async fn read_product_counters(
        &self,
        tenant: &TenantId,
        products: &[ProductId],
    ) -> Result<Vec<Option<EntityState>>, Error> {
        self.inner.read_product_counters(tenant, products).await
    }

    async fn read_fields(
        &self,
        fields: &[(EntityKey, SourcePartition)],
    ) -> Result<Vec<Option<Field>>, Error> {
        if self.on.load(Ordering::SeqCst) && self.rng.lock().await.random_bool(0.05) {
            self.faults.fetch_add(1, Ordering::SeqCst);
            return Err(broken());
        }
        self.inner.read_fields(fields).await
    }

    async fn apply(&self, mut writes: Vec<Write>) -> Result<Vec<WriteOutcome>, Error> {
        if !self.on.load(Ordering::SeqCst) {
            return self.inner.apply(writes).await;
        }
        let (fault, share) = {
            let mut rng = self.rng.lock().await;
            (rng.random_range(0..40), rng.random_range(0..=writes.len()))
        };
        if fault < 5 {
            self.faults.fetch_add(1, Ordering::SeqCst);
        }
        match fault {
            0 => Err(broken()),
            1 => {
                writes.truncate(share);
                self.inner.apply(writes).await?;
                Err(broken())
            }
            2 => {
                self.inner.apply(writes).await?;
                Err(broken())
            }
            3 => {
                writes.truncate(share);
                self.inner.apply(writes).await?;
                self.hang().await
            }
            4 => {
                self.inner.apply(writes).await?;
                self.hang().await
            }
            _ => self.inner.apply(writes).await,
        }
    }

    async fn healthy(&self) -> Result<(), Error> {
        self.inner.healthy().await
    }
}

/// A store with a journal, like Redis with an append-only file: it can lose its last writes.
pub(crate) struct LossyStore {
    journal: Mutex<(MemoryStore, Vec<Write>)>,
}

impl LossyStore {
    pub(crate) fn new() -> Self {
        Self {
            journal: Mutex::new((MemoryStore::new(Registry::builtin()), Vec::new())),
        }
    }

    /// Loses the last `count` writes and returns the number of writes before.
    pub(crate) async fn lose(&self, count: usize) -> usize {
        let mut journal = self.journal.lock().await;
        let before = journal.1.len();
        journal.1.truncate(before.saturating_sub(count));
        journal.0 = MemoryStore::new(Registry::builtin());
        for write in journal.1.clone() {
            let outcome = journal
                .0
                .apply(vec![write])
                .await
                .expect("memory does not fail");
            assert_eq!(
                outcome,
                [WriteOutcome::Applied],
                "the journal is consistent"
            );
        }
        before
    }

    async fn store(&self) -> MemoryStore {
        self.journal.lock().await.0.clone()
    }
}

#[async_trait]
impl FeatureStore for LossyStore {
    async fn read_customer(
        &self,
        tenant: &TenantId,
        customer: &CustomerId,
    ) -> Result<Option<EntityState>, Error> {
        self.store().await.read_customer(tenant, customer).await
    }

    async fn read_customers(
        &self,
        tenant: &TenantId,
        customers: &[CustomerId],
    ) -> Result<Vec<Option<EntityState>>, Error> {
        self.store().await.read_customers(tenant, customers).await
    }

    async fn read_product_counters(
        &self,
        tenant: &TenantId,
        products: &[ProductId],
    ) -> Result<Vec<Option<EntityState>>, Error> {
        self.store()
            .await
            .read_product_counters(tenant, products)
            .await
    }

    async fn read_fields(
        &self,
        fields: &[(EntityKey, SourcePartition)],
    ) -> Result<Vec<Option<Field>>, Error> {
        self.store().await.read_fields(fields).await
    }

    async fn apply(&self, writes: Vec<Write>) -> Result<Vec<WriteOutcome>, Error> {
        let mut journal = self.journal.lock().await;
        let outcomes = journal.0.apply(writes.clone()).await?;
        let applied = writes
            .into_iter()
            .zip(&outcomes)
            .filter_map(|(write, outcome)| (*outcome == WriteOutcome::Applied).then_some(write));
        journal.1.extend(applied);
        Ok(outcomes)
    }

    async fn healthy(&self) -> Result<(), Error> {
        Ok(())
    }
}
