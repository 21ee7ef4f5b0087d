//! A client of a running Fairlead for people: links to its servers, drafts, errors that say what to
//! do, and answers as tables.
//!
//! The command line and the lab share it. It only calls public contracts: it must not depend on a
//! service, nor start one.

mod drafts;
mod link;
pub mod show;
pub mod terminal;

pub use drafts::{Drafts, Put};
pub use link::{answered, explained, link};
