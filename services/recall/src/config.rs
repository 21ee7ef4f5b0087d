//! Configuration of the recall service.

use serde::Deserialize;

use crate::error::Error;

/// The settings of the recall service.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The interval at which product counters are read, milliseconds.
    pub refresh_ms: u64,
    /// The threads that run the user tower, each on one core.
    pub model_threads: usize,
    /// The threads that search the index.
    pub search_threads: usize,
    /// The requests that may wait for either; any further one is answered without the two-tower
    /// source.
    pub queue: usize,
    /// The limit of the two-tower source for calls without a deadline, milliseconds.
    pub two_tower_timeout_ms: u64,
    /// The number of live counts that the training data's popularity is worth.
    pub popularity_strength: f64,
    /// The weight of a click of the last 7 days against a conversion of the last 30.
    pub popularity_click_weight: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            refresh_ms: 3_000,
            model_threads: 1,
            search_threads: 1,
            queue: 256,
            two_tower_timeout_ms: 100,
            popularity_strength: 1_000.0,
            popularity_click_weight: 0.1,
        }
    }
}

impl Config {
    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::Config`] names the key, the value and what is allowed.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |key, value: String, allowed| {
            Err(Error::Config {
                key,
                value,
                allowed,
            })
        };
        for (key, value) in [
            ("refresh_ms", self.refresh_ms),
            ("two_tower_timeout_ms", self.two_tower_timeout_ms),
            ("model_threads", self.model_threads as u64),
            ("search_threads", self.search_threads as u64),
            ("queue", self.queue as u64),
        ] {
            if value == 0 {
                return refuse(key, "0".to_owned(), "at least 1");
            }
        }
        let (strength, click) = (self.popularity_strength, self.popularity_click_weight);
        if !(strength.is_finite() && strength > 0.0) {
            return refuse(
                "popularity_strength",
                strength.to_string(),
                "a finite number above 0",
            );
        }
        if !(click.is_finite() && click >= 0.0) {
            return refuse(
                "popularity_click_weight",
                click.to_string(),
                "a finite number from 0",
            );
        }
        Ok(())
    }
}
