//! The feature store of one service under test.

use std::time::Duration;

use fairlead_domain::ProductId;
use fairlead_online::{EntityKey, FeatureStore as _, OnlineStore, SourcePartition, Write};
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::feature::v1::EntityState;
use fairlead_registry::{Entity, Registry};
use fairlead_testkit::RedisServer;

use crate::{NOW_MS, tenant};

/// A Redis and the store on it. Both end when it is dropped.
pub struct Store {
    /// The server, for tests that stop it.
    pub redis: RedisServer,
    /// The store.
    pub online: OnlineStore,
}

impl Store {
    /// Starts an empty one.
    pub async fn start() -> anyhow::Result<Self> {
        let redis = RedisServer::start()?;
        let online = OnlineStore::connect(&redis.url()).await?;
        Ok(Self { redis, online })
    }

    /// Writes that a kind of event happened to a product so many times, just now.
    pub async fn happened(&self, product: &str, kind: EventKind, times: i64) -> anyhow::Result<()> {
        let product_id = ProductId::new(product)?;
        let mut state = EntityState::default();
        for number in 0..times {
            let event = Event {
                event_id: format!("{product}-{number}"),
                kind: kind.into(),
                event_time_ms: NOW_MS - 1 - number,
                product_id: product.into(),
                ..Event::default()
            };
            Registry::builtin().apply_product(&mut state, &event);
        }
        let source = SourcePartition::new("test", kind as i32);
        self.write(
            EntityKey::product(&tenant(), &product_id),
            Entity::Product,
            source,
            state,
        )
        .await
    }

    /// Writes what one source partition knows of an entity.
    pub async fn write(
        &self,
        key: EntityKey,
        entity: Entity,
        source: SourcePartition,
        mut state: EntityState,
    ) -> anyhow::Result<()> {
        let write = Write {
            key,
            source,
            expected_offset: None,
            offset: 1,
            state: Registry::builtin().encode(entity, &mut state).into(),
            ttl: Some(Duration::from_hours(1)),
        };
        self.online.apply(vec![write]).await?;
        Ok(())
    }
}
