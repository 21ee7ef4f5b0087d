//! The binary, as a user runs it.

mod access;
mod audit;
mod binary;
mod demo;
mod import;
mod import_fixture;
mod releases;
mod tls;
mod up;
