//! FAISS against the reference, filters, files and threads.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod agreement;
mod data;
mod filters;
mod refusals;
mod searching;
mod storing;
