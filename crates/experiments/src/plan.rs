//! Plans: checked, compiled, then used to assign units.

use std::collections::HashMap;

use smallvec::SmallVec;

use crate::assignment::{ArmAssignment, Assignment, NotTargeted, Via};
use crate::attributes::Attributes;
use crate::buckets::{BucketRange, bucket_ranges, first_bucket_from};
use crate::checks;
use crate::error::Error;
use crate::hashing::Salt;
use crate::parameters::{DeclaredParameter, ParameterValue, Params};
use crate::spec::{Arm, Experiment, PlanSpec, Status};
use crate::targeting::Targeting;

/// A checked set of experiments that assigns units. It is immutable: a new plan replaces it.
#[derive(Debug)]
pub struct Plan {
    spec: PlanSpec,
    holdout: Option<CompiledHoldout>,
    layers: Vec<CompiledLayer>,
    /// One per experiment of the spec, in its order.
    experiments: Vec<CompiledExperiment>,
    /// The overrides of the experiments that are not stopped, by unit id.
    overrides: HashMap<String, SmallVec<[ArmIndex; 1]>>,
    /// Sorted by name.
    parameters: Vec<DeclaredParameter>,
}

/// The holdout as buckets.
#[derive(Debug)]
struct CompiledHoldout {
    salt: Salt,
    buckets: BucketRange,
}

/// A layer with its running experiments.
#[derive(Debug)]
struct CompiledLayer {
    salt: Salt,
    /// The running experiments by position, sorted by slice.
    running: Vec<(BucketRange, usize)>,
}

impl CompiledLayer {
    /// Returns the running experiment whose slice contains `bucket`, or `None` if none does.
    fn experiment_at(&self, bucket: u16) -> Option<usize> {
        let after = self
            .running
            .partition_point(|(slice, _)| slice.start <= bucket);
        let (slice, experiment) = *self.running.get(after.checked_sub(1)?)?;
        slice.contains(bucket).then_some(experiment)
    }
}

/// An experiment with its arms as buckets.
#[derive(Debug)]
struct CompiledExperiment {
    layer: usize,
    salt: Salt,
    arms: Vec<CompiledArm>,
    targeting: Option<Targeting>,
}

/// An arm with its values parsed.
#[derive(Debug)]
struct CompiledArm {
    buckets: BucketRange,
    /// The positions of parameters, each with the arm's value.
    params: Vec<(usize, ParameterValue)>,
}

/// An arm by the positions of experiment and arm.
#[derive(Debug, Clone, Copy)]
struct ArmIndex {
    experiment: usize,
    arm: usize,
}

