//! The event log, seen from outside: one conformance suite against both implementations, and
//! what only one of them can be put through.

mod conformance;
mod embedded_crash;
mod embedded_files;
mod embedded_groups;
mod kafka_faults;
mod kafka_foreign;
mod meters;
mod retention_model;
mod subject;
