//! Tests of the online store: one conformance suite against Redis, a Redis Cluster and memory, and
//! tests of what servers do: restart, lose their scripts, hang, refuse, move slots, fail over.

mod cluster;
mod conformance;
mod failover;
mod load;
mod quotes;
mod server;
mod slots;
mod stores;
