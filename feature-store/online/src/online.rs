//! The store on Redis.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fairlead_domain::{CustomerId, ProductId, TenantId};
use fairlead_proto::feature::v1::EntityState;
use fairlead_registry::{Entity, Registry};
use redis::{Cmd, Value, from_redis_value};

use crate::connection::Connections;
use crate::error::Error;
use crate::key::{EntityKey, SourcePartition, pack, packed_offset, unpack};
use crate::quotes::RedisQuotes;
use crate::script::HashedScript;
use crate::store::{FeatureStore, Field, Write, WriteOutcome};

/// The options of [`OnlineStore::connect_with`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `redis://[user:password@]host:port[/database]`, `redis+unix://path`, or of a cluster
    /// `redis+cluster://[user:password@]host:port,host:port` with some of its nodes.
    pub url: String,
    /// The number of connections. Large batches use several of them.
    pub connections: usize,
    /// The timeout of connecting.
    pub connect_timeout: Duration,
    /// The timeout of a read.
    pub read_timeout: Duration,
    /// The timeout of a batch of writes.
    pub write_timeout: Duration,
}

impl Options {
    /// Returns the default options: two connections, 2 s to connect, 1 s to read, 5 s to write.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: 2,
            connect_timeout: Duration::from_secs(2),
            read_timeout: Duration::from_secs(1),
            write_timeout: Duration::from_secs(5),
        }
    }
}

/// The online store on Redis. It is cheap to clone; clones share the connections. A dropped call
/// leaves its connection usable.
#[derive(Clone)]
pub struct OnlineStore {
    connections: Connections,
    registry: Registry,
    swap: Arc<HashedScript>,
    read_timeout: Duration,
    write_timeout: Duration,
}

/// A server's report on itself, for the check of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReport {
    /// `redis_version`.
    pub version: String,
    /// True if the server keeps an append-only file; without one a restart loses all data.
    pub append_only: bool,
    /// `maxmemory_policy`. Any policy but `noeviction` may drop the states of active customers.
    pub eviction: String,
    /// `used_memory` in bytes.
    pub used_memory: u64,
}

impl OnlineStore {
    /// Connects with the default options and the built-in features.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_with(&Options::new(url), Registry::builtin()).await
    }

    /// Connects, and checks that the server or cluster replies.
    pub async fn connect_with(options: &Options, registry: Registry) -> Result<Self, Error> {
        let timeout = options.connect_timeout;
        let connections = Connections::open(&options.url, options.connections, timeout).await?;
        Ok(Self {
            connections,
            registry,
            swap: Arc::new(HashedScript::compare_and_swap()),
            read_timeout: options.read_timeout,
            write_timeout: options.write_timeout,
        })
    }

    /// Returns a clone whose calls end within `timeout`, the time left of a request.
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self {
            read_timeout: timeout.min(self.read_timeout),
            write_timeout: timeout.min(self.write_timeout),
            ..self.clone()
        }
    }

    /// Returns the store of firm quotes, over the same connections.
    pub fn quotes(&self) -> RedisQuotes {
        RedisQuotes::new(self.connections.clone(), self.write_timeout)
    }

    /// Returns the server's report on itself, or that of any node of a cluster.
    pub async fn report(&self) -> Result<ServerReport, Error> {
        let asking = async {
            let connection = self.connections.next_connection();
            let info = connection.any_node(redis::cmd("INFO")).await?;
            Ok(from_redis_value::<String>(info)?)
        };
        let text = self
            .connections
            .call("asking what it is", self.read_timeout, asking)
            .await?;
        let value = |key: &str| {
            text.lines()
                .filter_map(|line| line.split_once(':'))
                .find_map(|(name, value)| (name == key).then(|| value.trim().to_owned()))
                .unwrap_or_default()
        };
        Ok(ServerReport {
            version: value("redis_version"),
            append_only: value("aof_enabled") == "1",
            eviction: value("maxmemory_policy"),
            used_memory: value("used_memory").parse().unwrap_or_default(),
        })
    }

    /// Returns all fields of each key.
    async fn read_all(&self, keys: &[EntityKey]) -> Result<Vec<Vec<(Bytes, Bytes)>>, Error> {
        let command = |key: &EntityKey| {
            let mut command = redis::cmd("HGETALL");
            command.arg(key.as_str());
            command
        };
        self.read_each(keys.iter().map(command).collect()).await
    }

    async fn read_each<T: redis::FromRedisValue>(
        &self,
        commands: Vec<Cmd>,
    ) -> Result<Vec<T>, Error> {
        let reading = async {
            let replies = self.connections.send(&commands).await?;
            let values = replies.into_iter();
            values.map(|reply| Ok(from_redis_value(reply?)?)).collect()
        };
        self.connections
            .call("reading features", self.read_timeout, reading)
            .await
    }

    /// Merges the fields of an entity into one state. Returns `None` if there are no fields.
    fn merged_state(
        &self,
        entity: Entity,
        fields: &[(Bytes, Bytes)],
    ) -> Result<Option<EntityState>, Error> {
        if fields.is_empty() {
            return Ok(None);
        }
        let mut states = Vec::with_capacity(fields.len());
        for (_, value) in fields {
            states.push(decode(&self.registry, &unpack(value)?.state)?);
        }
        Ok(Some(self.registry.merge(entity, states)))
    }

    async fn read_states(
        &self,
        entity: Entity,
        keys: &[EntityKey],
    ) -> Result<Vec<Option<EntityState>>, Error> {
        let all = self.read_all(keys).await?;
        all.iter()
            .map(|fields| self.merged_state(entity, fields))
            .collect()
    }
}

