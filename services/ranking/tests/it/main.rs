//! The ranking service as callers meet it: a tonic server over TCP, counters in a real Redis,
//! model folders that are loaded, checked and swapped.

mod bad_input;
mod equality;
mod folder;
mod models;
mod scores;
mod support;
mod swapping;
