//! The conditions that a plan must satisfy before it is compiled.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::buckets::BUCKETS;
use crate::error::Error;
use crate::spec::{Experiment, PlanSpec, Status};

/// The largest distance of the sum of an experiment's weights from 1: enough for the rounding of
/// thirds, too little for a mistake.
const WEIGHT_TOLERANCE: f64 = 1e-6;

/// Checks everything that needs no compilation.
pub(crate) fn check_structure(spec: &PlanSpec) -> Result<(), Error> {
    check_unique("layer", spec.layers.iter().map(|layer| &*layer.id))?;
    check_unique(
        "experiment",
        spec.experiments.iter().map(|experiment| &*experiment.id),
    )?;
    check_unique(
        "parameter",
        spec.parameters.iter().map(|parameter| &*parameter.name),
    )?;
    check_salts(spec)?;
    if let Some(holdout) = &spec.holdout {
        check_share("the share of the holdout".to_owned(), holdout.share)?;
    }
    for experiment in &spec.experiments {
        if !spec.layers.iter().any(|layer| layer.id == experiment.layer) {
            return Err(unknown_layer(experiment, spec));
        }
        check_arms(experiment)?;
        check_buckets(experiment)?;
        check_override_arms(experiment)?;
    }
    let live: Vec<&Experiment> = spec
        .experiments
        .iter()
        .filter(|experiment| experiment.status != Status::Stopped)
        .collect();
    check_slices(&live)?;
    check_parameter_owners(&live)?;
    check_override_layers(&live)
}

/// Makes the error of an experiment whose layer is not declared.
pub(crate) fn unknown_layer(experiment: &Experiment, spec: &PlanSpec) -> Error {
    Error::UnknownLayer {
        experiment: experiment.id.clone(),
        layer: experiment.layer.clone(),
        allowed: spec.layers.iter().map(|layer| layer.id.clone()).collect(),
    }
}

/// Checks that ids are not empty and that none repeats.
fn check_unique<'s>(what: &str, ids: impl Iterator<Item = &'s str>) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for id in ids {
        if id.is_empty() {
            return Err(Error::Empty {
                what: format!("an id ({what})"),
            });
        }
        if !seen.insert(id) {
            return Err(Error::Duplicate {
                what: what.to_owned(),
                id: id.to_owned(),
            });
        }
    }
    Ok(())
}

/// Checks that salts are not empty and that no two are equal.
fn check_salts(spec: &PlanSpec) -> Result<(), Error> {
    let layers = spec
        .layers
        .iter()
        .map(|layer| (&layer.salt, format!("layer {:?}", layer.id)));
    let experiments = spec
        .experiments
        .iter()
        .map(|experiment| (&experiment.salt, format!("experiment {:?}", experiment.id)));
    let holdout = spec
        .holdout
        .iter()
        .map(|holdout| (&holdout.salt, "the holdout".to_owned()));
    let mut owners: HashMap<&str, String> = HashMap::new();
    for (salt, owner) in layers.chain(experiments).chain(holdout) {
        if salt.is_empty() {
            return Err(Error::Empty {
                what: format!("the salt of {owner}"),
            });
        }
        if let Some(first) = owners.get(&**salt) {
            return Err(Error::SharedSalt {
                salt: salt.clone(),
                first: first.clone(),
                second: owner,
            });
        }
        owners.insert(salt, owner);
    }
    Ok(())
}

/// Checks that a value lies within 0 to 1.
fn check_share(what: String, value: f64) -> Result<(), Error> {
    if (0.0..=1.0).contains(&value) {
        Ok(())
    } else {
        Err(Error::OutOfRange {
            what,
            value,
            allowed: "a share from 0 to 1",
        })
    }
}

