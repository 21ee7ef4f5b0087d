//! Models as folders: write one, load and check it, run it in micro-batches.
//!
//! Training writes a folder ([`ModelFolder::write`]): the program (`model.pt`, TorchScript, from
//! here or from PyTorch), `manifest.json` ([`Manifest`]: what goes in and comes out) and
//! `golden.json` ([`GoldenCase`]: inputs with the outputs they must give). A service loads it
//! ([`Model::load`]), which checks schema hash and golden cases and warms it, and runs requests on
//! an [`Engine`]. Which model is in use is the service's business.
//!
//! # Invariants
//! - A [`Model`] has passed every check.
//! - A request is checked against the manifest before it is queued: names, types, columns, row
//!   counts, indices, categories, NaN. An error names the input, the value and what is allowed.
//! - A request's answer does not depend on what it was batched with, nor does its failure: when a
//!   batch fails, its requests are run one by one.
//! - NaN and infinity never leave: they are an error that names model and output.
//! - A panic or an exception in native code is an error of the requests concerned.
//! - libtorch runs on the engine's own threads, one intra-op thread each, without gradients; never
//!   on an async reactor.
//!
//! # Must not depend on
//! Any other crate of this workspace. It knows nothing of features: `features` in the manifest is
//! for the feature registry to read. With training it is the only home of `tch`.

mod batch;
mod calibration;
mod concat;
mod engine;
mod error;
mod folder;
mod golden;
mod linear;
mod manifest;
mod model;
mod outputs;
mod queue;
mod threads;
mod torchscript;

pub use batch::{Batch, CheckedBatch, GroupRows, Input, Values};
pub use calibration::Calibration;
pub use engine::{Engine, EngineOptions};
pub use error::Error;
pub use folder::ModelFolder;
pub use golden::{Array, GoldenCase};
pub use linear::{LinearModel, LinearTerms};
pub use manifest::{
    Dtype, InputSpec, Manifest, OutputSpec, RowGroup, Scale, TrainingWindow, Vocabulary,
};
pub use model::{Forward, Model};
pub use outputs::Outputs;
pub use threads::one_thread;
