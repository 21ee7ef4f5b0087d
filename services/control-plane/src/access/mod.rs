//! Who may do what: people, their sessions, and the keys of apps and partners.
//!
//! # Invariants
//! - No secret is stored: passwords as argon2id, tokens and keys (256 random bits) as SHA-256.
//! - Nobody changes their own roles, and a tenant that has an administrator keeps one.
//! - A refusal to sign in does not tell if there is a person of that name.
//! - What ends a key, a session or a person reaches every gateway that follows, from every control plane.

mod access_service;
mod arguments;
mod follow;
mod keys;
mod password;
mod people;
mod provider;
mod secret;
mod session_service;
mod sessions;

pub(crate) use sessions::session_of;
