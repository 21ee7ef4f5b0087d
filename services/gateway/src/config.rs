//! The configuration of the gateway.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use fairlead_domain::{Origin, TenantId};
use fairlead_identity::{
    Kind, Permission, Permissions, Principal, Tenants, permission_from_name, permission_name,
};

use crate::keys::hash::KeyHash;
use crate::scopes::{of_apps, of_partners};

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
    /// API keys with their rights: the key itself, or `sha256:` and its hash. Without keys and customer
    /// tokens the gateway is open to whoever reaches its port.
    pub api_keys: BTreeMap<String, ApiKey>,
    /// The lender's own tokens of customers, if they are taken.
    pub customer_tokens: Option<CustomerTokensConfig>,
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
    /// The permissions of its bearer, by name; empty is what its origin usually may.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// The lender's own tokens of customers: JWTs, whose `sub` is the customer.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerTokensConfig {
    /// The issuer (`iss`).
    pub issuer: String,
    /// The audience (`aud`).
    pub audience: String,
    /// Where the issuer's public keys are (JWKS).
    pub jwks_url: String,
    /// The only tenant that customers speak for; empty is the gateway's.
    #[serde(default)]
    pub tenant: String,
    /// Requests per second of one customer.
    pub requests_per_second: u32,
    /// The algorithms of signatures; empty is every one with a public key.
    #[serde(default)]
    pub algorithms: Vec<String>,
    /// By how many seconds the issuer's clock may differ.
    #[serde(default = "leeway")]
    pub leeway_seconds: u64,
}

fn leeway() -> u64 {
    30
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
            customer_tokens: None,
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
    pub allowed: String,
}

/// The checked rights of an API key.
pub(crate) struct CheckedKey {
    pub(crate) hash: KeyHash,
    pub(crate) caller: Principal,
    pub(crate) requests_per_second: NonZeroU32,
}

impl ApiKey {
    /// Returns the checked rights of a key of a gateway that serves one tenant.
    pub(crate) fn check(&self, key: &str, served: &str) -> Result<CheckedKey, ConfigError> {
        let tenant = tenant("api_keys.tenant", &self.tenant, served)?;
        let hash = KeyHash::configured(key).ok_or_else(|| {
            let name = format!("api_keys (tenant {tenant})");
            refused(
                name,
                "sha256:...",
                "sha256: and 64 hex digits, or the key itself",
            )
        })?;
        let key = || format!("api_keys (tenant {tenant}).requests_per_second");
        let rate = NonZeroU32::new(self.requests_per_second)
            .ok_or_else(|| refused(key(), self.requests_per_second, "1 or more"))?;
        let origin = Origin::from_name(&self.origin).ok_or_else(|| {
            let key = format!("api_keys (tenant {tenant}).origin");
            refused(key, &self.origin, "app, partner, bank")
        })?;
        let permissions = self.permissions(origin)?;
        let kind = match origin {
            Origin::Partner => Kind::Partner,
            Origin::App | Origin::Bank => Kind::Application,
        };
        Ok(CheckedKey {
            caller: Principal::new(kind, &hash.name(), Tenants::One(tenant))
                .with_permissions(permissions)
                .with_origin(origin),
            hash,
            requests_per_second: rate,
        })
    }

    /// Returns what the bearer may do.
    fn permissions(&self, origin: Origin) -> Result<Permissions, ConfigError> {
        if self.scopes.is_empty() {
            return Ok(match origin {
                Origin::Partner => of_partners(),
                Origin::App | Origin::Bank => of_apps(),
            });
        }
        let grantable = |permission: &Permission| of_apps().contains(*permission);
        let permission = |name: &String| {
            let found = permission_from_name(name).filter(grantable);
            found.ok_or_else(|| {
                let key = format!("api_keys (tenant {}).scopes", self.tenant);
                let names: Vec<String> = of_apps().iter().map(permission_name).collect();
                refused(key, name, names.join(", "))
            })
        };
        self.scopes.iter().map(permission).collect()
    }
}

