//! The hash of a key, which is all that is kept of it.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The beginning of a key in the configuration that is hashed already.
const HASHED: &str = "sha256:";

/// The SHA-256 hash of what a bearer shows.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KeyHash([u8; 32]);

impl KeyHash {
    /// Returns the hash of what a bearer shows.
    pub(crate) fn of(shown: &str) -> Self {
        Self(Sha256::digest(shown.as_bytes()).into())
    }

    /// Returns the hash that a message holds, or `None` if it has another length.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
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
