//! The configuration of the gateway.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use fairlead_domain::{Origin, TenantId};

use crate::caller::Caller;

/// Configuration of the gateway.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The tenant of a request that names none.
    pub default_tenant: String,
    /// Milliseconds for a request; a caller's own deadline counts where it is shorter.
    pub deadline_ms: u64,
    /// Shares of the time left that each stage may take.
    pub shares: StageShares,
    /// Candidates asked of recall.
    pub candidates: u32,
    /// Decision records waiting for the log; more are shed and counted.
    pub log_buffer: usize,
    /// Lets requests choose the instant (replays, tests).
    pub allow_as_of: bool,
    /// API keys with their rights; if there are none, the gateway is open to whoever reaches its port.
    pub api_keys: BTreeMap<String, ApiKey>,
    /// Partitions of the topics that the gateway creates.
    pub partitions: i32,
    /// Days that events and decisions stay in the log.
    pub retention_days: u64,
    /// Days that acceptances of quotes stay in the log: `pricing.acceptances_kept_days`.
    #[serde(skip)]
    pub acceptances_kept_days: u64,
}

/// The rights of an API key.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// The only tenant that its bearer speaks for.
    pub tenant: String,
    /// Requests per second, over all connections.
    pub requests_per_second: u32,
    /// The origin of what its bearer states: `app`, `partner` or `bank`.
    #[serde(default = "app")]
    pub origin: String,
}

fn app() -> String {
    Origin::App.name().to_owned()
}

/// Shares of the time left, 0 to 1.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StageShares {
    /// Reading the profile.
    pub profile: f64,
    /// Finding candidates.
    pub recall: f64,
    /// Scoring.
    pub ranking: f64,
    /// Pricing.
    pub pricing: f64,
}

impl Default for StageShares {
    fn default() -> Self {
        Self {
            profile: 0.3,
            recall: 0.4,
            ranking: 0.5,
            pricing: 0.8,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_tenant: "demo".to_owned(),
            deadline_ms: 300,
            shares: StageShares::default(),
            candidates: 200,
            log_buffer: 10_000,
            allow_as_of: false,
            api_keys: BTreeMap::new(),
            partitions: 4,
            retention_days: 90,
            acceptances_kept_days: 761,
        }
    }
}

/// A value of the configuration that the gateway cannot serve with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`gateway.{key}` = {value} is not allowed: {allowed}")]
pub struct ConfigError {
    /// The key, below `gateway`.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The values that are allowed.
    pub allowed: &'static str,
}

/// The checked rights of an API key.
pub(crate) struct CheckedKey {
    pub(crate) caller: Caller,
    pub(crate) requests_per_second: NonZeroU32,
}

impl ApiKey {
    /// Returns the checked rights.
    pub(crate) fn check(&self) -> Result<CheckedKey, ConfigError> {
        let tenant = TenantId::new(&self.tenant)
            .map_err(|error| refused("api_keys.tenant", &self.tenant, error.allowed))?;
        let key = || format!("api_keys (tenant {tenant}).requests_per_second");
        let rate = NonZeroU32::new(self.requests_per_second)
            .ok_or_else(|| refused(key(), self.requests_per_second, "1 or more"))?;
        let origin = Origin::from_name(&self.origin).ok_or_else(|| {
            let key = format!("api_keys (tenant {tenant}).origin");
            refused(key, &self.origin, "app, partner, bank")
        })?;
        Ok(CheckedKey {
            caller: Caller::of_tenant(tenant, origin),
            requests_per_second: rate,
        })
    }
}

impl Config {
    /// Checks that the gateway can serve with these values.
    ///
    /// # Errors
    /// The first value that is not allowed, with its key.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !(1..=60_000).contains(&self.deadline_ms) {
            return Err(refused("deadline_ms", self.deadline_ms, "1 to 60000"));
        }
        if !(1..=1_000).contains(&self.candidates) {
            return Err(refused("candidates", self.candidates, "1 to 1000"));
        }
        if self.log_buffer == 0 {
            return Err(refused("log_buffer", self.log_buffer, "1 or more"));
        }
        self.shares.check()?;
        if !(1..=1024).contains(&self.partitions) {
            return Err(refused("partitions", self.partitions, "1 to 1024"));
        }
        self.api_keys
            .values()
            .try_for_each(|key| key.check().map(drop))
    }
}

impl StageShares {
    fn check(self) -> Result<(), ConfigError> {
        let shares = [
            ("shares.profile", self.profile),
            ("shares.recall", self.recall),
            ("shares.ranking", self.ranking),
            ("shares.pricing", self.pricing),
        ];
        // Written so that a share that is no number is refused as well.
        match shares
            .iter()
            .find(|(_, share)| !(*share > 0.0 && *share <= 1.0))
        {
            Some((key, share)) => Err(refused(*key, share, "more than 0, at most 1")),
            None => Ok(()),
        }
    }
}

fn refused(key: impl Into<String>, value: impl ToString, allowed: &'static str) -> ConfigError {
    ConfigError {
        key: key.into(),
        value: value.to_string(),
        allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut Config)) -> String {
        let mut config = Config::default();
        change(&mut config);
        config.check().expect_err("not allowed").to_string()
    }

    fn key(tenant: &str, requests_per_second: u32) -> BTreeMap<String, ApiKey> {
        let rights = ApiKey {
            tenant: tenant.to_owned(),
            requests_per_second,
            origin: app(),
        };
        BTreeMap::from([("secret".to_owned(), rights)])
    }

    #[test]
    fn the_default_is_allowed() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn a_wrong_value_is_named_with_its_key_and_what_is_allowed() {
        type Change = fn(&mut Config);
        let table: &[(Change, &str)] = &[
            (
                |c| c.deadline_ms = 0,
                "`gateway.deadline_ms` = 0 is not allowed: 1 to 60000",
            ),
            (|c| c.candidates = 1_001, "`gateway.candidates` = 1001"),
            (|c| c.log_buffer = 0, "`gateway.log_buffer` = 0"),
            (
                |c| c.shares.recall = f64::NAN,
                "`gateway.shares.recall` = NaN",
            ),
            (|c| c.shares.pricing = 1.5, "`gateway.shares.pricing` = 1.5"),
            (|c| c.partitions = -1, "`gateway.partitions` = -1"),
            (
                |c| c.api_keys = key("acme", 0),
                "`gateway.api_keys (tenant acme).requests_per_second` = 0",
            ),
            (
                |c| c.api_keys = key("a b", 1),
                "`gateway.api_keys.tenant` = a b",
            ),
            (
                |c| {
                    c.api_keys = key("acme", 1);
                    c.api_keys
                        .values_mut()
                        .for_each(|key| key.origin = "owner".to_owned());
                },
                "`gateway.api_keys (tenant acme).origin` = owner is not allowed: app, partner, bank",
            ),
        ];
        for (change, expected) in table {
            let error = refusal(*change);
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
