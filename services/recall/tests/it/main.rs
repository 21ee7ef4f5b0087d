//! The recall service as callers meet it: a tonic server over TCP, counters in a real Redis, a
//! two-tower folder with a real index.

mod bad_input;
mod candidates;
mod counters;
mod folder;
mod models;
mod support;
