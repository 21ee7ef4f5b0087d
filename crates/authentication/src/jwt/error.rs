//! Why a token was refused.

use super::key_set::KeySetError;
use crate::fetch::{AddressError, FetchError};

/// A token was refused: which check failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is longer than any token.
    #[error("the token is longer than {0} bytes")]
    TooLong(usize),
    /// It is not a signed JWT, or a part of it has another form than the standard says.
    #[error("the token is not a well-formed signed JWT: {0}")]
    Malformed(&'static str),
    /// Its algorithm is not allowed.
    #[error("the token's algorithm is not allowed: one of {0} is")]
    Algorithm(String),
    /// It names no key, and several could have signed it.
    #[error("the token names no key (`kid`), and the issuer has several")]
    NoKeyNamed,
    /// The issuer has no such key.
    #[error("the token is signed by an unknown key")]
    UnknownKey,
    /// The signature is none of the key that it names.
    #[error("the token's signature is wrong")]
    Signature,
    /// Another system issued it.
    #[error("the token is of another issuer (`iss`)")]
    Issuer,
    /// It is meant for another system.
    #[error("the token is for another audience (`aud`)")]
    Audience,
    /// Its time is over.
    #[error("the token has expired (`exp`)")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet (`nbf`)")]
    NotYetValid,
    /// It is said to have been issued in the future.
    #[error("the token was issued in the future (`iat`)")]
    IssuedInTheFuture,
    /// The issuer's keys are not known, so that nothing can be checked.
    #[error("the issuer's keys cannot be read: {0}")]
    NoKeys(KeysError),
}

/// The keys of an issuer could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// The document was not read.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The document holds no usable keys.
    #[error(transparent)]
    Set(#[from] KeySetError),
    /// They were tried a moment ago, in vain.
    #[error("tried a moment ago")]
    TriedAMomentAgo,
}

impl Refused {
    /// Returns true if the fault is not the token's: the same token may pass later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::NoKeys(_))
    }
}

/// A setting of a [`super::Verifier`] is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// The address of the keys.
    #[error("jwks_url {0}")]
    Address(#[from] AddressError),
    /// A name that every token must have is empty.
    #[error("{0} `` is not allowed: the name that every token must carry")]
    Empty(&'static str),
    /// No algorithm is allowed.
    #[error("algorithms `{named}` is not allowed: one or more of {allowed}")]
    Algorithms {
        /// The configured value.
        named: String,
        /// Every algorithm.
        allowed: String,
    },
    /// The leeway.
    #[error("leeway_seconds `{0}` is not allowed: 0 to 300")]
    Leeway(u64),
    /// The trusted certificates of this machine cannot be read.
    #[error("trusted certificates: {0}")]
    Certificates(FetchError),
}
