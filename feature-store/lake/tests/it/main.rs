//! The lake against real parts: Apache Kafka, the embedded log, a folder, an S3 server, DuckDB.
//! Whatever happens on the way, every readable record of the log is a row of the lake, once.

mod claims;
mod compaction;
mod crashes;
mod duckdb;
mod faults;
mod kafka;
mod s3;
mod sql;
mod world;
