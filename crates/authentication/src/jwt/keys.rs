//! The keys of an issuer, read from its address and kept for a while.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::Clock;
use parking_lot::Mutex;
use reqwest::{Client, Url};

use super::error::{KeysError, Refused};
use super::key_set::{Document, Found, KeySet, SigningAlgorithm, Wanted};
use crate::fetch;

/// For how long keys are used, and how often they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// The age from which keys are read again. A key that the issuer took away is refused after it.
    pub refresh_after: Duration,
    /// The shortest time between two tries, whatever tokens ask for.
    pub at_most_every: Duration,
    /// The age up to which keys are used while their address does not answer.
    pub keep_for: Duration,
}

impl Default for Freshness {
    /// Five minutes, ten seconds, a day.
    fn default() -> Self {
        Self {
            refresh_after: Duration::from_mins(5),
            at_most_every: Duration::from_secs(10),
            keep_for: Duration::from_hours(24),
        }
    }
}

/// The keys of an issuer.
pub(super) struct Keys {
    client: Client,
    url: Url,
    allowed: Vec<SigningAlgorithm>,
    freshness: Freshness,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Held by the one that reads.
    reading: tokio::sync::Mutex<()>,
}

/// The keys, and the last try to read them.
#[derive(Debug, Clone, Default)]
struct State {
    set: Option<Arc<KeySet>>,
    /// When the set was read, Unix milliseconds.
    read_ms: i64,
    /// When reading was last begun.
    tried_ms: Option<i64>,
    /// Why the last try failed.
    failed: Option<KeysError>,
}

impl Keys {
    pub(super) fn new(
        (client, url): (Client, Url),
        allowed: Vec<SigningAlgorithm>,
        freshness: Freshness,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            client,
            url,
            allowed,
            freshness,
            clock,
            state: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// Returns the keys that may have signed a token. They are read anew where they are old, and where
    /// none is known of this name.
    ///
    /// # Errors
    /// No key may have signed it, or no keys could be read.
    pub(super) async fn find(
        &self,
        wanted: Wanted<'_>,
    ) -> Result<Vec<jsonwebtoken::DecodingKey>, Refused> {
        let known = self.usable().map(|set| set.find(wanted));
        let is_known = matches!(known, Some(Found::Keys(_)));
        match known {
            Some(Found::Keys(keys)) if self.is_fresh() => return Ok(keys),
            Some(Found::Several) if self.is_fresh() => return Err(Refused::NoKeyNamed),
            _ => self.read_again(is_known).await,
        }
        let state = self.state.lock().clone();
        let set = self
            .usable()
            .ok_or_else(|| Refused::NoKeys(state.failed.unwrap_or(KeysError::TriedAMomentAgo)))?;
        match set.find(wanted) {
            Found::Keys(keys) => Ok(keys),
            Found::Unknown => Err(Refused::UnknownKey),
            Found::Several => Err(Refused::NoKeyNamed),
        }
    }

    /// Reads the keys again unless they are fresh.
    pub(super) async fn keep_fresh(&self) {
        if !self.is_fresh() {
            self.read_again(false).await;
        }
    }

    /// Returns the keys, unless they are too old to be used.
    fn usable(&self) -> Option<Arc<KeySet>> {
        let state = self.state.lock();
        let set = state.set.clone()?;
        self.is_within(state.read_ms, self.freshness.keep_for)
            .then_some(set)
    }

    fn is_fresh(&self) -> bool {
        let state = self.state.lock();
        state.set.is_some() && self.is_within(state.read_ms, self.freshness.refresh_after)
    }

    /// Returns true if less than `span` has passed since an instant. A clock that was set back makes it
    /// false: what cannot be told is done again.
    fn is_within(&self, since_ms: i64, span: Duration) -> bool {
        let passed = self.clock.now_ms() - since_ms;
        passed >= 0 && passed < span.as_millis() as i64
    }

    /// Reads the keys, unless that was tried a moment ago. One reads and the others wait for it, except
    /// those that have keys to go on with.
    async fn read_again(&self, go_on: bool) {
        let _reading = if go_on {
            let Ok(reading) = self.reading.try_lock() else {
                return;
            };
            reading
        } else {
            self.reading.lock().await
        };
        let tried = self.state.lock().tried_ms;
        if tried.is_some_and(|at_ms| self.is_within(at_ms, self.freshness.at_most_every)) {
            return;
        }
        self.state.lock().tried_ms = Some(self.clock.now_ms());
        let read = self.read().await;
        let mut state = self.state.lock();
        match read {
            Ok(set) => {
                state.set = Some(Arc::new(set));
                state.read_ms = self.clock.now_ms();
                state.failed = None;
            }
            Err(error) => {
                tracing::warn!(%error, host = self.url.host_str(), "token keys not read");
                state.failed = Some(error);
            }
        }
    }

    async fn read(&self) -> Result<KeySet, KeysError> {
        let document: Document = fetch::get(&self.client, &self.url).await?;
        Ok(KeySet::read(document, &self.allowed)?)
    }
}
