//! The online store: one conformance suite against Redis, a Redis Cluster and memory, and what only
//! servers can do: restart, forget their scripts, hang, refuse, move slots, fail over.

mod cluster;
mod conformance;
mod failover;
mod load;
mod quotes;
mod server;
mod slots;
mod stores;
