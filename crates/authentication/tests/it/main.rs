//! The guard through a router, and tokens that an issuer signed.

mod guard;
mod jwt;
mod jwt_junk;
mod jwt_keys;
mod oidc;
mod verifying;
