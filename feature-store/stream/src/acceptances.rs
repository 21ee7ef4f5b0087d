//! Acceptances of firm quotes, from their topic into the online store: where the store lost them, they
//! are there again, with the quote, the instant and the lending that counts.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::Clock;
use fairlead_domain::{CustomerId, TenantId};
use fairlead_event_log::{Delivered, EventLog};
use fairlead_online::{
    Error as StoreError, FeatureStore, KeptAnswer, LogProgress, LoggedAcceptance, Owner, QuoteStore,
};
use fairlead_proto::decision::v1::DecisionRecord;
use prost::Message as _;

use crate::config::ACCEPTANCES_TOPIC;
use crate::derive::{Derivation, Sink};
use crate::error::Error;
use crate::meters;

/// The settings of the restorer of acceptances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptancesConfig {
    /// The consumer group.
    pub group: String,
    /// The name of the log that offsets belong to.
    pub log_name: String,
    /// The time for which an acceptance is kept.
    pub kept: Duration,
}

/// The stores that acceptances are kept in, and how far they are.
pub struct AcceptanceStores {
    /// The store of the progress.
    pub progress: Arc<dyn FeatureStore>,
    /// The store of quotes.
    pub quotes: Arc<dyn QuoteStore>,
}

/// A restorer of acceptances that is ready to run.
pub type AcceptanceRestorer = Derivation<Acceptances>;

/// The acceptances in the store.
pub struct Acceptances {
    kept: Duration,
    progress: LogProgress,
    quotes: Arc<dyn QuoteStore>,
    clock: Arc<dyn Clock>,
}

impl AcceptanceRestorer {
    /// Returns a restorer of the acceptances on `log`.
    pub fn new(
        config: AcceptancesConfig,
        log: Arc<dyn EventLog>,
        stores: AcceptanceStores,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let name = &config.log_name;
        let progress = LogProgress::new(stores.progress, name, "quotes", "acceptances");
        let acceptances = Acceptances {
            kept: config.kept,
            progress,
            quotes: stores.quotes,
            clock,
        };
        Self::of(acceptances, config.group, log)
    }
}

impl Sink for Acceptances {
    fn topic(&self) -> &'static str {
        ACCEPTANCES_TOPIC
    }

    fn progress(&self) -> &LogProgress {
        &self.progress
    }

    async fn write(&self, _: i32, records: &[Delivered]) -> Result<usize, Error> {
        let mut restored = 0;
        for one in records {
            let record = DecisionRecord::decode(one.record.payload.clone());
            let written = match record {
                Ok(record) => self.restore(record).await,
                Err(_) => Ok(false),
            };
            match written {
                Ok(true) => restored += 1,
                // An unreadable record stops nothing: it is counted.
                Ok(false) | Err(StoreError::Key { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(restored)
    }

    fn count(&self, written: usize, skipped: usize) {
        meters::acceptances(written, skipped);
    }

    fn measure_lag(&self, records: u64) {
        meters::acceptances_lag(records);
    }
}

impl Acceptances {
    /// Stores the acceptance of a record unless the store has it. Returns false for a record that holds
    /// none, and for one whose time is over.
    async fn restore(&self, record: DecisionRecord) -> Result<bool, StoreError> {
        let (Some(quote), Some(acceptance)) = (record.quote, record.acceptance) else {
            return Ok(false);
        };
        let (Ok(tenant), Ok(customer)) = (
            TenantId::new(&quote.tenant),
            CustomerId::new(&quote.customer_id),
        ) else {
            return Ok(false);
        };
        let now_ms = self.clock.now_ms();
        let age_ms = now_ms.saturating_sub(acceptance.accepted_at_ms);
        let age = Duration::from_millis(u64::try_from(age_ms).unwrap_or_default());
        let Some(ttl) = self.kept.checked_sub(age).filter(|ttl| !ttl.is_zero()) else {
            return Ok(false);
        };
        let reservation = acceptance.reservation.clone();
        let reservation = reservation.filter(|taken| taken.ends_at_ms > now_ms);
        let quote_id = quote.quote_id.clone();
        let kept = KeptAnswer {
            request_id: record.request_id,
            quote: Some(quote),
            ..KeptAnswer::default()
        };
        let restored = LoggedAcceptance {
            owner: Owner {
                tenant: &tenant,
                customer: &customer,
            },
            quote_id: &quote_id,
            quote: kept.to_bytes(),
            acceptance: acceptance.encode_to_vec().into(),
            ttl,
            reservation: reservation.map(|taken| (taken, acceptance.accepted_at_ms)),
        };
        self.quotes.restore(restored).await?;
        Ok(true)
    }
}
