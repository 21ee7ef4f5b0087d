//! The binary, as a user runs it.

mod binary;
mod demo;
mod import;
mod up;
