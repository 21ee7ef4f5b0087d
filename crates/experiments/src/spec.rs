//! The specification that owners write: layers, experiments, holdout, parameters. [`Plan::new`]
//! checks it.
//!
//! [`Plan::new`]: crate::Plan::new

use std::collections::BTreeMap;

use crate::buckets::BucketRange;
use crate::parameters::Parameter;

/// A layer: 10,000 buckets, shared out among experiments that exclude each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The layer's id.
    pub id: String,
    /// The salt of the hash; no other salt of the plan may equal it.
    pub salt: String,
}

impl Layer {
    /// Makes a layer.
    pub fn new(id: impl Into<String>, salt: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            salt: salt.into(),
        }
    }
}

/// The status of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// In preparation: only overrides take effect, so that testers see it before customers do.
    Draft,
    /// Running: units are assigned.
    #[default]
    Running,
    /// Stopped: no unit is in it, and its slice is free.
    Stopped,
}

/// One arm of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// The arm's id, unique in its experiment.
    pub id: String,
    /// Its share of the experiment's units, `0.0..=1.0`; the weights of all arms sum to 1.
    pub weight: f64,
    /// The parameters that it changes, as text of each one's declared type.
    pub params: BTreeMap<String, String>,
}

impl Arm {
    /// Makes an arm without parameters.
    pub fn new(id: impl Into<String>, weight: f64) -> Self {
        Self {
            id: id.into(),
            weight,
            params: BTreeMap::new(),
        }
    }

    /// Adds a parameter that this arm changes.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.insert(name.into(), value.into());
        self
    }
}

/// An experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// The experiment's id, unique in the plan.
    pub id: String,
    /// The id of its layer.
    pub layer: String,
    /// The salt of the hash that chooses an arm; no other salt of the plan may equal it.
    pub salt: String,
    /// The buckets of the layer that belong to it.
    pub slice: BucketRange,
    /// The arms; their order is part of the split and must not change while it runs.
    pub arms: Vec<Arm>,
    /// A CEL expression over the unit's attributes; `None` targets every unit.
    pub targeting: Option<String>,
    /// The arms of units (testers) that are not assigned by hash: unit id to arm id. An override
    /// takes precedence over holdout, slice, coverage and targeting, and is marked as such, so that
    /// the analysis leaves it out.
    pub overrides: BTreeMap<String, String>,
    /// The ramp: the share of each arm's buckets that are in use, `0.0..=1.0`.
    pub coverage: f64,
    /// Its status.
    pub status: Status,
}

impl Experiment {
    /// Makes a running experiment over all buckets of a layer, with full coverage and without arms.
    pub fn new(id: impl Into<String>, layer: impl Into<String>, salt: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            layer: layer.into(),
            salt: salt.into(),
            slice: BucketRange::ALL,
            arms: Vec::new(),
            targeting: None,
            overrides: BTreeMap::new(),
            coverage: 1.0,
            status: Status::Running,
        }
    }

    /// Adds an arm.
    #[must_use]
    pub fn arm(mut self, arm: Arm) -> Self {
        self.arms.push(arm);
        self
    }
}

/// The units that are kept out of every experiment, to measure the joint effect of all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Holdout {
    /// The salt of the hash; no other salt of the plan may equal it.
    pub salt: String,
    /// The share of units held out, `0.0..=1.0`, in steps of 0.0001 (rounded up).
    pub share: f64,
}

/// Everything that [`Plan::new`](crate::Plan::new) checks and compiles.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanSpec {
    /// The layers.
    pub layers: Vec<Layer>,
    /// The experiments, of any status.
    pub experiments: Vec<Experiment>,
    /// The global holdout, if there is one.
    pub holdout: Option<Holdout>,
    /// The parameters that arms may change, with their defaults.
    pub parameters: Vec<Parameter>,
    /// The attributes that targeting may name, or `None` to allow every name. An expression that
    /// names another one is refused, as a misspelt attribute would silently exclude every unit.
    pub attributes: Option<Vec<String>>,
}
