//! The online store: one conformance suite against Redis and against memory, and what only Redis
//! can do: restart, forget its scripts, hang, refuse.

mod conformance;
mod quotes;
mod server;
mod stores;
