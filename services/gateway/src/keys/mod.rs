//! API keys and sessions: found by their hash, with the rights of their bearers. Nothing is kept in
//! clear.

mod follow;
pub(crate) mod hash;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use arc_swap::ArcSwap;
use fairlead_authentication::Denied;
use fairlead_chassis::clock::Clock;
use fairlead_domain::{Origin, TenantId};
use fairlead_identity::{Kind, Permissions, Principal, Tenants};
use fairlead_proto::access::v1::{FollowKeysResponse, FollowedKey, FollowedSession, Key, KeyKind};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::config::{CheckedKey, Config, ConfigError};

pub(crate) use follow::KeyFollower;
pub use follow::KeySource;
use hash::KeyHash;

/// How often the bearers of a key may call: a bucket that holds one second's worth.
#[derive(Debug)]
struct Limit {
    requests_per_second: NonZeroU32,
    bucket: DefaultDirectRateLimiter,
}

impl Limit {
    fn new(requests_per_second: NonZeroU32) -> Arc<Self> {
        Arc::new(Self {
            requests_per_second,
            bucket: RateLimiter::direct(Quota::per_second(requests_per_second)),
        })
    }
}

/// The rights of a bearer.
#[derive(Debug, Clone)]
pub(crate) struct Rights {
    caller: Principal,
    /// `None` for a person.
    limit: Option<Arc<Limit>>,
    /// Good from this instant on, Unix milliseconds.
    from_ms: i64,
    /// Good until this instant, Unix milliseconds.
    until_ms: i64,
}

impl Rights {
    /// Returns the caller, unless it calls too often.
    pub(crate) fn admit(&self) -> Result<Principal, Denied> {
        match &self.limit {
            Some(limit) if limit.bucket.check().is_err() => {
                Err(Denied::TooMany(limit.requests_per_second))
            }
            _ => Ok(self.caller.clone()),
        }
    }
}

type ByHash = HashMap<KeyHash, Rights>;

/// The keys and sessions last told by the control plane.
#[derive(Debug, Default)]
struct Followed {
    version: i64,
    rights: ByHash,
    /// The limit of each key, by its id: news about a key fill no bucket again.
    limits: HashMap<String, Arc<Limit>>,
    /// True once there has been a key.
    had_keys: bool,
}

/// The known keys and sessions: those of the configuration, and those that the control plane told.
pub(crate) struct KeyRing {
    tenant: TenantId,
    clock: Arc<dyn Clock>,
    configured: ByHash,
    followed: ArcSwap<Followed>,
}

impl KeyRing {
    /// Returns the keys of the configuration.
    pub(crate) fn configured(config: &Config, clock: &Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let keys = config.api_keys.iter().map(|(key, rights)| {
            let CheckedKey {
                hash,
                caller,
                requests_per_second,
            } = rights.check(key, &config.default_tenant)?;
            let rights = Rights {
                caller,
                limit: Some(Limit::new(requests_per_second)),
                from_ms: i64::MIN,
                until_ms: i64::MAX,
            };
            Ok((hash, rights))
        });
        Ok(Self {
            tenant: config.tenant()?,
            clock: clock.clone(),
            configured: keys.collect::<Result<_, _>>()?,
            followed: ArcSwap::default(),
        })
    }

    /// Returns true if there is no key, and never was one.
    pub(crate) fn is_empty(&self) -> bool {
        self.configured.is_empty() && !self.followed.load().had_keys
    }

    /// Returns the rights of a bearer, or `None` if what it shows is unknown or not good now. How long
    /// that takes tells nothing of the secrets: only hashes are compared.
    pub(crate) fn find(&self, shown: &str) -> Option<Rights> {
        let hash = KeyHash::of(shown);
        let now_ms = self.clock.now_ms();
        let followed = self.followed.load();
        let rights = self
            .configured
            .get(&hash)
            .or_else(|| followed.rights.get(&hash))?;
        (rights.from_ms..rights.until_ms)
            .contains(&now_ms)
            .then(|| rights.clone())
    }

    /// Returns the version of what the control plane last told; 0 for nothing.
    fn version(&self) -> i64 {
        self.followed.load().version
    }

    /// Returns true if the control plane ever told of a key.
    fn had_keys(&self) -> bool {
        self.followed.load().had_keys
    }

    /// Takes what the control plane tells in place of what it told before. `had_keys` says that there
    /// was a key before what is told.
    fn take(&self, told: &FollowKeysResponse, had_keys: bool) {
        let before = self.followed.load_full();
        let mut now = Followed {
            version: told.version,
            had_keys: had_keys || before.had_keys || told.keys_were_made || !told.keys.is_empty(),
            ..Followed::default()
        };
        for key in &told.keys {
            now.add_key(key, &before, &self.tenant);
        }
        for session in &told.sessions {
            now.add_session(session, &self.tenant);
        }
        metrics::gauge!("fairlead_followed_keys").set(told.keys.len() as f64);
        self.followed.store(Arc::new(now));
    }
}

impl Followed {
    fn add_key(&mut self, followed: &FollowedKey, before: &Self, tenant: &TenantId) {
        let Some((key, caller)) = followed
            .key
            .as_ref()
            .and_then(|key| Some((key, bearer(key, tenant)?)))
        else {
            tracing::error!("a key of the control plane cannot be read, and counts for nothing");
            return;
        };
        let rate = NonZeroU32::new(key.requests_per_second).unwrap_or(NonZeroU32::MIN);
        let same = |limit: &&Arc<Limit>| limit.requests_per_second == rate;
        let limit = before.limits.get(&key.id).filter(same);
        let limit = limit.map_or_else(|| Limit::new(rate), Arc::clone);
        for secret in &followed.secrets {
            let Some(hash) = KeyHash::read(&secret.sha256) else {
                continue;
            };
            let rights = Rights {
                caller: caller.clone(),
                limit: Some(limit.clone()),
                from_ms: key.not_before_ms,
                until_ms: end(key.expires_at_ms).min(end(secret.until_ms)),
            };
            self.rights.insert(hash, rights);
        }
        self.limits.insert(key.id.clone(), limit);
    }

    fn add_session(&mut self, session: &FollowedSession, tenant: &TenantId) {
        let Some(hash) = KeyHash::read(&session.sha256) else {
            return;
        };
        let permissions: Permissions = session.permissions().collect();
        let tenants = Tenants::One(tenant.clone());
        let rights = Rights {
            caller: Principal::new(Kind::Person, &session.person, tenants)
                .with_permissions(permissions)
                .with_origin(Origin::Bank),
            limit: None,
            from_ms: i64::MIN,
            until_ms: session.expires_at_ms,
        };
        self.rights.insert(hash, rights);
    }
}

/// Returns the bearer of a key, or `None` if its kind or origin is none or it was revoked.
fn bearer(key: &Key, tenant: &TenantId) -> Option<Principal> {
    let kind = match key.kind() {
        KeyKind::Application => Kind::Application,
        KeyKind::Partner => Kind::Partner,
        KeyKind::Unspecified => return None,
    };
    let origin = Origin::from_name(&key.origin)?;
    let caller = Principal::new(kind, &key.id, Tenants::One(tenant.clone()))
        .with_permissions(key.scopes().collect())
        .with_origin(origin);
    (key.revoked_at_ms == 0).then_some(caller)
}

/// Returns the end that a message gives, where 0 is none.
fn end(until_ms: i64) -> i64 {
    if until_ms == 0 { i64::MAX } else { until_ms }
}

#[cfg(test)]
mod tests;
