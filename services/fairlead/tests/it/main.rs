//! The binary, as a user runs it.

mod access;
mod audit;
mod binary;
mod demo;
mod followed_keys;
mod import;
mod import_command;
mod login;
mod releases;
mod tls;
mod up;
