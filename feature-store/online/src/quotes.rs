//! Firm quotes on Redis.
//!
//! A quote is stored under its id; the idempotency key holds only the id. Both, and the customer's
//! account of last rates and accepted lending, are in one slot, so that each change is one script.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::{Cmd, Value, from_redis_value};

use crate::connection::Connections;
use crate::error::Error;
use crate::key::{account_key, idempotency_key, quote_key};
use crate::lending::{AcceptedLoan, Account, Bound, LendingTest, lending_field, rate_field};
use crate::quote_scripts::{ACCEPT, ACCEPTANCE_LOGGED, PUT, RESTORE};
use crate::quote_store::{
    AcceptOutcome, CallerKey, LoggedAcceptance, LoggedRecord, NewAcceptance, NewQuote, Owner,
    PutOutcome, QuoteStore, StoredAcceptance, StoredQuote,
};
use crate::script::HashedScript;

const CONTENT: &str = "quote";
const RECORD: &str = "record";
const ACCEPTANCE: &str = "acceptance";
const ACCEPTANCE_LOGGED_FIELD: &str = "acceptance_logged";
/// The time by which a quote outlives its idempotency key, so that the key never refers to a
/// missing quote.
const EXTRA_TTL: Duration = Duration::from_mins(1);

/// The store of firm quotes on Redis. It is cheap to clone.
#[derive(Clone)]
pub struct RedisQuotes {
    connections: Connections,
    scripts: Arc<Scripts>,
    timeout: Duration,
}

struct Scripts {
    put: HashedScript,
    accept: HashedScript,
    acceptance_logged: HashedScript,
    restore: HashedScript,
}

impl RedisQuotes {
    pub(crate) fn new(connections: Connections, timeout: Duration) -> Self {
        let scripts = Scripts {
            put: HashedScript::new(PUT),
            accept: HashedScript::new(ACCEPT),
            acceptance_logged: HashedScript::new(ACCEPTANCE_LOGGED),
            restore: HashedScript::new(RESTORE),
        };
        Self {
            connections,
            scripts: Arc::new(scripts),
            timeout,
        }
    }

    /// Runs one call of a script.
    async fn run(
        &self,
        operation: &'static str,
        script: &HashedScript,
        call: Cmd,
    ) -> Result<Value, Error> {
        let calls = [call];
        let running = script.run(&self.connections, &calls);
        let replies = self
            .connections
            .call(operation, self.timeout, running)
            .await?;
        Ok(replies.into_iter().next().unwrap_or(Value::Nil))
    }
}

#[async_trait]
impl QuoteStore for RedisQuotes {
    async fn put_if_absent(&self, quote: NewQuote<'_>) -> Result<PutOutcome, Error> {
        let keys = [
            &*idempotency_key(quote.owner, quote.key)?,
            &quote_key(quote.owner, quote.quote_id)?,
            &account_key(quote.owner),
        ];
        let put = &self.scripts.put;
        let mut call = put.call(&keys);
        call.arg(quote.quote_id).arg(millis(quote.ttl));
        call.arg(&quote.content[..]).arg(&quote.record[..]);
        call.arg(millis(quote.ttl + EXTRA_TTL));
        match &quote.rate {
            None => call.arg("").arg("").arg("").arg(""),
            Some(rate) => call
                .arg(rate_field(rate.product.as_str(), rate.currency))
                .arg(rate.rate_ppm)
                .arg(rate.quoted_at_ms)
                .arg(millis(rate.ttl)),
        };
        let reply = self.run("keeping a quote", put, call).await?;
        let id = text(reply)?;
        // A repeat of the same call finds its own id.
        if id == quote.quote_id {
            return Ok(PutOutcome::New);
        }
        let existing = self.get(quote.owner, &id).await?;
        existing
            .map(PutOutcome::Existing)
            .ok_or_else(|| Error::Corrupt {
                thing: "idempotency key",
                detail: "the quote that it names is gone: somebody else deletes keys here".into(),
            })
    }

    async fn find(
        &self,
        owner: Owner<'_>,
        key: CallerKey<'_>,
    ) -> Result<Option<StoredQuote>, Error> {
        let mut command = redis::cmd("GET");
        command.arg(idempotency_key(owner, key)?);
        let id: Option<String> = self
            .connections
            .query("reading an idempotency key", self.timeout, command)
            .await?;
        match id {
            Some(id) => self.get(owner, &id).await,
            None => Ok(None),
        }
    }

    async fn get(&self, owner: Owner<'_>, quote_id: &str) -> Result<Option<StoredQuote>, Error> {
        type Fields = (Option<Bytes>, Option<Bytes>, Option<Bytes>, Option<Bytes>);
        let key = quote_key(owner, quote_id)?;
        let mut command = redis::cmd("HMGET");
        command.arg(&key).arg(CONTENT).arg(RECORD);
        command.arg(ACCEPTANCE).arg(ACCEPTANCE_LOGGED_FIELD);
        let (content, record, acceptance, logged): Fields = self
            .connections
            .query("reading a quote", self.timeout, command)
            .await?;
        Ok(content.map(|content| StoredQuote {
            quote_id: quote_id.to_owned(),
            content,
            record,
            acceptance: acceptance.map(|content| StoredAcceptance {
                content,
                logged: logged.is_some(),
            }),
        }))
    }

