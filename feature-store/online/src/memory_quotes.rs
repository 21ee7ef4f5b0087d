//! Firm quotes of the store in memory.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Error;
use crate::key::{account_key, idempotency_key, quote_key};
use crate::lending::{Account, LastRate, lending_field, rate_field};
use crate::memory::{Expiring, MemoryStore};
use crate::quote_store::{
    AcceptOutcome, CallerKey, LoggedAcceptance, LoggedRecord, NewAcceptance, NewQuote, NewRate,
    Owner, PutOutcome, QuoteStore, StoredAcceptance, StoredQuote,
};

/// The quotes, by the keys that they have on Redis.
#[derive(Default)]
pub(crate) struct Quotes {
    stored: HashMap<String, Expiring<StoredQuote>>,
    ids: HashMap<String, Expiring<String>>,
    /// Fields as on Redis. They outlive their time here: the times within them decide.
    accounts: HashMap<String, HashMap<String, String>>,
}

impl Quotes {
    fn quote(&self, key: &str) -> Option<&StoredQuote> {
        self.stored.get(key).and_then(Expiring::get)
    }

    /// Returns a quote that has not expired, to be changed.
    fn quote_mut(&mut self, key: &str) -> Option<&mut Expiring<StoredQuote>> {
        let entry = self.stored.get_mut(key)?;
        entry.get().is_some().then_some(entry)
    }

    fn account(&self, key: &str) -> Result<Account, Error> {
        let fields = self.accounts.get(key).into_iter().flatten();
        Account::read(fields.map(|(field, value)| (&**field, &**value)))
    }

    fn keep_rate(&mut self, account: String, rate: &NewRate<'_>) {
        let fields = self.accounts.entry(account).or_default();
        let field = rate_field(rate.product.as_str(), rate.currency);
        let kept = fields.get(&field).and_then(|kept| LastRate::read(kept));
        let kept_at = kept.map_or(i64::MIN, |kept| kept.quoted_at_ms);
        if rate.quoted_at_ms >= kept_at {
            let new = LastRate {
                rate_ppm: rate.rate_ppm,
                quoted_at_ms: rate.quoted_at_ms,
            };
            fields.insert(field, new.to_string());
        }
    }

    fn accept(
        &mut self,
        key: &str,
        account: String,
        new: NewAcceptance<'_>,
    ) -> Result<AcceptOutcome, Error> {
        let Some(stored) = self.quote(key) else {
            return Ok(AcceptOutcome::Unknown);
        };
        if let Some(first) = &stored.acceptance {
            return Ok(AcceptOutcome::Already(first.clone()));
        }
        if let Some(test) = &new.lending {
            if let Some((bound, taken_minor)) = self.account(&account)?.no_headroom(test) {
                return Ok(AcceptOutcome::NoHeadroom { bound, taken_minor });
            }
            let fields = self.accounts.entry(account).or_default();
            fields.insert(lending_field(new.quote_id), test.lending.to_string());
        }
        if let Some(entry) = self.quote_mut(key) {
            entry.value.acceptance = Some(StoredAcceptance {
                content: new.content,
                logged: false,
            });
            entry.prolong(new.ttl);
        }
        Ok(AcceptOutcome::Accepted)
    }

    fn restore(&mut self, key: String, account: String, new: LoggedAcceptance<'_>) {
        if let Some(loan) = new.loan() {
            let fields = self.accounts.entry(account).or_default();
            fields
                .entry(lending_field(new.quote_id))
                .or_insert_with(|| loan.to_string());
        }
        if self.quote(&key).is_none() {
            let stored = StoredQuote {
                quote_id: new.quote_id.to_owned(),
                content: new.quote,
                record: None,
                acceptance: None,
            };
            let entry = Expiring::new(stored, Some(new.ttl));
            self.stored.insert(key.clone(), entry);
        }
        if let Some(entry) = self.quote_mut(&key) {
            entry.prolong(new.ttl);
            let stored = StoredAcceptance {
                content: new.acceptance,
                logged: true,
            };
            entry.value.acceptance.get_or_insert(stored).logged = true;
        }
    }
}

