//! Firm quotes on Redis.
//!
//! A quote is stored under its id; the idempotency key holds only the id. The quote is written
//! first, so a reader that finds the idempotency key finds the quote. A writer that fails between
//! the two writes leaves a quote whose id no caller knows; its TTL removes it. No script uses two
//! keys, because a cluster may keep them on different nodes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fairlead_domain::{ProductId, TenantId};
use redis::{RedisResult, Value, from_redis_value};

use crate::connection::{Connections, RedisConnection};
use crate::error::Error;
use crate::script::HashedScript;
use crate::store::{AcceptOutcome, NewQuote, PutOutcome, QuoteStore, StoredQuote};

const CONTENT: &str = "quote";
const ACCEPTANCE: &str = "acceptance";
/// The time by which a quote outlives its idempotency key, so that the key never refers to a
/// missing quote.
const EXTRA_TTL: Duration = Duration::from_mins(1);
const MAX_KEY_CHARS: usize = 128;

/// The store of firm quotes on Redis. It is cheap to clone.
#[derive(Clone)]
pub struct RedisQuotes {
    connections: Connections,
    accept: Arc<HashedScript>,
    keep: Arc<HashedScript>,
    timeout: Duration,
}

impl RedisQuotes {
    pub(crate) fn new(connections: Connections, timeout: Duration) -> Self {
        Self {
            connections,
            accept: Arc::new(HashedScript::accept_once()),
            keep: Arc::new(HashedScript::keep_quote()),
            timeout,
        }
    }
}

#[async_trait]
impl QuoteStore for RedisQuotes {
    async fn put_if_absent(&self, quote: NewQuote<'_>) -> Result<PutOutcome, Error> {
        let id_key = quote_key(quote.tenant, quote.quote_id)?;
        let idempotency_key = idempotency_key(quote.tenant, quote.idempotency_key)?;
        let existing = self
            .connections
            .call("keeping a quote", self.timeout, async {
                let mut call = self.keep.call(&id_key);
                call.arg(&quote.content[..]);
                call.arg(millis(quote.ttl + EXTRA_TTL));
                self.keep.run(&self.connections, &[call]).await?;
                let mut connection = self.connections.next_connection();
                claim_key(&mut connection, &idempotency_key, &quote).await
            })
            .await?;
        // A repeat of the same call finds its own id.
        let Some(existing) = existing.filter(|id| id != quote.quote_id) else {
            return Ok(PutOutcome::New);
        };
        let existing_key = quote_key(quote.tenant, &existing)?;
        let mut delete = redis::cmd("DEL");
        delete.arg(&id_key);
        let mut read = redis::cmd("HGET");
        read.arg(&existing_key).arg(CONTENT);
        let reading = async {
            let replies = self.connections.send(&[delete, read]).await?;
            let replies: Vec<Value> = replies.into_iter().collect::<RedisResult<_>>()?;
            let content = replies.into_iter().nth(1).unwrap_or(Value::Nil);
            Ok(from_redis_value::<Option<Bytes>>(content)?)
        };
        let content = self
            .connections
            .call("reading a quote", self.timeout, reading)
            .await?;
        content
            .map(PutOutcome::Existing)
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
            .query("reading a quote", self.timeout, command)
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
    ) -> Result<AcceptOutcome, Error> {
        let key = quote_key(tenant, quote_id)?;
        let mut call = self.accept.call(&key);
        call.arg(&acceptance[..]);
        let calls = [call];
        let accepting = self.accept.run(&self.connections, &calls);
        let replies = self
            .connections
            .call("accepting a quote", self.timeout, accepting)
            .await?;
        match replies.into_iter().next() {
            Some(Value::Int(1)) => Ok(AcceptOutcome::Accepted),
            Some(Value::Int(0)) => Ok(AcceptOutcome::Unknown),
            Some(Value::BulkString(first)) => Ok(AcceptOutcome::Already(first.into())),
            other => Err(Error::Corrupt {
                thing: "answer of the script",
                detail: format!("{other:?}"),
            }),
        }
    }
}

/// Sets the idempotency key to the quote's id. Returns the id of the quote that has the key
/// already, or `None` if the key was free.
async fn claim_key(
    connection: &mut RedisConnection,
    key: &str,
    quote: &NewQuote<'_>,
) -> RedisResult<Option<String>> {
    let mut command = redis::cmd("SET");
    command.arg(key).arg(quote.quote_id).arg("NX").arg("PX");
    command.arg(millis(quote.ttl));
    loop {
        let set: Option<String> = command.query_async(connection).await?;
        if set.is_some() {
            return Ok(None);
        }
        let existing: Option<String> = redis::cmd("GET").arg(key).query_async(connection).await?;
        // `None` means that the key expired between the two commands: set it again.
        if existing.is_some() {
            return Ok(existing);
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .max(1)
}

pub(crate) fn quote_key(tenant: &TenantId, quote_id: &str) -> Result<String, Error> {
    // Quote ids follow the rule of product ids, because they are part of URLs and keys.
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
