//! Firm quotes on Redis.
//!
//! A quote lies under its id; the idempotency key holds only the id. The quote is written first: who
//! finds the idempotency key finds the quote, and a writer that dies between the two leaves an id
//! that nobody was ever told, which its TTL removes. No script spans two keys, so that a cluster
//! can spread them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fairlead_domain::{ProductId, TenantId};
use redis::{RedisResult, Value, from_redis_value};

use crate::connection::{Connections, Link};
use crate::error::Error;
use crate::script::HashedScript;
use crate::store::{Acceptance, NewQuote, QuoteStore, StoredQuote, Written};

const CONTENT: &str = "quote";
const ACCEPTANCE: &str = "acceptance";
/// A quote outlives its idempotency key by this, so that the key never points at nothing.
const OUTLIVES: Duration = Duration::from_mins(1);
const MAX_KEY_CHARS: usize = 128;

/// Firm quotes on Redis. Cheap to clone.
#[derive(Clone)]
pub struct RedisQuotes {
    connections: Connections,
    accept: Arc<HashedScript>,
    keep: Arc<HashedScript>,
    limit: Duration,
}

impl RedisQuotes {
    pub(crate) fn new(connections: Connections, limit: Duration) -> Self {
        Self {
            connections,
            accept: Arc::new(HashedScript::accept_once()),
            keep: Arc::new(HashedScript::keep_quote()),
            limit,
        }
    }
}

#[async_trait]
impl QuoteStore for RedisQuotes {
    async fn put_if_absent(&self, quote: NewQuote<'_>) -> Result<Written, Error> {
        let id_key = quote_key(quote.tenant, quote.quote_id)?;
        let idempotency_key = idempotency_key(quote.tenant, quote.idempotency_key)?;
        let standing = self
            .connections
            .call("keeping a quote", self.limit, async {
                let mut call = self.keep.call(&id_key);
                call.arg(&quote.content[..]);
                call.arg(millis(quote.keep + OUTLIVES));
                self.keep.run(&self.connections, &[call]).await?;
                claim(&mut self.connections.pick(), &idempotency_key, &quote).await
            })
            .await?;
        // A repeat of the very same call finds itself.
        let Some(standing) = standing.filter(|id| id != quote.quote_id) else {
            return Ok(Written::New);
        };
        let standing_key = quote_key(quote.tenant, &standing)?;
        let mut forget = redis::cmd("DEL");
        forget.arg(&id_key);
        let mut read = redis::cmd("HGET");
        read.arg(&standing_key).arg(CONTENT);
        let reading = async {
            let answers = self.connections.send(&[forget, read]).await?;
            let answers: Vec<Value> = answers.into_iter().collect::<RedisResult<_>>()?;
            let content = answers.into_iter().nth(1).unwrap_or(Value::Nil);
            Ok(from_redis_value::<Option<Bytes>>(content)?)
        };
        let content = self
            .connections
            .call("reading a quote", self.limit, reading)
            .await?;
        content
            .map(Written::Existing)
            .ok_or_else(|| Error::Corrupt {
                thing: "idempotency key",
                detail: "the quote that it names is gone: somebody else deletes keys here".into(),
            })
    }

    async fn get(&self, tenant: &TenantId, quote_id: &str) -> Result<Option<StoredQuote>, Error> {
        let key = quote_key(tenant, quote_id)?;
        let mut command = redis::cmd("HMGET");
        command.arg(&key).arg(CONTENT).arg(ACCEPTANCE);
        let (content, acceptance): (Option<Bytes>, Option<Bytes>) = self
            .connections
            .one("reading a quote", self.limit, command)
            .await?;
        Ok(content.map(|content| StoredQuote {
            content,
            acceptance,
        }))
    }

    async fn accept_once(
        &self,
        tenant: &TenantId,
        quote_id: &str,
        acceptance: Bytes,
    ) -> Result<Acceptance, Error> {
        let key = quote_key(tenant, quote_id)?;
        let mut call = self.accept.call(&key);
        call.arg(&acceptance[..]);
        let calls = [call];
        let accepting = self.accept.run(&self.connections, &calls);
        let answers = self
            .connections
            .call("accepting a quote", self.limit, accepting)
            .await?;
        match answers.into_iter().next() {
            Some(Value::Int(1)) => Ok(Acceptance::Accepted),
            Some(Value::Int(0)) => Ok(Acceptance::Unknown),
            Some(Value::BulkString(standing)) => Ok(Acceptance::Already(standing.into())),
            other => Err(Error::Corrupt {
                thing: "answer of the script",
                detail: format!("{other:?}"),
            }),
        }
    }
}

/// Takes the idempotency key; the id of the quote that has it already, if one has.
async fn claim(
    connection: &mut Link,
    key: &str,
    quote: &NewQuote<'_>,
) -> RedisResult<Option<String>> {
    let mut command = redis::cmd("SET");
    command.arg(key).arg(quote.quote_id).arg("NX").arg("PX");
    command.arg(millis(quote.keep));
    loop {
        let set: Option<String> = command.query_async(connection).await?;
        if set.is_some() {
            return Ok(None);
        }
        let standing: Option<String> = redis::cmd("GET").arg(key).query_async(connection).await?;
        // Nothing: it ran out between the two commands, and the next round takes it.
        if standing.is_some() {
            return Ok(standing);
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .max(1)
}

pub(crate) fn quote_key(tenant: &TenantId, quote_id: &str) -> Result<String, Error> {
    // Quote ids follow the rule of product ids: they stand in URLs and keys.
    let id = ProductId::new(quote_id).map_err(|error| Error::Key {
        thing: "quote id",
        value: error.value,
        allowed: error.allowed,
    })?;
    Ok(format!("fl:{{{tenant}/{id}}}:q"))
}

pub(crate) fn idempotency_key(tenant: &TenantId, key: &str) -> Result<String, Error> {
    let fits = (1..=MAX_KEY_CHARS).contains(&key.chars().count());
    if !fits || key.chars().any(char::is_control) {
        return Err(Error::Key {
            thing: "idempotency key",
            value: key.chars().filter(|c| !c.is_control()).take(80).collect(),
            allowed: "1 to 128 characters without control characters",
        });
    }
    Ok(format!("fl:{{{tenant}/{key}}}:i"))
}
