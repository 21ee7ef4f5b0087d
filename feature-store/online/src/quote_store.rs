//! The trait of firm quotes, [`QuoteStore`], and its types.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fairlead_domain::{CustomerId, ProductId, TenantId};
use fairlead_proto::pricing::v1::Reservation;

use crate::error::Error;
use crate::lending::{Account, Bound, LendingTest};

/// The customer whom quotes are of. All that is stored of one customer's quotes is in one slot of a
/// cluster, so that one script may read and write it.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The customer.
    pub customer: &'a CustomerId,
}

/// A caller's idempotency key for one customer.
#[derive(Debug, Clone, Copy)]
pub struct CallerKey<'a> {
    /// The principal who calls: at most 128 characters.
    pub caller: &'a str,
    /// The caller's key of the request: 1 to 128 characters without control characters.
    pub key: &'a str,
}

/// The answer to a request for a firm quote, to be stored.
#[derive(Debug, Clone)]
pub struct NewQuote<'a> {
    /// The customer.
    pub owner: Owner<'a>,
    /// The key under which the answer stands.
    pub key: CallerKey<'a>,
    /// A new id: 1 to 64 characters of [A-Za-z0-9_.-].
    pub quote_id: &'a str,
    /// The encoded answer.
    pub content: Bytes,
    /// The record to be logged of it; kept until [`QuoteStore::mark_logged`].
    pub record: Bytes,
    /// The time for which it is stored; longer than the time in which it can be accepted.
    pub ttl: Duration,
    /// The rate that it quotes, to be kept as the customer's last one of the product.
    pub rate: Option<NewRate<'a>>,
}

/// The rate of a firm quote.
#[derive(Debug, Clone, Copy)]
pub struct NewRate<'a> {
    /// The product.
    pub product: &'a ProductId,
    /// The currency that it was quoted in: a last rate is kept for each product and currency.
    pub currency: fairlead_domain::Currency,
    /// The yearly rate, ppm.
    pub rate_ppm: i64,
    /// The time of the quote, Unix milliseconds. An older quote does not replace a newer one.
    pub quoted_at_ms: i64,
    /// The time for which it is kept.
    pub ttl: Duration,
}

/// The outcome of [`QuoteStore::put_if_absent`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// The quote was stored.
    New,
    /// This other quote was stored under the idempotency key before.
    Existing(StoredQuote),
}

/// A stored quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredQuote {
    /// Its id.
    pub quote_id: String,
    /// The encoded answer.
    pub content: Bytes,
    /// The record to be logged of it, or `None` once it is logged.
    pub record: Option<Bytes>,
    /// The acceptance, or `None` if the quote was not accepted.
    pub acceptance: Option<StoredAcceptance>,
}

/// A stored acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAcceptance {
    /// The encoded acceptance.
    pub content: Bytes,
    /// True once it is logged.
    pub logged: bool,
}

/// An acceptance to be stored.
#[derive(Debug, Clone)]
pub struct NewAcceptance<'a> {
    /// The customer.
    pub owner: Owner<'a>,
    /// The quote.
    pub quote_id: &'a str,
    /// The encoded acceptance.
    pub content: Bytes,
    /// The time for which the quote is stored from now on.
    pub ttl: Duration,
    /// The lending that the acceptance begins, with its bounds; `None` where nothing is lent.
    pub lending: Option<LendingTest>,
}

/// The outcome of [`QuoteStore::accept_once`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptOutcome {
    /// The quote was accepted by this call.
    Accepted,
    /// The quote was accepted before. On a cluster that may have been an attempt of this call whose
    /// reply was lost.
    Already(StoredAcceptance),
    /// There is no such quote, or it has expired.
    Unknown,
    /// Other accepted lending of the customer leaves no headroom for this one; nothing was stored.
    NoHeadroom {
        /// The bound that it would pass.
        bound: Bound,
        /// The part of it that the other lending takes, minor units.
        taken_minor: i64,
    },
}

/// An acceptance that the log holds, to be stored where the store has lost it.
#[derive(Debug, Clone)]
pub struct LoggedAcceptance<'a> {
    /// The customer.
    pub owner: Owner<'a>,
    /// The quote.
    pub quote_id: &'a str,
    /// The encoded answer that held the quote.
    pub quote: Bytes,
    /// The encoded acceptance.
    pub acceptance: Bytes,
    /// The time for which it is stored.
    pub ttl: Duration,
    /// The capacity that it takes from the time of its acceptance (Unix milliseconds), if it still
    /// does.
    pub reservation: Option<(Reservation, i64)>,
}

/// The record that [`QuoteStore::mark_logged`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedRecord {
    /// The record of the answer.
    Answer,
    /// The record of the acceptance.
    Acceptance,
}

/// A store of firm quotes: one for each idempotency key, accepted once.
#[async_trait]
pub trait QuoteStore: Send + Sync + 'static {
    /// Stores a quote unless one is stored under its idempotency key; then that one is returned and
    /// the new one is not kept. Of concurrent callers exactly one stores its quote.
    async fn put_if_absent(&self, quote: NewQuote<'_>) -> Result<PutOutcome, Error>;

    /// Returns the quote that stands under a key, or `None` if there is none or it has expired.
    async fn find(
        &self,
        owner: Owner<'_>,
        key: CallerKey<'_>,
    ) -> Result<Option<StoredQuote>, Error>;

    /// Returns the quote with this id, or `None` if there is none or it has expired.
    async fn get(&self, owner: Owner<'_>, quote_id: &str) -> Result<Option<StoredQuote>, Error>;

    /// Accepts a quote unless it was accepted before, or other accepted lending leaves no headroom for
    /// it. Of concurrent callers exactly one succeeds, and never more lending is accepted than has
    /// headroom: test and acceptance are one step.
    async fn accept_once(&self, acceptance: NewAcceptance<'_>) -> Result<AcceptOutcome, Error>;

    /// Notes that the log has a record. Unknown quotes are none of its concern.
    async fn mark_logged(
        &self,
        owner: Owner<'_>,
        quote_id: &str,
        record: LoggedRecord,
    ) -> Result<(), Error>;

    /// Stores an acceptance that the log holds, with its quote, unless they are stored already. The
    /// acceptance counts as logged.
    async fn restore(&self, acceptance: LoggedAcceptance<'_>) -> Result<(), Error>;

    /// Returns the last rates and the accepted lending of a customer.
    async fn account(&self, owner: Owner<'_>) -> Result<Account, Error>;
}
