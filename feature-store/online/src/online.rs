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
use crate::key::{EntityKey, SourcePartition, mark_of, pack, unpack};
use crate::quotes::RedisQuotes;
use crate::script::HashedScript;
use crate::store::{FeatureStore, Field, Write, WriteOutcome};

/// How to reach Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `redis://[user:password@]host:port[/database]`, `redis+unix://path`, or of a cluster
    /// `redis+cluster://[user:password@]host:port,host:port` with some of its nodes.
    pub url: String,
    /// Connections; large batches are spread over them.
    pub connections: usize,
    /// For how long a connection is waited for.
    pub connect_limit: Duration,
    /// For how long a read is waited for.
    pub read_limit: Duration,
    /// For how long a batch of writes is waited for.
    pub write_limit: Duration,
}

impl Options {
    /// Two connections, 2 s to connect, 1 s to read, 5 s to write.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: 2,
            connect_limit: Duration::from_secs(2),
            read_limit: Duration::from_secs(1),
            write_limit: Duration::from_secs(5),
        }
    }
}

/// The online store on Redis. Cheap to clone; clones share the connections. Dropping a call leaves
/// the connection usable.
#[derive(Clone)]
pub struct OnlineStore {
    connections: Connections,
    registry: Registry,
    swap: Arc<HashedScript>,
    read_limit: Duration,
    write_limit: Duration,
}

/// What the server says of itself, for whoever checks the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReport {
    /// `redis_version`.
    pub version: String,
    /// Whether an append-only file is kept: without one a restart forgets everything.
    pub append_only: bool,
    /// `maxmemory_policy`; anything but `noeviction` may drop states of living customers.
    pub eviction: String,
    /// `used_memory`, bytes.
    pub used_memory: u64,
}

impl OnlineStore {
    /// Connects with the usual options and the features of the house.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_with(&Options::new(url), Registry::builtin()).await
    }

    /// Connects, and hears an answer.
    pub async fn connect_with(options: &Options, registry: Registry) -> Result<Self, Error> {
        let limit = options.connect_limit;
        let connections = Connections::open(&options.url, options.connections, limit).await?;
        Ok(Self {
            connections,
            registry,
            swap: Arc::new(HashedScript::compare_and_swap()),
            read_limit: options.read_limit,
            write_limit: options.write_limit,
        })
    }

    /// The same store, whose calls end within `limit`: what is left of a request.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        Self {
            read_limit: limit.min(self.read_limit),
            write_limit: limit.min(self.write_limit),
            ..self.clone()
        }
    }

    /// The firm quotes, over the same connections.
    pub fn quotes(&self) -> RedisQuotes {
        RedisQuotes::new(self.connections.clone(), self.write_limit)
    }

    /// What the server says of itself; of a cluster, whichever node.
    pub async fn report(&self) -> Result<ServerReport, Error> {
        let asking = async {
            let said = self.connections.pick().any_node(redis::cmd("INFO")).await?;
            Ok(from_redis_value::<String>(said)?)
        };
        let text = self
            .connections
            .call("asking what it is", self.read_limit, asking)
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

    /// All fields of each key.
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
            let answers = self.connections.send(&commands).await?;
            let values = answers.into_iter();
            values
                .map(|answer| Ok(from_redis_value(answer?)?))
                .collect()
        };
        self.connections
            .call("reading features", self.read_limit, reading)
            .await
    }

    /// One state of the fields of an entity; nothing when there are none.
    fn merged(
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
            .map(|fields| self.merged(entity, fields))
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
            .one("reading features", self.read_limit, command)
            .await?;
        self.merged(Entity::Customer, &fields)
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
                // Too short for a mark: the script takes it for none, and so does this.
                Some(value) if mark_of(value).is_some() => unpack(value).map(Some),
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
        let answers = self
            .connections
            .call("writing features", self.write_limit, writing)
            .await?;
        answers.into_iter().map(outcome).collect()
    }

    async fn healthy(&self) -> Result<(), Error> {
        self.connections.ping(self.read_limit).await
    }
}

impl OnlineStore {
    fn swap_command(&self, write: &Write) -> redis::Cmd {
        let expected = write.expected_mark.map(i64::to_be_bytes);
        let ttl = write.ttl.map_or(0, |ttl| ttl.as_millis().max(1));
        let mut command = self.swap.call(write.key.as_str());
        command
            .arg(write.source.as_str())
            .arg(expected.as_ref().map_or(&[][..], |mark| mark.as_slice()))
            .arg(&pack(write.mark, &write.state)[..])
            .arg(u64::try_from(ttl).unwrap_or(u64::MAX));
        command
    }
}

fn outcome(answer: Value) -> Result<WriteOutcome, Error> {
    match answer {
        Value::Int(1) => Ok(WriteOutcome::Applied),
        Value::BulkString(mark) => Ok(WriteOutcome::Stale {
            current_mark: mark_of(&mark),
        }),
        other => Err(Error::Corrupt {
            thing: "answer of the script",
            detail: format!("{other:?}"),
        }),
    }
}