impl Plan {
    /// Checks and compiles a plan.
    ///
    /// # Errors
    /// Returns the first [`Error`], with the experiment, the value, and what is allowed: ids or
    /// salts empty or repeated, unknown layers, slices that overlap, weights, coverage or shares
    /// out of range, unknown or ill-typed parameters, a parameter set in two layers, overrides that
    /// contradict each other, targeting that does not compile.
    pub fn new(spec: PlanSpec) -> Result<Self, Error> {
        checks::check_structure(&spec)?;
        let parameters = declare(&spec)?;
        let layer_of: HashMap<&str, usize> = spec
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| (&*layer.id, index))
            .collect();
        let experiments = spec
            .experiments
            .iter()
            .map(|experiment| {
                let layer = layer_of
                    .get(&*experiment.layer)
                    .copied()
                    .ok_or_else(|| checks::unknown_layer(experiment, &spec))?;
                compile(experiment, layer, &parameters, spec.attributes.as_deref())
            })
            .collect::<Result<Vec<_>, _>>()?;
        let layers = (0..spec.layers.len()).map(|layer| compile_layer(&spec, &experiments, layer));
        let holdout = spec.holdout.as_ref().map(|holdout| CompiledHoldout {
            salt: Salt::new(&holdout.salt),
            buckets: BucketRange::new(0, first_bucket_from(holdout.share)),
        });
        Ok(Self {
            holdout,
            layers: layers.collect(),
            overrides: index_overrides(&spec),
            experiments,
            parameters,
            spec,
        })
    }

    /// Returns the specification that the plan was made from.
    pub const fn spec(&self) -> &PlanSpec {
        &self.spec
    }

    /// Returns the arms of a unit, and the parameters that follow from them.
    ///
    /// The function is total: if an attribute that targeting reads is missing, the unit is only
    /// kept out of that experiment, with the reason. A unit without an id (the empty string) is in
    /// no experiment, as all such units would share one bucket.
    pub fn assign<'p>(&'p self, unit_id: &str, attributes: &Attributes) -> Assignment<'p> {
        let mut assignment = Assignment {
            arms: SmallVec::new(),
            held_out: false,
            not_targeted: Vec::new(),
            params: Params::defaults(&self.parameters),
        };
        if unit_id.is_empty() {
            return assignment;
        }
        assignment.held_out = self
            .holdout
            .as_ref()
            .is_some_and(|holdout| holdout.buckets.contains(holdout.salt.bucket(unit_id)));
        let overrides: &[ArmIndex] = self.overrides.get(unit_id).map_or(&[], |arms| arms);
        for (index, layer) in self.layers.iter().enumerate() {
            let in_layer = |at: &&ArmIndex| self.experiments[at.experiment].layer == index;
            if let Some(at) = overrides.iter().find(in_layer) {
                self.enter(&mut assignment, *at, Via::Override);
            } else if !assignment.held_out
                && let Some(at) = self.arm_by_hash(layer, unit_id)
            {
                match self.check_targeting(at.experiment, attributes) {
                    Ok(()) => self.enter(&mut assignment, at, Via::Hash),
                    Err(not_targeted) => assignment.not_targeted.push(not_targeted),
                }
            }
        }
        assignment
    }

    /// Returns the number of an experiment's 10,000 buckets that each arm has now, by weight and
    /// coverage, or `None` if there is no such experiment. These are the planned shares for a check
    /// of sample ratios.
    pub fn arm_buckets(&self, experiment: &str) -> Option<Vec<(&str, u16)>> {
        let position = self
            .spec
            .experiments
            .iter()
            .position(|spec| spec.id == experiment)?;
        let arms = self.spec.experiments[position]
            .arms
            .iter()
            .map(|arm| &*arm.id);
        let buckets = self.experiments[position]
            .arms
            .iter()
            .map(|arm| arm.buckets.len());
        Some(arms.zip(buckets).collect())
    }

    /// Returns the arm that the hash gives in a layer, before targeting, or `None` if it gives none.
    fn arm_by_hash(&self, layer: &CompiledLayer, unit_id: &str) -> Option<ArmIndex> {
        if layer.running.is_empty() {
            return None;
        }
        let experiment = layer.experiment_at(layer.salt.bucket(unit_id))?;
        let compiled = &self.experiments[experiment];
        let bucket = compiled.salt.bucket(unit_id);
        let arm = compiled
            .arms
            .iter()
            .position(|arm| arm.buckets.contains(bucket))?;
        Some(ArmIndex { experiment, arm })
    }

    /// Checks the targeting of an experiment; the error is the reason why the unit is kept out.
    fn check_targeting(
        &self,
        experiment: usize,
        attributes: &Attributes,
    ) -> Result<(), NotTargeted<'_>> {
        match &self.experiments[experiment].targeting {
            None => Ok(()),
            Some(targeting) => targeting
                .evaluate(attributes)
                .map_err(|reason| NotTargeted {
                    experiment: &self.spec.experiments[experiment].id,
                    reason,
                }),
        }
    }

    /// Adds an arm and its parameters to an assignment.
    fn enter<'p>(&'p self, assignment: &mut Assignment<'p>, at: ArmIndex, via: Via) {
        let experiment = &self.spec.experiments[at.experiment];
        let arm = &experiment.arms[at.arm];
        assignment.arms.push(ArmAssignment {
            experiment: &experiment.id,
            arm: &arm.id,
            via,
        });
        for (parameter, value) in &self.experiments[at.experiment].arms[at.arm].params {
            assignment.params.set(*parameter, value);
        }
    }
}

