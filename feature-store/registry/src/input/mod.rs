//! From feature values and products to the tensors of a model.
//!
//! An [`InputSpec`] says which features a model takes and how; it lives in the model's manifest.
//! An [`Assembler`] follows it: training, ranking and recall all call exactly this, so that what is
//! served is what was learnt from. A [`Fitter`] works out the standardisation from samples.

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
