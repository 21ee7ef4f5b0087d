//! Configuration of the ranking service.

use serde::Deserialize;

use crate::error::Error;

/// The settings of the service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The time between two reads of product counters, milliseconds; product rows are made anew with
    /// each.
    pub refresh_ms: u64,
    /// Threads that run models, each on one core.
    pub threads: usize,
    /// Products that one micro-batch scores at most.
    pub batch_rows: usize,
    /// The longest that a request may wait for others to share its batch, microseconds. 0: it shares only
    /// with those that wait anyway.
    pub batch_wait_us: u64,
    /// Requests that may wait for a thread; one more is refused.
    pub queue: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            refresh_ms: 3_000,
            threads: 1,
            batch_rows: 1_024,
            batch_wait_us: 0,
            queue: 256,
        }
    }
}

impl Config {
    /// Refuses values that cannot be worked with.
    ///
    /// # Errors
    /// [`Error::Config`] names the key, the value and what is allowed.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |key, value: u64, allowed| {
            Err(Error::Config {
                key,
                value: value.to_string(),
                allowed,
            })
        };
        for (key, value) in [
            ("refresh_ms", self.refresh_ms),
            ("threads", self.threads as u64),
            ("batch_rows", self.batch_rows as u64),
            ("queue", self.queue as u64),
        ] {
            if value == 0 {
                return refuse(key, value, "at least 1");
            }
        }
        if self.batch_wait_us > 1_000_000 {
            return refuse(
                "batch_wait_us",
                self.batch_wait_us,
                "0 to 1000000 (a second)",
            );
        }
        Ok(())
    }
}
