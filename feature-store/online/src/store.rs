//! The trait of entity states, [`FeatureStore`], and its types.

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
