//! What owners of the gateway configure.

use std::collections::BTreeMap;

/// Configuration of the gateway.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Taken where a request names no tenant.
    pub default_tenant: String,
    /// Milliseconds for a whole request that brings no deadline of its own.
    pub deadline_ms: u64,
    /// Shares of the time left that each stage may take.
    pub shares: StageShares,
    /// Candidates asked of recall.
    pub candidates: u32,
    /// Decision records waiting for the log; more are shed and counted.
    pub log_buffer: usize,
    /// Whether requests may choose the instant (replays, tests).
    pub allow_as_of: bool,
    /// API keys and what each may do; empty: open to everyone who reaches the port.
    pub api_keys: BTreeMap<String, ApiKey>,
    /// Partitions of the topics that the gateway creates.
    pub partitions: i32,
    /// Days that events and decisions stay in the log.
    pub retention_days: u64,
}

/// What the bearer of a key may do.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// The only tenant that it may speak for.
    pub tenant: String,
    /// Requests per second over all connections.
    pub requests_per_second: u32,
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
        }
    }
}

impl Config {
    /// Refuses what no gateway can serve with: names the key, the value and what is allowed.
    pub fn check(&self) -> Result<(), String> {
        let refuse = |key: &str, value: String, allowed: &str| {
            Err(format!(
                "`gateway.{key}` = {value} is not allowed: {allowed}"
            ))
        };
        if self.deadline_ms == 0 || self.deadline_ms > 60_000 {
            return refuse("deadline_ms", self.deadline_ms.to_string(), "1 to 60000");
        }
        if self.candidates == 0 || self.candidates > 1_000 {
            return refuse("candidates", self.candidates.to_string(), "1 to 1000");
        }
        if self.log_buffer == 0 {
            return refuse("log_buffer", "0".to_owned(), "1 or more");
        }
        let StageShares {
            profile,
            recall,
            ranking,
            pricing,
        } = self.shares;
        for (key, share) in [
            ("profile", profile),
            ("recall", recall),
            ("ranking", ranking),
            ("pricing", pricing),
        ] {
            if !(share > 0.0 && share <= 1.0) {
                return refuse(
                    &format!("shares.{key}"),
                    share.to_string(),
                    "more than 0, at most 1",
                );
            }
        }
        if !(1..=1024).contains(&self.partitions) {
            return refuse("partitions", self.partitions.to_string(), "1 to 1024");
        }
        if let Some((_, key)) = self
            .api_keys
            .iter()
            .find(|(_, key)| key.requests_per_second == 0)
        {
            let name = format!("api_keys (tenant {}).requests_per_second", key.tenant);
            return refuse(&name, "0".to_owned(), "1 or more");
        }
        Ok(())
    }
}
