//! The errors of a plan: each names the experiment, the value, and what is allowed.

use crate::buckets::BucketRange;
use crate::parameters::ParameterKind;

/// The reason why a plan was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// An id or a salt is empty.
    #[error("{what} is empty; allowed: at least one character")]
    Empty {
        /// The id or salt that is empty, such as `the salt of experiment "x"`.
        what: String,
    },
    /// Two layers, experiments, parameters or arms share an id.
    #[error("{what} {id:?} is declared twice; allowed: each id once")]
    Duplicate {
        /// The type: layer, experiment, parameter, or arm of an experiment.
        what: String,
        /// The id.
        id: String,
    },
    /// Two salts are equal, so that two assignments would be the same instead of independent.
    #[error(
        "salt {salt:?} is used by {first} and by {second}; allowed: a salt of its own for each"
    )]
    SharedSalt {
        /// The salt.
        salt: String,
        /// The layer, experiment or holdout that uses it first.
        first: String,
        /// The layer, experiment or holdout that uses it, too.
        second: String,
    },
    /// An experiment names a layer that is not declared.
    #[error("experiment {experiment:?} names layer {layer:?}; allowed: {}", list(.allowed))]
    UnknownLayer {
        /// The experiment.
        experiment: String,
        /// The layer that it names.
        layer: String,
        /// The declared layers.
        allowed: Vec<String>,
    },
    /// A slice is empty, reversed, or goes beyond the last bucket.
    #[error("experiment {experiment:?} has slice {slice}; allowed: start < end, within 0..10000")]
    Slice {
        /// The experiment.
        experiment: String,
        /// Its slice.
        slice: BucketRange,
    },
    /// Two experiments that are not stopped claim the same buckets of a layer.
    #[error(
        "experiments {first:?} ({first_slice}) and {second:?} ({second_slice}) overlap in layer \
         {layer:?}; allowed: slices of one layer that share no bucket"
    )]
    SliceOverlap {
        /// The layer.
        layer: String,
        /// The experiment that starts first.
        first: String,
        /// Its slice.
        first_slice: BucketRange,
        /// The other.
        second: String,
        /// Its slice.
        second_slice: BucketRange,
    },
    /// An experiment has no arm.
    #[error("experiment {experiment:?} has no arms; allowed: at least one")]
    NoArms {
        /// The experiment.
        experiment: String,
    },
    /// A number is out of range, or not a number.
    #[error("{what} is {value}; allowed: {allowed}")]
    OutOfRange {
        /// The property, such as `the weight of arm "b" of experiment "x"`.
        what: String,
        /// The value.
        value: f64,
        /// The values that are allowed.
        allowed: &'static str,
    },
    /// The weights of an experiment do not sum to 1.
    #[error("the weights of experiment {experiment:?} sum to {sum}; allowed: 1 within 0.000001")]
    WeightSum {
        /// The experiment.
        experiment: String,
        /// Their sum.
        sum: f64,
    },
    /// An arm sets a parameter that is not declared.
    #[error(
        "arm {arm:?} of experiment {experiment:?} sets parameter {parameter:?}; allowed: {}",
        list(.allowed)
    )]
    UnknownParameter {
        /// The experiment.
        experiment: String,
        /// The arm.
        arm: String,
        /// The parameter that it sets.
        parameter: String,
        /// The declared parameters.
        allowed: Vec<String>,
    },
    /// A parameter's value is not of its declared type.
    #[error("{what} sets parameter {parameter:?} to {value:?}; allowed: {kind}")]
    ParameterValue {
        /// The origin of the value: an arm of an experiment, or the default.
        what: String,
        /// The parameter.
        parameter: String,
        /// The value as written.
        value: String,
        /// Its declared type.
        kind: ParameterKind,
    },
    /// Experiments of two layers set one parameter, so that a unit could be in both.
    #[error(
        "parameter {parameter:?} is set by experiment {first:?} of layer {first_layer:?} and by \
         {second:?} of layer {second_layer:?}; allowed: the experiments of one layer"
    )]
    ParameterInTwoLayers {
        /// The parameter.
        parameter: String,
        /// One experiment.
        first: String,
        /// Its layer.
        first_layer: String,
        /// The other experiment.
        second: String,
        /// Its layer.
        second_layer: String,
    },
    /// An override names an arm that the experiment does not have.
    #[error(
        "experiment {experiment:?} overrides unit {unit:?} to arm {arm:?}; allowed: {}",
        list(.allowed)
    )]
    UnknownOverrideArm {
        /// The experiment.
        experiment: String,
        /// The unit.
        unit: String,
        /// The arm that it names.
        arm: String,
        /// The experiment's arms.
        allowed: Vec<String>,
    },
    /// A unit is overridden into two experiments of one layer.
    #[error(
        "unit {unit:?} is overridden in experiments {first:?} and {second:?} of layer {layer:?}; \
         allowed: one experiment of a layer"
    )]
    OverrideConflict {
        /// The unit.
        unit: String,
        /// The layer.
        layer: String,
        /// One experiment.
        first: String,
        /// The other.
        second: String,
    },
    /// A targeting expression cannot be used.
    #[error("experiment {experiment:?} has targeting {expression:?}: {cause}; allowed: {allowed}")]
    Targeting {
        /// The experiment.
        experiment: String,
        /// The expression as written.
        expression: String,
        /// The problem with it.
        cause: String,
        /// The expressions that are allowed.
        allowed: String,
    },
}

/// Writes names as `"a", "b"`, or states that none is declared.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    if names.is_empty() {
        return "none is declared".to_owned();
    }
    let quoted: Vec<String> = names
        .iter()
        .map(|name| format!("{:?}", name.as_ref()))
        .collect();
    quoted.join(", ")
}
