//! The seam: what an online store can do, whichever keeps it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fairlead_domain::{CustomerId, ProductId, TenantId};
use fairlead_proto::feature::v1::EntityState;

use crate::error::Error;
use crate::key::{EntityKey, SourcePartition};

/// What one source partition wrote for one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Offset of the last record folded in.
    pub mark: i64,
    /// The encoded state; empty for [`EntityKey::progress`].
    pub state: Bytes,
}

/// One compare-and-swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The entity.
    pub key: EntityKey,
    /// Who writes.
    pub source: SourcePartition,
    /// The mark that the state was computed from; nothing when the field was not there.
    pub expected_mark: Option<i64>,
    /// Offset of the last record folded in now.
    pub mark: i64,
    /// The encoded state.
    pub state: Bytes,
    /// After which time without a write the entity is forgotten; nothing means never.
    pub ttl: Option<Duration>,
}

/// What became of a [`Write`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The state stands.
    Applied,
    /// Another mark stood there; nothing was written. Where it is the write's own mark, this very
    /// write was carried out before: by an earlier call, or on a cluster by an attempt of this call
    /// whose answer was lost.
    Stale {
        /// The mark that stands; nothing when the field is not there.
        current_mark: Option<i64>,
    },
}

/// Reads entity states, and swaps them atomically.
#[async_trait]
pub trait FeatureStore: Send + Sync + 'static {
    /// The state of a customer, merged over source partitions; nothing for an unknown one.
    async fn read_customer(
        &self,
        tenant: &TenantId,
        customer: &CustomerId,
    ) -> Result<Option<EntityState>, Error>;

    /// Several customers, in the order asked.
    async fn read_customers(
        &self,
        tenant: &TenantId,
        customers: &[CustomerId],
    ) -> Result<Vec<Option<EntityState>>, Error>;

    /// Counters of products, in the order asked, merged over source partitions.
    async fn read_product_counters(
        &self,
        tenant: &TenantId,
        products: &[ProductId],
    ) -> Result<Vec<Option<EntityState>>, Error>;

    /// What single source partitions wrote, in the order asked.
    async fn read_fields(
        &self,
        fields: &[(EntityKey, SourcePartition)],
    ) -> Result<Vec<Option<Field>>, Error>;

    /// Swaps each state whose expected mark stands. Each write is atomic by itself; on an error any
    /// of them may have been carried out. Writes of one call must not name a field twice.
    async fn apply(&self, writes: Vec<Write>) -> Result<Vec<WriteOutcome>, Error>;

    /// Answers when the store does.
    async fn healthy(&self) -> Result<(), Error>;
}

/// A firm quote to be kept.
#[derive(Debug, Clone)]
pub struct NewQuote<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// What the caller names the request by: 1 to 128 characters without control characters.
    pub idempotency_key: &'a str,
    /// A fresh id: 1 to 64 characters of [A-Za-z0-9_.-].
    pub quote_id: &'a str,
    /// The quote.
    pub content: Bytes,
    /// For how long it is kept: longer than it can be accepted.
    pub keep: Duration,
}

/// What became of a [`NewQuote`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is kept.
    New,
    /// Another one was kept under this idempotency key before: this one.
    Existing(Bytes),
}

/// A quote as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredQuote {
    /// The quote.
    pub content: Bytes,
    /// How it was accepted; nothing while it was not.
    pub acceptance: Option<Bytes>,
}

/// What became of an acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// It stands.
    Accepted,
    /// The quote was accepted before, by this; on a cluster perhaps by an attempt of this very call
    /// whose answer was lost.
    Already(Bytes),
    /// No such quote (any more).
    Unknown,
}

/// Keeps firm quotes: one per idempotency key, accepted once.
#[async_trait]
pub trait QuoteStore: Send + Sync + 'static {
    /// Keeps a quote unless one is kept under its idempotency key: then that one is returned, and
    /// this one leaves no trace. Of several callers at the same time one is the first.
    async fn put_if_absent(&self, quote: NewQuote<'_>) -> Result<Written, Error>;

    /// A quote by its id; nothing when there is none (any more).
    async fn get(&self, tenant: &TenantId, quote_id: &str) -> Result<Option<StoredQuote>, Error>;

    /// Accepts a quote unless it was accepted before. Of several callers at the same time one is
    /// the first.
    async fn accept_once(
        &self,
        tenant: &TenantId,
        quote_id: &str,
        acceptance: Bytes,
    ) -> Result<Acceptance, Error>;
}
