//! Signing in at an identity provider: OpenID Connect's code flow with PKCE.
//!
//! ```text
//! command line                    control plane                     provider
//!   SignIn: state, nonce, PKCE ---- where? ----> Provider --------- discovery
//!   browser --------------------------------------------------------> signs in
//!   Callback on 127.0.0.1 <------------------------------------------ code
//!   code, verifier, nonce --------> Provider: code for token -------> ID token
//! ```
//! The control plane exchanges the code, so that an ID token is seen by nobody else, and a secret of the
//! client stays where it is configured.

mod callback;
mod provider;
mod sign_in;

pub use callback::{Callback, CallbackError};
pub use provider::{OidcError, Proof, Provider, ProviderOptions};
pub use sign_in::SignIn;