/// Parses the defaults of the parameters, and sorts them by name.
fn declare(spec: &PlanSpec) -> Result<Vec<DeclaredParameter>, Error> {
    let mut declared =
        spec.parameters
            .iter()
            .map(|parameter| {
                let default = parameter.kind.parse(&parameter.default).ok_or_else(|| {
                    Error::ParameterValue {
                        what: "the default".to_owned(),
                        parameter: parameter.name.clone(),
                        value: parameter.default.clone(),
                        kind: parameter.kind,
                    }
                })?;
                Ok(DeclaredParameter {
                    name: parameter.name.clone(),
                    kind: parameter.kind,
                    default,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
    declared.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(declared)
}

/// Compiles an experiment.
fn compile(
    experiment: &Experiment,
    layer: usize,
    parameters: &[DeclaredParameter],
    attributes: Option<&[String]>,
) -> Result<CompiledExperiment, Error> {
    let weights: Vec<f64> = experiment.arms.iter().map(|arm| arm.weight).collect();
    let ranges = bucket_ranges(weights.len(), experiment.coverage, Some(&weights));
    let arms = experiment
        .arms
        .iter()
        .zip(&ranges)
        .map(|(arm, range)| {
            Ok(CompiledArm {
                buckets: BucketRange::from_hash_range(range),
                params: compile_params(experiment, arm, parameters)?,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let targeting = experiment
        .targeting
        .as_deref()
        .map(|expression| {
            Targeting::compile(expression, attributes).map_err(|error| Error::Targeting {
                experiment: experiment.id.clone(),
                expression: expression.to_owned(),
                cause: error.cause,
                allowed: error.allowed,
            })
        })
        .transpose()?;
    Ok(CompiledExperiment {
        layer,
        salt: Salt::new(&experiment.salt),
        arms,
        targeting,
    })
}

/// Parses the parameters of an arm.
fn compile_params(
    experiment: &Experiment,
    arm: &Arm,
    parameters: &[DeclaredParameter],
) -> Result<Vec<(usize, ParameterValue)>, Error> {
    let compile = |(name, value): (&String, &String)| {
        let position = parameters
            .binary_search_by(|declared| declared.name.cmp(name))
            .map_err(|_| Error::UnknownParameter {
                experiment: experiment.id.clone(),
                arm: arm.id.clone(),
                parameter: name.clone(),
                allowed: parameters
                    .iter()
                    .map(|declared| declared.name.clone())
                    .collect(),
            })?;
        let kind = parameters[position].kind;
        let parsed = kind.parse(value).ok_or_else(|| Error::ParameterValue {
            what: format!("arm {:?} of experiment {:?}", arm.id, experiment.id),
            parameter: name.clone(),
            value: value.clone(),
            kind,
        })?;
        Ok((position, parsed))
    };
    arm.params.iter().map(compile).collect()
}

/// Collects the running experiments of a layer.
fn compile_layer(
    spec: &PlanSpec,
    experiments: &[CompiledExperiment],
    layer: usize,
) -> CompiledLayer {
    let mut running: Vec<(BucketRange, usize)> = spec
        .experiments
        .iter()
        .enumerate()
        .filter(|(position, experiment)| {
            experiments[*position].layer == layer && experiment.status == Status::Running
        })
        .map(|(position, experiment)| (experiment.slice, position))
        .collect();
    running.sort_unstable();
    CompiledLayer {
        salt: Salt::new(&spec.layers[layer].salt),
        running,
    }
}

/// Collects the overrides of the experiments that are not stopped.
fn index_overrides(spec: &PlanSpec) -> HashMap<String, SmallVec<[ArmIndex; 1]>> {
    let mut index: HashMap<String, SmallVec<[ArmIndex; 1]>> = HashMap::new();
    for (position, experiment) in spec.experiments.iter().enumerate() {
        if experiment.status == Status::Stopped {
            continue;
        }
        for (unit, arm) in &experiment.overrides {
            // An arm that does not exist was refused by the checks.
            if let Some(arm) = experiment
                .arms
                .iter()
                .position(|candidate| candidate.id == *arm)
            {
                let at = ArmIndex {
                    experiment: position,
                    arm,
                };
                index.entry(unit.clone()).or_default().push(at);
            }
        }
    }
    index
}
