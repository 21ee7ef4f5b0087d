//! A client of a running Fairlead for people: links to its servers, drafts, errors that say what to
//! do, and answers as tables.
//!
//! The command line and the lab use it.
//!
//! # Must not depend on
//! Any service: it calls public contracts only.

pub mod difference;
mod drafts;
mod link;
pub mod show;
pub mod terminal;

pub use drafts::{Drafts, Put};
pub use link::{answered, explained, link, link_with_token};
