//! Models made by tracing, loaded, checked, batched and exchanged.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod batching;
mod engine;
mod fixtures;
mod folders;
mod loading;
mod manifests;
mod scorecards;
mod slots;
mod torchscript;
