//! Configuration of the pricing service.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::error::Error;

/// The days that may be configured.
const DAYS: &str = "1 to 36500 days";

/// The configuration of the service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The file of the keys that sign quotes, the same for every instance. Empty is a file in the
    /// data folder, which is made with a fresh key where there is none.
    pub signing_keys_file: PathBuf,
    /// The time for which a quote that was not accepted is kept after it can no longer be accepted,
    /// milliseconds.
    pub quotes_kept_ms: u64,
    /// The days for which an accepted quote is kept, in the store and on the log: as long as the law
    /// asks.
    pub acceptances_kept_days: u64,
    /// The days for which the rate of a customer's last firm quote bounds the next one.
    pub last_rates_kept_days: u64,
    /// The time that the quote store may take where a call carries no deadline, milliseconds.
    pub store_timeout_ms: u64,
}

impl Config {
    /// Checks that the service can work with these values.
    ///
    /// # Errors
    /// [`Error::Config`] for the first value that is not allowed.
    pub fn check(&self) -> Result<(), Error> {
        let days = 1..=36_500;
        let table = [
            (
                "store_timeout_ms",
                self.store_timeout_ms,
                1..=u64::MAX,
                "at least 1 millisecond",
            ),
            (
                "acceptances_kept_days",
                self.acceptances_kept_days,
                days.clone(),
                DAYS,
            ),
            (
                "last_rates_kept_days",
                self.last_rates_kept_days,
                days,
                DAYS,
            ),
        ];
        for (key, value, range, allowed) in table {
            if !range.contains(&value) {
                return Err(Error::Config {
                    key: key.to_owned(),
                    value: value.to_string(),
                    allowed,
                });
            }
        }
        Ok(())
    }

    /// Returns the time for which an accepted quote is kept.
    pub fn acceptances_kept(&self) -> Duration {
        Duration::from_secs(self.acceptances_kept_days * 86_400)
    }

    /// Returns the time for which a last rate is kept.
    pub(crate) fn last_rates_kept(&self) -> Duration {
        Duration::from_secs(self.last_rates_kept_days * 86_400)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            signing_keys_file: PathBuf::new(),
            quotes_kept_ms: 7 * 86_400_000,
            // 25 months.
            acceptances_kept_days: 761,
            last_rates_kept_days: 90,
            store_timeout_ms: 1_000,
        }
    }
}
