//! Tests of the public interface: one conformance suite for both implementations, and tests of
//! what only one of them has.

mod conformance;
mod embedded_crash;
mod embedded_files;
mod embedded_groups;
mod kafka_faults;
mod kafka_foreign;
mod meters;
mod retention_model;
mod subject;
