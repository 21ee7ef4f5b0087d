//! The settings of the stream.

use std::time::Duration;

use crate::error::Error;

/// The topic of behaviour events.
pub const EVENTS_TOPIC: &str = "fairlead.events.v1";
/// The topic of decision records.
pub const DECISIONS_TOPIC: &str = "fairlead.decisions.v1";
/// The topic of acceptances of firm quotes.
pub const ACCEPTANCES_TOPIC: &str = "fairlead.acceptances.v1";
/// The topic of records that could not be applied.
pub const DEAD_LETTERS_TOPIC: &str = "fairlead.dead-letters.v1";
/// The consumer group.
pub const GROUP: &str = "fairlead-stream";

/// The settings of the stream.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The topic of events.
    pub topic: String,
    /// The topic of records that cannot be applied. It must exist.
    pub dead_letter_topic: String,
    /// The consumer group.
    pub group: String,
    /// The name of the log to which offsets belong, 1 to 64 characters of [A-Za-z0-9_.-]. Set
    /// another one if the log is replaced or created again while the store is kept: offsets of the
    /// new log are then not confused with those of the old one, and features of both add up.
    pub log_name: String,
    /// The most records of a batch, 1 to 100,000. Larger batches make fewer writes per entity and
    /// a longer delay.
    pub batch_records: usize,
    /// The time that a poll waits for records, 1 to 1,000 ms.
    pub poll_wait_ms: u64,
    /// The time since the store's acknowledgement after which a record counts as safe, 0 to
    /// 600,000 ms. An append-only file that is synced every second may lose one second.
    pub commit_lag_ms: u64,
    /// The number of states kept in memory, 0 to 10,000,000.
    pub cached_entities: usize,
    /// The longest pause between attempts to reach an unavailable store or log, 10 to 600,000 ms.
    pub longest_pause_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            topic: EVENTS_TOPIC.into(),
            dead_letter_topic: DEAD_LETTERS_TOPIC.into(),
            group: GROUP.into(),
            log_name: "events".into(),
            batch_records: 4_000,
            poll_wait_ms: 100,
            commit_lag_ms: 2_000,
            cached_entities: 50_000,
            longest_pause_ms: 2_000,
        }
    }
}

impl Config {
    /// Checks the values. An error names the key, the value and the allowed range.
    pub fn check(&self) -> Result<(), Error> {
        let name = &self.log_name;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            return Err(Error::Config {
                key: "log_name",
                value: name.chars().take(80).collect(),
                allowed: "1 to 64 characters of [A-Za-z0-9_.-]",
            });
        }
        let ranges = [
            (
                "batch_records",
                self.batch_records as u64,
                1..=100_000,
                "1 to 100000",
            ),
            ("poll_wait_ms", self.poll_wait_ms, 1..=1_000, "1 to 1000"),
            (
                "commit_lag_ms",
                self.commit_lag_ms,
                0..=600_000,
                "0 to 600000",
            ),
            (
                "cached_entities",
                self.cached_entities as u64,
                0..=10_000_000,
                "0 to 10000000",
            ),
            (
                "longest_pause_ms",
                self.longest_pause_ms,
                10..=600_000,
                "10 to 600000",
            ),
        ];
        for (key, value, range, allowed) in ranges {
            if !range.contains(&value) {
                return Err(Error::Config {
                    key,
                    value: value.to_string(),
                    allowed,
                });
            }
        }
        Ok(())
    }

    pub(crate) fn poll_wait(&self) -> Duration {
        Duration::from_millis(self.poll_wait_ms)
    }

    pub(crate) fn commit_lag(&self) -> Duration {
        Duration::from_millis(self.commit_lag_ms)
    }

    pub(crate) fn longest_pause(&self) -> Duration {
        Duration::from_millis(self.longest_pause_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_named() {
        assert!(Config::default().check().is_ok());
        let refusal = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().expect_err("out of range").to_string()
        };
        assert_eq!(
            refusal(|config| config.batch_records = 0),
            "stream.batch_records `0` is not allowed: 1 to 100000"
        );
        assert_eq!(
            refusal(|config| config.log_name = "a/b".into()),
            "stream.log_name `a/b` is not allowed: 1 to 64 characters of [A-Za-z0-9_.-]"
        );
    }
}
