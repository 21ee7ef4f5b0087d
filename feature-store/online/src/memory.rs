//! The store in memory: for tests and for whoever needs no memory of yesterday.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use fairlead_domain::{CustomerId, ProductId, TenantId};
use fairlead_proto::feature::v1::EntityState;
use fairlead_registry::{Entity, Registry};
use parking_lot::Mutex;

use crate::error::Error;
use crate::key::{EntityKey, SourcePartition};
use crate::online::decode;
use crate::quotes::{idempotency_key, quote_key};
use crate::store::{
    Acceptance, FeatureStore, Field, NewQuote, QuoteStore, StoredQuote, Write, WriteOutcome,
    Written,
};

/// States and quotes in the memory of this process. Cheap to clone; clones share the content.
#[derive(Clone)]
pub struct MemoryStore {
    registry: Registry,
    content: Arc<Mutex<Content>>,
}

#[derive(Default)]
struct Content {
    entities: HashMap<EntityKey, Expiring<BTreeMap<SourcePartition, Field>>>,
    quotes: HashMap<String, Expiring<StoredQuote>>,
    quote_ids: HashMap<String, Expiring<String>>,
}

struct Expiring<T> {
    value: T,
    expires: Option<Instant>,
}

impl<T> Expiring<T> {
    fn new(value: T, ttl: Option<Duration>) -> Self {
        Self {
            value,
            expires: ttl.and_then(|ttl| Instant::now().checked_add(ttl)),
        }
    }

    fn alive(&self) -> Option<&T> {
        let alive = self.expires.is_none_or(|expires| Instant::now() < expires);
        alive.then_some(&self.value)
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new(registry: Registry) -> Self {
        Self {
            registry,
            content: Arc::default(),
        }
    }

    fn merged(&self, entity: Entity, key: &EntityKey) -> Result<Option<EntityState>, Error> {
        let content = self.content.lock();
        let Some(fields) = content.entities.get(key).and_then(Expiring::alive) else {
            return Ok(None);
        };
        let states: Result<Vec<_>, _> = fields
            .values()
            .map(|field| decode(&self.registry, &field.state))
            .collect();
        Ok(Some(self.registry.merge(entity, states?)))
    }
}

impl Content {
    fn field(&self, key: &EntityKey, source: &SourcePartition) -> Option<&Field> {
        self.entities.get(key)?.alive()?.get(source)
    }

    fn swap(&mut self, write: Write) -> WriteOutcome {
        let current_mark = self
            .field(&write.key, &write.source)
            .map(|field| field.mark);
        if current_mark != write.expected_mark {
            return WriteOutcome::Stale { current_mark };
        }
        let field = Field {
            mark: write.mark,
            state: write.state,
        };
        let old = self.entities.remove(&write.key);
        let mut fields = old
            .filter(|entry| entry.alive().is_some())
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
        self.merged(Entity::Customer, &EntityKey::customer(tenant, customer))
    }

    async fn read_customers(
        &self,
        tenant: &TenantId,
        customers: &[CustomerId],
    ) -> Result<Vec<Option<EntityState>>, Error> {
        let read = |customer| self.merged(Entity::Customer, &EntityKey::customer(tenant, customer));
        customers.iter().map(read).collect()
    }

    async fn read_product_counters(
        &self,
        tenant: &TenantId,
        products: &[ProductId],
    ) -> Result<Vec<Option<EntityState>>, Error> {
        let read = |product| self.merged(Entity::Product, &EntityKey::product(tenant, product));
        products.iter().map(read).collect()
    }

    async fn read_fields(
        &self,
        fields: &[(EntityKey, SourcePartition)],
    ) -> Result<Vec<Option<Field>>, Error> {
        let content = self.content.lock();
        let read = |(key, source): &(_, _)| content.field(key, source).cloned();
        Ok(fields.iter().map(read).collect())
    }

    async fn apply(&self, writes: Vec<Write>) -> Result<Vec<WriteOutcome>, Error> {
        let mut content = self.content.lock();
        Ok(writes
            .into_iter()
            .map(|write| content.swap(write))
            .collect())
    }

    async fn healthy(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[async_trait]
impl QuoteStore for MemoryStore {
    async fn put_if_absent(&self, quote: NewQuote<'_>) -> Result<Written, Error> {
        let key = quote_key(quote.tenant, quote.quote_id)?;
        let claim = idempotency_key(quote.tenant, quote.idempotency_key)?;
        let mut content = self.content.lock();
        if let Some(standing) = content.quote_ids.get(&claim).and_then(Expiring::alive)
            && *standing != key
            && let Some(stored) = content.quotes.get(standing).and_then(Expiring::alive)
        {
            return Ok(Written::Existing(stored.content.clone()));
        }
        let ttl = Some(quote.keep);
        let stored = StoredQuote {
            content: quote.content,
            acceptance: None,
        };
        if content.quotes.get(&key).and_then(Expiring::alive).is_none() {
            content
                .quotes
                .insert(key.clone(), Expiring::new(stored, ttl));
        }
        content.quote_ids.insert(claim, Expiring::new(key, ttl));
        Ok(Written::New)
    }

    async fn get(&self, tenant: &TenantId, quote_id: &str) -> Result<Option<StoredQuote>, Error> {
        let key = quote_key(tenant, quote_id)?;
        let content = self.content.lock();
        Ok(content.quotes.get(&key).and_then(Expiring::alive).cloned())
    }

    async fn accept_once(
        &self,
        tenant: &TenantId,
        quote_id: &str,
        acceptance: Bytes,
    ) -> Result<Acceptance, Error> {
        let key = quote_key(tenant, quote_id)?;
        let mut content = self.content.lock();
        let Some(entry) = content.quotes.get_mut(&key) else {
            return Ok(Acceptance::Unknown);
        };
        if entry.alive().is_none() {
            return Ok(Acceptance::Unknown);
        }
        if let Some(standing) = &entry.value.acceptance {
            return Ok(Acceptance::Already(standing.clone()));
        }
        entry.value.acceptance = Some(acceptance);
        Ok(Acceptance::Accepted)
    }
}
