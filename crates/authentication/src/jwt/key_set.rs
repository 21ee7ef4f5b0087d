//! A set of public keys (JWKS, RFC 7517), and which key may check which algorithm.

use std::fmt;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The most keys of a set.
const MAX_KEYS: usize = 64;

/// An algorithm by which tokens may be signed: with a private key, checked with the public one. There
/// is none with a shared secret, and none without a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SigningAlgorithm(Algorithm);

impl SigningAlgorithm {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self(Algorithm::ES256),
        Self(Algorithm::ES384),
        Self(Algorithm::EdDSA),
        Self(Algorithm::RS256),
        Self(Algorithm::RS384),
        Self(Algorithm::RS512),
        Self(Algorithm::PS256),
        Self(Algorithm::PS384),
        Self(Algorithm::PS512),
    ];

    /// Returns the algorithm of this name (`ES256`), or `None` if there is none.
    pub fn from_name(name: &str) -> Option<Self> {
        let named: Algorithm = name.parse().ok()?;
        Self::ALL.into_iter().find(|one| one.0 == named)
    }

    /// Returns the names of algorithms, with commas between.
    pub(super) fn names(algorithms: &[Self]) -> String {
        let names: Vec<String> = algorithms.iter().map(Self::to_string).collect();
        names.join(", ")
    }

    pub(super) fn inner(self) -> Algorithm {
        self.0
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", self.0)
    }
}

/// A set of keys is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// There are too many keys.
    #[error("the set has {0} keys; {MAX_KEYS} are allowed")]
    TooMany(usize),
    /// No key is usable.
    #[error("the set has no public key for signatures by {0}")]
    NoneUsable(String),
}

/// A JWKS document. Keys of kinds that are not known here are skipped.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    keys: Vec<Value>,
}

/// The usable keys of an issuer.
#[derive(Debug)]
pub(super) struct KeySet(Vec<PublicKey>);

/// A public key, and the algorithms that it may check.
#[derive(Debug, Clone)]
pub(super) struct PublicKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// The key that signed a token, as the token names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) algorithm: SigningAlgorithm,
}

/// The keys of a set for a token.
pub(super) enum Found {
    /// The keys that may have signed it.
    Keys(Vec<DecodingKey>),
    /// None.
    Unknown,
    /// Several, of which the token names none.
    Several,
}

impl KeySet {
    /// Returns the keys of a document that may check one of `allowed`.
    pub(super) fn read(
        document: Document,
        allowed: &[SigningAlgorithm],
    ) -> Result<Self, KeySetError> {
        if document.keys.len() > MAX_KEYS {
            return Err(KeySetError::TooMany(document.keys.len()));
        }
        let keys: Vec<PublicKey> = document
            .keys
            .into_iter()
            .filter_map(|one| PublicKey::read(one, allowed))
            .collect();
        if keys.is_empty() {
            return Err(KeySetError::NoneUsable(SigningAlgorithm::names(allowed)));
        }
        Ok(Self(keys))
    }

    /// Returns the keys that may have signed a token.
    pub(super) fn find(&self, wanted: Wanted<'_>) -> Found {
        let may = |key: &&PublicKey| key.algorithms.contains(&wanted.algorithm.inner());
        let fitting = self.0.iter().filter(may);
        let keys: Vec<DecodingKey> = match wanted.id {
            Some(id) => fitting
                .filter(|key| key.id.as_deref() == Some(id))
                .map(|key| key.key.clone())
                .collect(),
            None => fitting.map(|key| key.key.clone()).collect(),
        };
        match keys.len() {
            0 => Found::Unknown,
            2.. if wanted.id.is_none() => Found::Several,
            _ => Found::Keys(keys),
        }
    }
}

impl PublicKey {
    /// Returns a key, or `None` if it is of another kind, for another use, or for no allowed algorithm.
    fn read(value: Value, allowed: &[SigningAlgorithm]) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let common = &jwk.common;
        let is_for_signatures = common
            .public_key_use
            .as_ref()
            .is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
            && common
                .key_operations
                .as_ref()
                .is_none_or(|may| may.contains(&KeyOperations::Verify));
        if !is_for_signatures {
            return None;
        }
        let algorithms: Vec<Algorithm> = of_kind(&jwk.algorithm)
            .iter()
            .copied()
            .filter(|one| allowed.contains(&SigningAlgorithm(*one)))
            .filter(|one| {
                common
                    .key_algorithm
                    .is_none_or(|own| own.to_string() == SigningAlgorithm(*one).to_string())
            })
            .collect();
        if algorithms.is_empty() {
            return None;
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        let id = jwk.common.key_id;
        Some(Self {
            id,
            algorithms,
            key,
        })
    }
}

/// Returns the algorithms of a kind of key. A symmetric key has none.
fn of_kind(parameters: &AlgorithmParameters) -> &'static [Algorithm] {
    match parameters {
        AlgorithmParameters::RSA(_) => &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            &[Algorithm::EdDSA]
        }
        _ => &[],
    }
}
