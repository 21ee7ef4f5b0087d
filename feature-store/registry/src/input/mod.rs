//! From feature values and products to the tensors of a model.
//!
//! An [`InputSpec`] names the features that a model takes and their transforms; it is part of the
//! model's manifest. An [`Assembler`] builds inputs from it. Training, ranking and recall all use
//! it, so that a model is served the inputs that it was trained on. A [`Fitter`] computes the
//! standardisation from samples.

mod assembler;
mod defaults;
mod fit;
mod plan;
mod product;
mod spec;
mod transform;

pub use assembler::Assembler;
pub use fit::Fitter;
pub use plan::{IdColumn, IdTable};
pub use spec::{
    InputSpec, ItemNumber, ItemSource, ProductTerm, UserCategory, UserNumber, UserSequence,
};
pub use transform::Transform;