pub(crate) fn decode(registry: &Registry, state: &[u8]) -> Result<EntityState, Error> {
    registry.decode(state).map_err(|cause| Error::Corrupt {
        thing: "entity state",
        detail: cause.to_string(),
    })
}

#[async_trait]
impl FeatureStore for OnlineStore {
    async fn read_customer(
        &self,
        tenant: &TenantId,
        customer: &CustomerId,
    ) -> Result<Option<EntityState>, Error> {
        let key = EntityKey::customer(tenant, customer);
        let mut command = redis::cmd("HGETALL");
        command.arg(key.as_str());
        let fields: Vec<_> = self
            .connections
            .query("reading features", self.read_timeout, command)
            .await?;
        self.merged_state(Entity::Customer, &fields)
    }

    async fn read_customers(
        &self,
        tenant: &TenantId,
        customers: &[CustomerId],
    ) -> Result<Vec<Option<EntityState>>, Error> {
        let key = |customer| EntityKey::customer(tenant, customer);
        let keys: Vec<_> = customers.iter().map(key).collect();
        self.read_states(Entity::Customer, &keys).await
    }

    async fn read_product_counters(
        &self,
        tenant: &TenantId,
        products: &[ProductId],
    ) -> Result<Vec<Option<EntityState>>, Error> {
        let key = |product| EntityKey::product(tenant, product);
        let keys: Vec<_> = products.iter().map(key).collect();
        self.read_states(Entity::Product, &keys).await
    }

    async fn read_fields(
        &self,
        fields: &[(EntityKey, SourcePartition)],
    ) -> Result<Vec<Option<Field>>, Error> {
        let command = |(key, source): &(EntityKey, SourcePartition)| {
            let mut command = redis::cmd("HGET");
            command.arg(key.as_str()).arg(source.as_str());
            command
        };
        let commands = fields.iter().map(command).collect();
        let values: Vec<Option<Bytes>> = self.read_each(commands).await?;
        values
            .iter()
            .map(|value| match value {
                // The script treats a value too short for an offset as absent, and so does this.
                Some(value) if packed_offset(value).is_some() => unpack(value).map(Some),
                _ => Ok(None),
            })
            .collect()
    }

    async fn apply(&self, writes: Vec<Write>) -> Result<Vec<WriteOutcome>, Error> {
        let calls: Vec<_> = writes
            .iter()
            .map(|write| self.swap_command(write))
            .collect();
        let writing = self.swap.run(&self.connections, &calls);
        let replies = self
            .connections
            .call("writing features", self.write_timeout, writing)
            .await?;
        replies.into_iter().map(outcome).collect()
    }

    async fn healthy(&self) -> Result<(), Error> {
        self.connections.ping(self.read_timeout).await
    }
}

impl OnlineStore {
    fn swap_command(&self, write: &Write) -> redis::Cmd {
        let expected = write.expected_offset.map(i64::to_be_bytes);
        let ttl = write.ttl.map_or(0, |ttl| ttl.as_millis().max(1));
        let mut command = self.swap.call(&[write.key.as_str()]);
        command
            .arg(write.source.as_str())
            .arg(expected.as_ref().map_or(&[][..], <[u8; 8]>::as_slice))
            .arg(&pack(write.offset, &write.state)[..])
            .arg(u64::try_from(ttl).unwrap_or(u64::MAX));
        command
    }
}

fn outcome(reply: Value) -> Result<WriteOutcome, Error> {
    match reply {
        Value::Int(1) => Ok(WriteOutcome::Applied),
        Value::BulkString(offset) => Ok(WriteOutcome::Stale {
            current_offset: packed_offset(&offset),
        }),
        other => Err(Error::Corrupt {
            thing: "answer of the script",
            detail: format!("{other:?}"),
        }),
    }
}
