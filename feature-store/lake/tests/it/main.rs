//! Tests of the lake with Apache Kafka, the embedded log, a folder, an S3 server and DuckDB. Whatever
//! fails on the way, every readable record of the log must be exactly one row of the lake.

mod claims;
mod compaction;
mod crashes;
mod duckdb;
mod faults;
mod fixture;
mod kafka;
mod s3;
mod sql;
