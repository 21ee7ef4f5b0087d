//! The result of an assignment.

use std::fmt;

use smallvec::SmallVec;

use crate::parameters::Params;

/// The way in which a unit was given its arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// By its hash: the analysis includes the unit.
    Hash,
    /// By an override: the analysis must leave the unit out.
    Override,
}

/// An experiment that a unit is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArmAssignment<'p> {
    /// The experiment's id.
    pub experiment: &'p str,
    /// The arm's id.
    pub arm: &'p str,
    /// By hash or by override.
    pub via: Via,
}

/// The reason why a unit whose hash fell on an arm is not in the experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTargetedReason {
    /// The targeting expression gave `false`.
    Excluded,
    /// The expression reads an attribute that the unit does not have.
    Missing {
        /// The attribute.
        attribute: String,
    },
    /// The expression gave a value that is not a bool.
    NotBool {
        /// The CEL type that it gave.
        kind: String,
    },
    /// The expression cannot be evaluated on this unit's attributes.
    Failed {
        /// The cause; it holds no attribute values.
        cause: String,
    },
}

impl fmt::Display for NotTargetedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Excluded => f.write_str("the targeting expression is false"),
            Self::Missing { attribute } => write!(f, "attribute {attribute:?} is missing"),
            Self::NotBool { kind } => {
                write!(f, "the targeting expression gives {kind}, not bool")
            }
            Self::Failed { cause } => write!(f, "the targeting expression fails: {cause}"),
        }
    }
}

/// An experiment that targeting kept a unit out of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTargeted<'p> {
    /// The experiment's id.
    pub experiment: &'p str,
    /// The reason.
    pub reason: NotTargetedReason,
}

/// The arms of a unit. It borrows its names and values from the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment<'p> {
    /// At most one arm per layer, in the order of the plan's layers.
    pub arms: SmallVec<[ArmAssignment<'p>; 8]>,
    /// `true` if the unit is in the global holdout; then every arm here is an override.
    pub held_out: bool,
    /// The experiments that targeting kept the unit out of, in the order of the plan's layers.
    pub not_targeted: Vec<NotTargeted<'p>>,
    /// Every declared parameter: the arms' values over the defaults.
    pub params: Params<'p>,
}

impl<'p> Assignment<'p> {
    /// Returns the unit's arm of an experiment, or `None` if the unit is not in it.
    pub fn arm(&self, experiment: &str) -> Option<&'p str> {
        self.arms
            .iter()
            .find(|arm| arm.experiment == experiment)
            .map(|arm| arm.arm)
    }
}
