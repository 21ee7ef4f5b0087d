//! Secrets that are made here and shown once.

use sha2::{Digest as _, Sha256};

/// Returns 256 random bits in hex, after `prefix`.
pub(super) fn fresh(prefix: &str) -> String {
    let half = || format!("{:032x}", rand::random::<u128>());
    format!("{prefix}{}{}", half(), half())
}

/// Returns the hash under which a secret is stored: SHA-256 in hex. A secret of 256 random bits needs
/// no salt and no slow hash.
pub(super) fn hash_of(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_so_do_their_hashes() {
        let (one, other) = (fresh("fls_"), fresh("fls_"));
        assert_ne!(one, other);
        assert_eq!(one.len(), "fls_".len() + 64);
        assert_ne!(hash_of(&one), hash_of(&other));
        assert_eq!(hash_of(&one).len(), 64);
    }
}
