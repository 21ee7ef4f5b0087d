//! Models made by tracing, loaded, checked and batched.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod batching;
mod engine;
mod fixtures;
mod folders;
mod linear;
mod loading;
mod manifests;
mod torchscript;
