//! API keys: found by their hash, with the rights of their bearers. No key is kept in clear.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use fairlead_authentication::Denied;
use fairlead_identity::Principal;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use sha2::{Digest as _, Sha256};

use crate::config::{CheckedKey, Config, ConfigError};

/// The beginning of a key in the configuration that is hashed already.
const HASHED: &str = "sha256:";

/// The SHA-256 hash of a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KeyHash([u8; 32]);

impl KeyHash {
    /// Returns the hash of a key that a caller shows.
    pub(crate) fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Returns the hash of a key of the configuration, which is written in clear, or as `sha256:` and
    /// 64 hex digits; `None` if what follows is something else.
    pub(crate) fn configured(text: &str) -> Option<Self> {
        let Some(digits) = text.strip_prefix(HASHED) else {
            return Some(Self::of(text));
        };
        let mut hash = [0; 32];
        hex::decode_to_slice(digits, &mut hash).ok()?;
        Some(Self(hash))
    }

    /// Returns the name of the key in messages and records: the beginning of its hash.
    pub(crate) fn name(&self) -> String {
        format!("key-{}", hex::encode(&self.0[..16]))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name())
    }
}

/// The rights of a key.
#[derive(Debug)]
pub(crate) struct Rights {
    caller: Principal,
    requests_per_second: NonZeroU32,
    limiter: DefaultDirectRateLimiter,
}

impl Rights {
    /// Returns the caller, unless it calls too often.
    pub(crate) fn admit(&self) -> Result<Principal, Denied> {
        match self.limiter.check() {
            Ok(()) => Ok(self.caller.clone()),
            Err(_) => Err(Denied::TooMany(self.requests_per_second)),
        }
    }
}

/// The known keys.
#[derive(Debug)]
pub(crate) struct KeyRing(HashMap<KeyHash, Arc<Rights>>);

impl KeyRing {
    /// Returns the keys of the configuration.
    pub(crate) fn configured(config: &Config) -> Result<Self, ConfigError> {
        let keys = config.api_keys.iter().map(|(key, rights)| {
            let CheckedKey {
                hash,
                caller,
                requests_per_second,
            } = rights.check(key, &config.default_tenant)?;
            let rights = Rights {
                caller,
                requests_per_second,
                // The bucket holds one second's worth.
                limiter: RateLimiter::direct(Quota::per_second(requests_per_second)),
            };
            Ok((hash, Arc::new(rights)))
        });
        Ok(Self(keys.collect::<Result<_, _>>()?))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the rights of a key, or `None` if it is unknown. How long that takes tells nothing of the
    /// keys: only hashes are compared.
    pub(crate) fn find(&self, key: &str) -> Option<Arc<Rights>> {
        self.0.get(&KeyHash::of(key)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_clear_and_its_hash_are_the_same_key() {
        // SHA-256 of "abc", FIPS 180-2.
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hashed = KeyHash::configured(&format!("sha256:{hash}"));
        assert_eq!(hashed, KeyHash::configured("abc"));
        assert_eq!(
            KeyHash::of("abc").name(),
            "key-ba7816bf8f01cfea414140de5dae2223"
        );
        for junk in ["", "abc", &hash[1..], &format!("{hash}00")] {
            assert_eq!(KeyHash::configured(&format!("sha256:{junk}")), None);
        }
    }
}
