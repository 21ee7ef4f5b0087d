//! Configuration of the control plane.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fairlead_authentication::oidc::{Provider, ProviderOptions};
use fairlead_chassis::clock::Clock;
use fairlead_domain::TenantId;
use fairlead_identity::Role;
use serde::Deserialize;

use crate::Error;
use crate::address::Address;

/// The settings of the control plane.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The control database: `sqlite:PATH`, or `postgres://user:password@host:port/database`, which
    /// several control planes may share. Default `sqlite:data/control.db`; the folder is made.
    pub database: String,
    /// The connections to it. Default 4; 1 to 64.
    pub connections: u32,
    /// The longest wait of a write for another one, and of any call for a connection, milliseconds.
    /// Default 5,000.
    pub busy_timeout_ms: u64,
    /// The minutes for which a person stays signed in. Default 720; 1 to 43,200.
    pub session_minutes: u32,
    /// The identity provider at which people sign in; default none.
    pub oidc: Option<OidcConfig>,
    /// The check of the audit chain.
    pub audit: AuditConfig,
    /// The largest share of the products on offer that a release takes away without being told to
    /// (`fairlead release publish --allow-removals N`), percent. Default 20; 0 to 100.
    pub max_removals_percent: u32,
}

/// The settings of the scheduled check of the audit chain.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// The time between two passes over the new rows, milliseconds. Default 60,000; 10 to 3,600,000.
    pub interval_ms: u64,
    /// The time between two passes over all rows, milliseconds. Default 3,600,000; `interval_ms` to
    /// 86,400,000.
    pub full_interval_ms: u64,
    /// The topic of the event log to which heads of the chain are written. Default
    /// `fairlead.audit-heads.v1`.
    pub heads_topic: String,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            interval_ms: 60_000,
            full_interval_ms: 3_600_000,
            heads_topic: "fairlead.audit-heads.v1".to_owned(),
        }
    }
}

/// An identity provider at which people sign in (OpenID Connect).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcConfig {
    /// The issuer: https, or http on this machine.
    pub issuer: String,
    /// The name by which the provider knows this installation.
    pub client_id: String,
    /// The file of the secret that goes with it; empty for a public client.
    pub client_secret_file: PathBuf,
    /// By how many seconds the provider's clock may differ. Default 30; 0 to 300.
    pub leeway_seconds: u64,
    /// The claim that holds a person's groups; empty where roles are given here.
    pub roles_claim: String,
    /// The roles that each group stands for.
    pub roles: BTreeMap<String, Vec<String>>,
    /// The claim that holds a person's name. Default `preferred_username`.
    pub name_claim: String,
    /// The tenant in which groups give roles.
    pub tenant: String,
}

impl Default for OidcConfig {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret_file: PathBuf::new(),
            leeway_seconds: 30,
            roles_claim: String::new(),
            roles: BTreeMap::new(),
            name_claim: "preferred_username".to_owned(),
            tenant: String::new(),
        }
    }
}

/// The roles that groups of the identity provider stand for, checked.
#[derive(Debug)]
pub(crate) struct ClaimedRoles {
    pub(crate) tenant: TenantId,
    pub(crate) claim: String,
    pub(crate) name_claim: String,
    pub(crate) roles: BTreeMap<String, Vec<Role>>,
}

impl OidcConfig {
    /// Returns the provider, which was not asked anything yet.
    pub(crate) fn provider(&self, clock: &Arc<dyn Clock>) -> Result<Provider, Error> {
        if self.client_id.is_empty() {
            let allowed = "the name by which the identity provider knows this installation";
            return Err(refused("oidc.client_id", "", allowed));
        }
        if self.leeway_seconds > 300 {
            let allowed = "0 to 300";
            return Err(refused("oidc.leeway_seconds", self.leeway_seconds, allowed));
        }
        let file = &self.client_secret_file;
        let client_secret = if file.as_os_str().is_empty() {
            None
        } else {
            let read = std::fs::read_to_string(file);
            let secret = read.map_err(|error| {
                let value = format!("{}: {error}", file.display());
                refused(
                    "oidc.client_secret_file",
                    value,
                    "a file that can be read, or empty",
                )
            })?;
            Some(secret.trim().to_owned())
        };
        let options = ProviderOptions {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret,
            leeway: Duration::from_secs(self.leeway_seconds),
        };
        Provider::new(options, clock.clone())
            .map_err(|error| refused("oidc.issuer", &self.issuer, error.to_string()))
    }