impl CustomerTokensConfig {
    /// Returns the tenant and the rate, at a gateway that serves one tenant. The rest is checked where
    /// the tokens are.
    pub(crate) fn check(&self, served: &str) -> Result<(TenantId, NonZeroU32), ConfigError> {
        let named = if self.tenant.is_empty() {
            served
        } else {
            &self.tenant
        };
        let tenant = tenant("customer_tokens.tenant", named, served)?;
        let rate = NonZeroU32::new(self.requests_per_second).ok_or_else(|| {
            let key = "customer_tokens.requests_per_second";
            refused(key, self.requests_per_second, "1 or more")
        })?;
        Ok((tenant, rate))
    }
}

/// Returns a tenant, if it is the one that the gateway serves.
fn tenant(key: &str, named: &str, served: &str) -> Result<TenantId, ConfigError> {
    let tenant = TenantId::new(named).map_err(|error| refused(key, named, error.allowed))?;
    if named == served {
        Ok(tenant)
    } else {
        Err(refused(
            key,
            named,
            format!("{served}, the tenant of this gateway"),
        ))
    }
}

impl Config {
    /// Returns the tenant that the gateway serves.
    pub(crate) fn tenant(&self) -> Result<TenantId, ConfigError> {
        tenant("default_tenant", &self.default_tenant, &self.default_tenant)
    }

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
        if let Some(tokens) = &self.customer_tokens {
            tokens.check(&self.default_tenant)?;
        }
        self.api_keys
            .iter()
            .try_for_each(|(key, rights)| rights.check(key, &self.default_tenant).map(drop))
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

fn refused(
    key: impl Into<String>,
    value: impl ToString,
    allowed: impl Into<String>,
) -> ConfigError {
    ConfigError {
        key: key.into(),
        value: value.to_string(),
        allowed: allowed.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Config);

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
            scopes: Vec::new(),
        };
        BTreeMap::from([("secret".to_owned(), rights)])
    }

    fn tokens(tenant: &str, requests_per_second: u32) -> CustomerTokensConfig {
        CustomerTokensConfig {
            issuer: "https://id.bank.example".to_owned(),
            audience: "fairlead".to_owned(),
            jwks_url: "https://id.bank.example/jwks".to_owned(),
            tenant: tenant.to_owned(),
            requests_per_second,
            algorithms: Vec::new(),
            leeway_seconds: leeway(),
        }
    }

    #[test]
    fn the_default_is_allowed() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn a_wrong_value_is_named_with_its_key_and_what_is_allowed() {
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
        ];
        refused_as(table);
    }

    #[test]
    fn wrong_rights_of_a_key_are_named_without_the_key() {
        let table: &[(Change, &str)] = &[
            (
                |c| c.api_keys = key("demo", 0),
                "`gateway.api_keys (tenant demo).requests_per_second` = 0",
            ),
            (
                |c| c.api_keys = key("a b", 1),
                "`gateway.api_keys.tenant` = a b",
            ),
            (
                |c| {
                    c.api_keys = key("demo", 1);
                    c.api_keys
                        .values_mut()
                        .for_each(|key| key.origin = "owner".to_owned());
                },
                "`gateway.api_keys (tenant demo).origin` = owner is not allowed: app, partner, bank",
            ),
            (
                |c| c.api_keys = key("acme", 1),
                "`gateway.api_keys.tenant` = acme is not allowed: demo, the tenant of this gateway",
            ),
            (
                |c| {
                    let rights = key("demo", 1).remove("secret").expect("a key");
                    c.api_keys = BTreeMap::from([("sha256:secret".to_owned(), rights)]);
                },
                "`gateway.api_keys (tenant demo)` = sha256:... is not allowed: sha256: and 64 hex digits",
            ),
            (
                |c| {
                    c.api_keys = key("demo", 1);
                    c.api_keys
                        .values_mut()
                        .for_each(|key| key.scopes = vec!["law.edit".to_owned()]);
                },
                "`gateway.api_keys (tenant demo).scopes` = law.edit is not allowed: decision.read, \
                 customer.read, recommend, quote, event.send",
            ),
            (
                |c| c.customer_tokens = Some(tokens("demo", 0)),
                "`gateway.customer_tokens.requests_per_second` = 0 is not allowed: 1 or more",
            ),
            (
                |c| c.customer_tokens = Some(tokens("acme", 1)),
                "`gateway.customer_tokens.tenant` = acme is not allowed: demo",
            ),
        ];
        refused_as(table);
    }

    fn refused_as(table: &[(Change, &str)]) {
        for (change, expected) in table {
            let error = refusal(*change);
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
