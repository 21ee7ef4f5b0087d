//! Tokens that another system signed: JWTs, by its public keys (JWKS).
//!
//! A token is taken only if its signature is by a key of the configured address, under an algorithm that
//! both the configuration and the key allow; if it names the issuer and the audience of the
//! configuration and a subject; and if now is within its times. Every refusal names the check that
//! failed, and never holds the token.

mod claims;
mod error;
mod key_set;
mod keys;
mod ring_provider;
mod verifier;

pub use claims::Claims;
pub use error::{OptionsError, Refused};
pub use key_set::{KeySetError, SigningAlgorithm};
pub use keys::Freshness;
pub use verifier::{Options, Verifier};