/// Checks the ids and the weights of an experiment's arms.
fn check_arms(experiment: &Experiment) -> Result<(), Error> {
    if experiment.arms.is_empty() {
        return Err(Error::NoArms {
            experiment: experiment.id.clone(),
        });
    }
    let what = format!("arm of experiment {:?}", experiment.id);
    check_unique(&what, experiment.arms.iter().map(|arm| &*arm.id))?;
    for arm in &experiment.arms {
        check_share(
            format!(
                "the weight of arm {:?} of experiment {:?}",
                arm.id, experiment.id
            ),
            arm.weight,
        )?;
    }
    let sum: f64 = experiment.arms.iter().map(|arm| arm.weight).sum();
    if (sum - 1.0).abs() > WEIGHT_TOLERANCE {
        return Err(Error::WeightSum {
            experiment: experiment.id.clone(),
            sum,
        });
    }
    Ok(())
}

/// Checks the coverage and the slice of an experiment.
fn check_buckets(experiment: &Experiment) -> Result<(), Error> {
    check_share(
        format!("the coverage of experiment {:?}", experiment.id),
        experiment.coverage,
    )?;
    if experiment.slice.is_empty() || experiment.slice.end > BUCKETS {
        return Err(Error::Slice {
            experiment: experiment.id.clone(),
            slice: experiment.slice,
        });
    }
    Ok(())
}

/// Checks that overrides name units, and arms of the experiment.
fn check_override_arms(experiment: &Experiment) -> Result<(), Error> {
    for (unit, arm) in &experiment.overrides {
        if unit.is_empty() {
            let what = format!("a unit overridden in experiment {:?}", experiment.id);
            return Err(Error::Empty { what });
        }
        if !experiment.arms.iter().any(|candidate| candidate.id == *arm) {
            return Err(Error::UnknownOverrideArm {
                experiment: experiment.id.clone(),
                unit: unit.clone(),
                arm: arm.clone(),
                allowed: experiment.arms.iter().map(|arm| arm.id.clone()).collect(),
            });
        }
    }
    Ok(())
}

/// Checks that no two experiments of a layer overlap. Sorted by slice, two overlap only if two
/// neighbours do.
fn check_slices(live: &[&Experiment]) -> Result<(), Error> {
    let mut by_layer: BTreeMap<&str, Vec<&Experiment>> = BTreeMap::new();
    for experiment in live {
        by_layer
            .entry(&experiment.layer)
            .or_default()
            .push(experiment);
    }
    for (layer, mut experiments) in by_layer {
        experiments.sort_by_key(|experiment| experiment.slice);
        for pair in experiments.windows(2) {
            if pair[0].slice.overlaps(pair[1].slice) {
                return Err(Error::SliceOverlap {
                    layer: layer.to_owned(),
                    first: pair[0].id.clone(),
                    first_slice: pair[0].slice,
                    second: pair[1].id.clone(),
                    second_slice: pair[1].slice,
                });
            }
        }
    }
    Ok(())
}

/// Checks that no two layers set one parameter, as a unit may be in an experiment of each.
fn check_parameter_owners(live: &[&Experiment]) -> Result<(), Error> {
    let mut owners: BTreeMap<&str, &Experiment> = BTreeMap::new();
    for experiment in live {
        for name in experiment.arms.iter().flat_map(|arm| arm.params.keys()) {
            let first = *owners.entry(name).or_insert(experiment);
            if first.layer != experiment.layer {
                return Err(Error::ParameterInTwoLayers {
                    parameter: name.clone(),
                    first: first.id.clone(),
                    first_layer: first.layer.clone(),
                    second: experiment.id.clone(),
                    second_layer: experiment.layer.clone(),
                });
            }
        }
    }
    Ok(())
}

/// Checks that no unit is overridden in two experiments of one layer.
fn check_override_layers(live: &[&Experiment]) -> Result<(), Error> {
    let mut overridden: HashMap<(&str, &str), &Experiment> = HashMap::new();
    for experiment in live {
        for unit in experiment.overrides.keys() {
            if let Some(first) = overridden.insert((unit, &experiment.layer), experiment) {
                return Err(Error::OverrideConflict {
                    unit: unit.clone(),
                    layer: experiment.layer.clone(),
                    first: first.id.clone(),
                    second: experiment.id.clone(),
                });
            }
        }
    }
    Ok(())
}