    async fn accept_once(&self, acceptance: NewAcceptance<'_>) -> Result<AcceptOutcome, Error> {
        let keys = [
            &*quote_key(acceptance.owner, acceptance.quote_id)?,
            &account_key(acceptance.owner),
        ];
        let accept = &self.scripts.accept;
        let mut call = accept.call(&keys);
        call.arg(&acceptance.content[..])
            .arg(millis(acceptance.ttl));
        if let Some(test) = &acceptance.lending {
            add_lending(&mut call, acceptance.quote_id, test);
        }
        let reply = self.run("accepting a quote", accept, call).await?;
        accept_outcome(reply)
    }

    async fn mark_logged(
        &self,
        owner: Owner<'_>,
        quote_id: &str,
        record: LoggedRecord,
    ) -> Result<(), Error> {
        let key = quote_key(owner, quote_id)?;
        let operation = "marking a record as logged";
        match record {
            LoggedRecord::Answer => {
                let mut command = redis::cmd("HDEL");
                command.arg(&key).arg(RECORD);
                self.connections
                    .query(operation, self.timeout, command)
                    .await
            }
            LoggedRecord::Acceptance => {
                let script = &self.scripts.acceptance_logged;
                let call = script.call(&[&key]);
                self.run(operation, script, call).await?;
                Ok(())
            }
        }
    }

    async fn restore(&self, acceptance: LoggedAcceptance<'_>) -> Result<(), Error> {
        let keys = [
            &*quote_key(acceptance.owner, acceptance.quote_id)?,
            &account_key(acceptance.owner),
        ];
        let restore = &self.scripts.restore;
        let mut call = restore.call(&keys);
        call.arg(&acceptance.quote[..])
            .arg(&acceptance.acceptance[..])
            .arg(millis(acceptance.ttl));
        match acceptance.loan() {
            None => call.arg("").arg(""),
            Some(loan) => call
                .arg(lending_field(acceptance.quote_id))
                .arg(loan.to_string()),
        };
        self.run("restoring an acceptance", restore, call).await?;
        Ok(())
    }

    async fn account(&self, owner: Owner<'_>) -> Result<Account, Error> {
        let mut command = redis::cmd("HGETALL");
        command.arg(account_key(owner));
        let fields: Vec<(String, String)> = self
            .connections
            .query("reading an account", self.timeout, command)
            .await?;
        Account::read(fields.iter().map(|(field, value)| (&**field, &**value)))
    }
}

impl LoggedAcceptance<'_> {
    /// Returns the lending that it still takes, if any.
    pub(crate) fn loan(&self) -> Option<AcceptedLoan> {
        let (reservation, accepted_at_ms) = self.reservation.as_ref()?;
        AcceptedLoan::of(reservation, *accepted_at_ms)
    }
}

fn add_lending(call: &mut Cmd, quote_id: &str, test: &LendingTest) {
    let loan = &test.lending;
    let headroom = test
        .exposure_headroom_minor
        .map(|headroom| headroom.to_string());
    call.arg(lending_field(quote_id))
        .arg(loan.to_string())
        .arg(loan.currency.code())
        .arg(loan.exposure_minor)
        .arg(loan.monthly_minor)
        .arg(headroom.unwrap_or_default())
        .arg(test.monthly_headroom_minor)
        .arg(test.counting.now_ms)
        .arg(test.counting.exposure_stated_ms)
        .arg(test.counting.monthly_stated_ms);
}

fn accept_outcome(reply: Value) -> Result<AcceptOutcome, Error> {
    let unexpected = format!("{reply:?}");
    let corrupt = || Error::Corrupt {
        thing: "answer of the script",
        detail: unexpected.chars().take(80).collect(),
    };
    let mut words = Vec::<Value>::new().into_iter();
    if let Value::Array(parts) = reply {
        words = parts.into_iter();
    }
    let mut word = || words.next().ok_or_else(corrupt);
    match &*text(word()?)? {
        "accepted" => Ok(AcceptOutcome::Accepted),
        "unknown" => Ok(AcceptOutcome::Unknown),
        "already" => {
            let content: Bytes = from_redis_value(word()?).map_err(|_| corrupt())?;
            let logged: i64 = from_redis_value(word()?).map_err(|_| corrupt())?;
            Ok(AcceptOutcome::Already(StoredAcceptance {
                content,
                logged: logged == 1,
            }))
        }
        "no headroom" => {
            let bound = match &*text(word()?)? {
                "exposure" => Bound::Exposure,
                "monthly" => Bound::Monthly,
                _ => return Err(corrupt()),
            };
            let taken_minor = text(word()?)?.parse().map_err(|_| corrupt())?;
            Ok(AcceptOutcome::NoHeadroom { bound, taken_minor })
        }
        _ => Err(corrupt()),
    }
}

fn text(value: Value) -> Result<String, Error> {
    from_redis_value(value).map_err(|error| Error::Corrupt {
        thing: "answer of the script",
        detail: error.to_string(),
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .max(1)
}