    /// Returns the roles that groups stand for, or `None` if roles are given here.
    pub(crate) fn claimed_roles(&self) -> Result<Option<ClaimedRoles>, Error> {
        if self.roles_claim.is_empty() {
            return Ok(None);
        }
        let tenant = TenantId::new(&self.tenant)
            .map_err(|error| refused("oidc.tenant", &self.tenant, error.allowed))?;
        let role = |name: &String| {
            Role::from_name(name).ok_or_else(|| {
                let all = Role::ALL.map(Role::name).join(", ");
                refused("oidc.roles", name, all)
            })
        };
        let group = |(group, roles): (&String, &Vec<String>)| {
            let roles: Result<Vec<Role>, Error> = roles.iter().map(role).collect();
            Ok((group.clone(), roles?))
        };
        Ok(Some(ClaimedRoles {
            tenant,
            claim: self.roles_claim.clone(),
            name_claim: self.name_claim.clone(),
            roles: self.roles.iter().map(group).collect::<Result<_, Error>>()?,
        }))
    }
}

fn refused(key: &'static str, value: impl ToString, allowed: impl Into<String>) -> Error {
    Error::Config {
        key,
        value: value.to_string(),
        allowed: allowed.into(),
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database: "sqlite:data/control.db".to_owned(),
            connections: 4,
            busy_timeout_ms: 5_000,
            session_minutes: 720,
            oidc: None,
            audit: AuditConfig::default(),
            max_removals_percent: 20,
        }
    }
}

impl Config {
    /// Checks every value, without opening anything.
    ///
    /// # Errors
    /// [`Error::Config`] names the key, the value and what is allowed.
    pub fn check(&self) -> Result<(), Error> {
        Address::read(&self.database)?;
        self.checked_connections()?;
        self.checked_session_ms()?;
        self.audit.check()?;
        if self.max_removals_percent > 100 {
            return Err(Error::Config {
                key: "max_removals_percent",
                value: self.max_removals_percent.to_string(),
                allowed: "0 to 100".to_owned(),
            });
        }
        Ok(())
    }

    /// Returns the number of connections, checked.
    pub(crate) fn checked_connections(&self) -> Result<u32, Error> {
        if (1..=64).contains(&self.connections) {
            return Ok(self.connections);
        }
        Err(Error::Config {
            key: "connections",
            value: self.connections.to_string(),
            allowed: "1 to 64".to_owned(),
        })
    }

    /// Returns the time for which a session is good in milliseconds, checked.
    pub(crate) fn checked_session_ms(&self) -> Result<i64, Error> {
        if (1..=43_200).contains(&self.session_minutes) {
            return Ok(i64::from(self.session_minutes) * 60_000);
        }
        Err(Error::Config {
            key: "session_minutes",
            value: self.session_minutes.to_string(),
            allowed: "1 to 43200".to_owned(),
        })
    }

    pub(crate) fn busy_timeout(&self) -> Duration {
        Duration::from_millis(self.busy_timeout_ms)
    }
}

impl AuditConfig {
    /// Checks every value.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refused = |key, value: &dyn ToString, allowed| Error::Config {
            key,
            value: value.to_string(),
            allowed,
        };
        if !(10..=3_600_000).contains(&self.interval_ms) {
            let allowed = "10 to 3600000".to_owned();
            return Err(refused("audit.interval_ms", &self.interval_ms, allowed));
        }
        if !(self.interval_ms..=86_400_000).contains(&self.full_interval_ms) {
            let allowed = format!("`audit.interval_ms`, {}, to 86400000", self.interval_ms);
            return Err(refused(
                "audit.full_interval_ms",
                &self.full_interval_ms,
                allowed,
            ));
        }
        if self.heads_topic.is_empty() {
            let allowed = "the name of a topic".to_owned();
            return Err(refused("audit.heads_topic", &self.heads_topic, allowed));
        }
        Ok(())
    }

    pub(crate) fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms)
    }

    pub(crate) fn full_interval(&self) -> Duration {
        Duration::from_millis(self.full_interval_ms)
    }
}