#[async_trait]
impl QuoteStore for MemoryStore {
    async fn put_if_absent(&self, quote: NewQuote<'_>) -> Result<PutOutcome, Error> {
        let key = quote_key(quote.owner, quote.quote_id)?;
        let idempotency_key = idempotency_key(quote.owner, quote.key)?;
        self.with_quotes(|quotes| {
            let existing = quotes.ids.get(&idempotency_key).and_then(Expiring::get);
            if let Some(existing) = existing.filter(|existing| **existing != key)
                && let Some(stored) = quotes.quote(existing)
            {
                return Ok(PutOutcome::Existing(stored.clone()));
            }
            if quotes.quote(&key).is_none() {
                let stored = StoredQuote {
                    quote_id: quote.quote_id.to_owned(),
                    content: quote.content,
                    record: Some(quote.record),
                    acceptance: None,
                };
                let entry = Expiring::new(stored, Some(quote.ttl));
                quotes.stored.insert(key.clone(), entry);
            }
            let entry = Expiring::new(key, Some(quote.ttl));
            quotes.ids.insert(idempotency_key, entry);
            if let Some(rate) = &quote.rate {
                quotes.keep_rate(account_key(quote.owner), rate);
            }
            Ok(PutOutcome::New)
        })
    }

    async fn find(
        &self,
        owner: Owner<'_>,
        key: CallerKey<'_>,
    ) -> Result<Option<StoredQuote>, Error> {
        let key = idempotency_key(owner, key)?;
        Ok(self.with_quotes(|quotes| {
            let id = quotes.ids.get(&key).and_then(Expiring::get)?;
            quotes.quote(id).cloned()
        }))
    }

    async fn get(&self, owner: Owner<'_>, quote_id: &str) -> Result<Option<StoredQuote>, Error> {
        let key = quote_key(owner, quote_id)?;
        Ok(self.with_quotes(|quotes| quotes.quote(&key).cloned()))
    }

    async fn accept_once(&self, acceptance: NewAcceptance<'_>) -> Result<AcceptOutcome, Error> {
        let key = quote_key(acceptance.owner, acceptance.quote_id)?;
        let account = account_key(acceptance.owner);
        self.with_quotes(|quotes| quotes.accept(&key, account, acceptance))
    }

    async fn mark_logged(
        &self,
        owner: Owner<'_>,
        quote_id: &str,
        record: LoggedRecord,
    ) -> Result<(), Error> {
        let key = quote_key(owner, quote_id)?;
        self.with_quotes(|quotes| {
            let Some(entry) = quotes.quote_mut(&key) else {
                return;
            };
            match (record, &mut entry.value.acceptance) {
                (LoggedRecord::Answer, _) => entry.value.record = None,
                (LoggedRecord::Acceptance, Some(acceptance)) => acceptance.logged = true,
                (LoggedRecord::Acceptance, None) => {}
            }
        });
        Ok(())
    }

    async fn restore(&self, acceptance: LoggedAcceptance<'_>) -> Result<(), Error> {
        let key = quote_key(acceptance.owner, acceptance.quote_id)?;
        let account = account_key(acceptance.owner);
        self.with_quotes(|quotes| quotes.restore(key, account, acceptance));
        Ok(())
    }

    async fn account(&self, owner: Owner<'_>) -> Result<Account, Error> {
        self.with_quotes(|quotes| quotes.account(&account_key(owner)))
    }
}

impl<T> Expiring<T> {
    /// Lets it expire no earlier than after `ttl`.
    fn prolong(&mut self, ttl: Duration) {
        let new = Expiring::new((), Some(ttl)).expires;
        if self
            .expires
            .is_some_and(|expires| new.is_none_or(|new| expires < new))
        {
            self.expires = new;
        }
    }
}
