//! The traits of the online store, [`FeatureStore`] and [`QuoteStore`], and their types.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fairlead_domain::{CustomerId, ProductId, TenantId};
use fairlead_proto::feature::v1::EntityState;

use crate::error::Error;
use crate::key::{EntityKey, SourcePartition};

/// The state of one entity from one source partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The offset of the last record folded in.
    pub offset: i64,
    /// The encoded state; empty for [`EntityKey::progress`].
    pub state: Bytes,
}

/// A compare-and-swap of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The entity.
    pub key: EntityKey,
    /// The source partition of the records.
    pub source: SourcePartition,
    /// The offset of the state from which this one was computed, or `None` if there was none.
    pub expected_offset: Option<i64>,
    /// The offset of the last record folded in.
    pub offset: i64,
    /// The encoded state.
    pub state: Bytes,
    /// The time without a write after which the entity expires, or `None` for never.
    pub ttl: Option<Duration>,
}

/// The outcome of a [`Write`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The state was written.
    Applied,
    /// The stored offset differs from the expected one; nothing was written. If it equals the
    /// write's own offset, the write was carried out before: by an earlier call or, on a cluster,
    /// by an attempt of this call whose reply was lost.
    Stale {
        /// The stored offset, or `None` if the field does not exist.
        current_offset: Option<i64>,
    },
}

/// A store of entity states with atomic compare-and-swap.
#[async_trait]
pub trait FeatureStore: Send + Sync + 'static {
    /// Returns the state of a customer, merged over source partitions, or `None` if the customer is
    /// unknown.
    async fn read_customer(
        &self,
        tenant: &TenantId,
        customer: &CustomerId,
    ) -> Result<Option<EntityState>, Error>;

    /// Returns the states of several customers, in the order of `customers`.
    async fn read_customers(
        &self,
        tenant: &TenantId,
        customers: &[CustomerId],
    ) -> Result<Vec<Option<EntityState>>, Error>;

    /// Returns the counters of products, merged over source partitions, in the order of `products`.
    async fn read_product_counters(
        &self,
        tenant: &TenantId,
        products: &[ProductId],
    ) -> Result<Vec<Option<EntityState>>, Error>;

    /// Returns single fields, in the order of `fields`.
    async fn read_fields(
        &self,
        fields: &[(EntityKey, SourcePartition)],
    ) -> Result<Vec<Option<Field>>, Error>;

    /// Applies each write whose expected offset is stored, and returns the outcomes in order. Each
    /// write is atomic by itself. After an error any of them may have been carried out. The writes
    /// of one call must not name a field twice.
    async fn apply(&self, writes: Vec<Write>) -> Result<Vec<WriteOutcome>, Error>;

    /// Checks that the store replies.
    async fn healthy(&self) -> Result<(), Error>;
}

/// A firm quote to be stored.
#[derive(Debug, Clone)]
pub struct NewQuote<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The caller's key of the request: 1 to 128 characters without control characters.
    pub idempotency_key: &'a str,
    /// A new id: 1 to 64 characters of [A-Za-z0-9_.-].
    pub quote_id: &'a str,
    /// The encoded quote.
    pub content: Bytes,
    /// The time for which it is stored; longer than the time in which it can be accepted.
    pub ttl: Duration,
}

/// The outcome of [`QuoteStore::put_if_absent`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// The quote was stored.
    New,
    /// This other quote was stored under the idempotency key before.
    Existing(Bytes),
}

/// A stored quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredQuote {
    /// The encoded quote.
    pub content: Bytes,
    /// The encoded acceptance, or `None` if the quote was not accepted.
    pub acceptance: Option<Bytes>,
}

/// The outcome of [`QuoteStore::accept_once`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptOutcome {
    /// The quote was accepted by this call.
    Accepted,
    /// The quote was accepted before, with this acceptance. On a cluster that may have been an
    /// attempt of this call whose reply was lost.
    Already(Bytes),
    /// There is no such quote, or it has expired.
    Unknown,
}

/// A store of firm quotes: one for each idempotency key, accepted once.
#[async_trait]
pub trait QuoteStore: Send + Sync + 'static {
    /// Stores a quote unless one is stored under its idempotency key; then that one is returned and
    /// the new one is not kept. Of concurrent callers exactly one stores its quote.
    async fn put_if_absent(&self, quote: NewQuote<'_>) -> Result<PutOutcome, Error>;

    /// Returns the quote with this id, or `None` if there is none or it has expired.
    async fn get(&self, tenant: &TenantId, quote_id: &str) -> Result<Option<StoredQuote>, Error>;

    /// Accepts a quote unless it was accepted before. Of concurrent callers exactly one succeeds.
    async fn accept_once(
        &self,
        tenant: &TenantId,
        quote_id: &str,
        acceptance: Bytes,
    ) -> Result<AcceptOutcome, Error>;
}
