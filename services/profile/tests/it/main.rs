//! The profile service as callers meet it: a tonic server over TCP on a real Redis.

mod answers;
mod bad_input;
mod decisions;
mod equality;
mod releases;
mod store_away;
mod support;
