//! The store in memory, for tests and for processes whose states need not survive a restart.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fairlead_domain::{CustomerId, ProductId, TenantId};
use fairlead_proto::feature::v1::EntityState;
use fairlead_registry::{Entity, Registry};
use parking_lot::Mutex;

use crate::error::Error;
use crate::key::{EntityKey, SourcePartition};
use crate::memory_quotes;
use crate::online::decode;
use crate::store::{FeatureStore, Field, Write, WriteOutcome};

/// States and quotes in the memory of this process. Cheap to clone; clones share the content.
#[derive(Clone)]
pub struct MemoryStore {
    registry: Registry,
    tables: Arc<Mutex<Tables>>,
}

#[derive(Default)]
struct Tables {
    entities: HashMap<EntityKey, Expiring<BTreeMap<SourcePartition, Field>>>,
    quotes: memory_quotes::Quotes,
}

pub(crate) struct Expiring<T> {
    pub(crate) value: T,
    pub(crate) expires: Option<Instant>,
}

impl<T> Expiring<T> {
    pub(crate) fn new(value: T, ttl: Option<Duration>) -> Self {
        Self {
            value,
            expires: ttl.and_then(|ttl| Instant::now().checked_add(ttl)),
        }
    }

    /// Returns the value, or `None` if it has expired.
    pub(crate) fn get(&self) -> Option<&T> {
        let valid = self.expires.is_none_or(|expires| Instant::now() < expires);
        valid.then_some(&self.value)
    }
}

impl MemoryStore {
    /// Returns an empty store.
    pub fn new(registry: Registry) -> Self {
        Self {
            registry,
            tables: Arc::default(),
        }
    }

    /// Runs `work` on the quotes, alone.
    pub(crate) fn with_quotes<T>(&self, work: impl FnOnce(&mut memory_quotes::Quotes) -> T) -> T {
        work(&mut self.tables.lock().quotes)
    }

    fn merged_state(&self, entity: Entity, key: &EntityKey) -> Result<Option<EntityState>, Error> {
        let tables = self.tables.lock();
        let Some(fields) = tables.entities.get(key).and_then(Expiring::get) else {
            return Ok(None);
        };
        let states: Result<Vec<_>, _> = fields
            .values()
            .map(|field| decode(&self.registry, &field.state))
            .collect();
        Ok(Some(self.registry.merge(entity, states?)))
    }
}

impl Tables {
    fn field(&self, key: &EntityKey, source: &SourcePartition) -> Option<&Field> {
        self.entities.get(key)?.get()?.get(source)
    }

    fn compare_and_swap(&mut self, write: Write) -> WriteOutcome {
        let current_offset = self
            .field(&write.key, &write.source)
            .map(|field| field.offset);
        if current_offset != write.expected_offset {
            return WriteOutcome::Stale { current_offset };
        }
        let field = Field {
            offset: write.offset,
            state: write.state,
        };
        let old = self.entities.remove(&write.key);
        let mut fields = old
            .filter(|entry| entry.get().is_some())
            .map(|entry| entry.value)
            .unwrap_or_default();
        fields.insert(write.source, field);
        self.entities
            .insert(write.key, Expiring::new(fields, write.ttl));
        WriteOutcome::Applied
    }
}

#[async_trait]
impl FeatureStore for MemoryStore {
    async fn read_customer(
        &self,
        tenant: &TenantId,
        customer: &CustomerId,
    ) -> Result<Option<EntityState>, Error> {
        self.merged_state(Entity::Customer, &EntityKey::customer(tenant, customer))
    }

    async fn read_customers(
        &self,
        tenant: &TenantId,
        customers: &[CustomerId],
    ) -> Result<Vec<Option<EntityState>>, Error> {
        let key = |customer| EntityKey::customer(tenant, customer);
        customers
            .iter()
            .map(|customer| self.merged_state(Entity::Customer, &key(customer)))
            .collect()
    }

    async fn read_product_counters(
        &self,
        tenant: &TenantId,
        products: &[ProductId],
    ) -> Result<Vec<Option<EntityState>>, Error> {
        let key = |product| EntityKey::product(tenant, product);
        products
            .iter()
            .map(|product| self.merged_state(Entity::Product, &key(product)))
            .collect()
    }

    async fn read_fields(
        &self,
        fields: &[(EntityKey, SourcePartition)],
    ) -> Result<Vec<Option<Field>>, Error> {
        let tables = self.tables.lock();
        let read = |(key, source): &(_, _)| tables.field(key, source).cloned();
        Ok(fields.iter().map(read).collect())
    }

    async fn apply(&self, writes: Vec<Write>) -> Result<Vec<WriteOutcome>, Error> {
        let mut tables = self.tables.lock();
        Ok(writes
            .into_iter()
            .map(|write| tables.compare_and_swap(write))
            .collect())
    }

    async fn healthy(&self) -> Result<(), Error> {
        Ok(())
    }
}
