//! What can be set.

use std::time::Duration;

use crate::error::Error;

/// The topic of behaviour events.
pub const EVENTS_TOPIC: &str = "fairlead.events.v1";
/// The topic of what could not be applied.
pub const DEAD_LETTERS_TOPIC: &str = "fairlead.dead-letters.v1";
/// The consumer group.
pub const GROUP: &str = "fairlead-stream";

/// What can be set; the defaults are good.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where events come from.
    pub topic: String,
    /// Where goes what cannot be applied; must exist.
    pub dead_letter_topic: String,
    /// The consumer group.
    pub group: String,
    /// Names the log that offsets belong to, 1 to 64 characters of [A-Za-z0-9_.-]. Give another
    /// one when the log is begun anew or replaced while the store is kept: offsets of the new log
    /// are then not taken for those of the old one, and features of both add up.
    pub log_name: String,
    /// Records per batch, 1 to 100,000. More make fewer writes per entity, and a longer wait.
    pub batch_records: usize,
    /// How long a poll waits for records, 1 to 1,000 ms.
    pub poll_wait_ms: u64,
    /// How long the store must have acknowledged a write before its records count as safe, 0 to
    /// 600,000 ms. An append-only file that is synced every second may forget one second.
    pub commit_lag_ms: u64,
    /// States kept in memory, 0 to 10,000,000.
    pub cached_entities: usize,
    /// Longest pause between attempts to reach a store or log that is away, 10 to 600,000 ms.
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
    /// Refuses what cannot be worked with: names the key, the value and what is allowed.
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
