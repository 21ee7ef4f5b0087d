//! Linear models in JSON, without libtorch: weights of numbers and points of categories. The second
//! implementation of [`Forward`], which tests reckon by hand.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::batch::{CheckedBatch, Values, signed};
use crate::error::Error;
use crate::manifest::{Dtype, InputSpec, Manifest, OutputSpec, RowGroup};
use crate::model::Forward;

/// A sum of terms per output; `scorecard.json` in a model folder, in place of `model.pt`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LinearModel {
    /// By output name; every output of the manifest, each of one value per row.
    pub outputs: BTreeMap<String, LinearTerms>,
}

/// One output: `base + sum(weights x values) + sum(points of categories)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearTerms {
    /// The value that every row starts from.
    pub base: f64,
    /// By name of an `f32` input: a weight per column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, Vec<f64>>,
    /// By name of an `i64` input with `below`: per column, the points of each category.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub points: BTreeMap<String, Vec<Vec<f64>>>,
}

impl LinearModel {
    pub(crate) fn read(path: &Path, manifest: &Manifest) -> Result<Self, Error> {
        let text = std::fs::read(path).map_err(Error::file(path, "reading"))?;
        let model: Self = serde_json::from_slice(&text)
            .map_err(|error| Error::malformed(path, error.to_string()))?;
        model
            .check(manifest)
            .map_err(|reason| Error::malformed(path, reason))?;
        Ok(model)
    }

    /// Checks that the terms go with the manifest's inputs and outputs.
    fn check(&self, manifest: &Manifest) -> Result<(), String> {
        let wanted = manifest.outputs.iter().map(|spec| &spec.name);
        if let Some(missing) = wanted
            .clone()
            .find(|name| !self.outputs.contains_key(*name))
        {
            return Err(format!("{missing}: the manifest has this output"));
        }
        if let Some(extra) = self
            .outputs
            .keys()
            .find(|name| !wanted.clone().any(|w| w == *name))
        {
            return Err(format!("{extra}: the manifest has no such output"));
        }
        for spec in &manifest.outputs {
            if spec.columns.is_some() {
                return Err(format!(
                    "{}: a linear model gives one value a row",
                    spec.name
                ));
            }
            let terms = &self.outputs[&spec.name];
            for (name, weights) in &terms.weights {
                reachable(manifest, spec, name, Dtype::F32)
                    .and_then(|input| check_weights(input, weights))
                    .map_err(|reason| format!("{}.weights.{name}: {reason}", spec.name))?;
            }
            for (name, points) in &terms.points {
                reachable(manifest, spec, name, Dtype::I64)
                    .and_then(|input| check_points(input, points))
                    .map_err(|reason| format!("{}.points.{name}: {reason}", spec.name))?;
            }
        }
        Ok(())
    }
}

/// Returns the input `name`, if a row of the output has a row of it: its own group's, or its user's.
fn reachable<'a>(
    manifest: &'a Manifest,
    output: &OutputSpec,
    name: &str,
    dtype: Dtype,
) -> Result<&'a InputSpec, String> {
    let input = manifest
        .inputs
        .iter()
        .find(|input| input.name == name && input.dtype == dtype && input.index_of.is_none())
        .ok_or_else(|| format!("the manifest has no such input of {dtype}"))?;
    if input.rows == output.rows || user_of_row(manifest, output.rows).is_some() {
        return Ok(input);
    }
    Err(format!(
        "its rows are by {}, the output's by {}",
        input.rows, output.rows
    ))
}

fn check_weights(input: &InputSpec, weights: &[f64]) -> Result<(), String> {
    let columns = input.columns.unwrap_or(1);
    if weights.len() != columns || !weights.iter().all(|weight| weight.is_finite()) {
        return Err(format!(
            "{columns} finite weights are allowed, there are {}",
            weights.len()
        ));
    }
    Ok(())
}

fn check_points(input: &InputSpec, points: &[Vec<f64>]) -> Result<(), String> {
    let Some(below) = &input.below else {
        return Err("the input does not say how many categories it has (below)".to_owned());
    };
    let fits = points.len() == below.len()
        && points.iter().zip(below).all(|(points, &count)| {
            signed(points.len()) == count && points.iter().all(|point| point.is_finite())
        });
    if fits {
        return Ok(());
    }
    Err(format!(
        "per column, as many finite points as categories, {below:?}, are allowed"
    ))
}

/// Returns the position of the input that gives, for each row of `group`, its user, or `None` if
/// there is none.
fn user_of_row(manifest: &Manifest, group: RowGroup) -> Option<usize> {
    manifest
        .inputs
        .iter()
        .position(|input| input.rows == group && input.index_of == Some(RowGroup::User))
}

impl Forward for LinearModel {
    fn forward(&self, manifest: &Manifest, batch: &CheckedBatch) -> Result<Vec<Vec<f32>>, Error> {
        let score = |spec: &OutputSpec| match self.outputs.get(&spec.name) {
            Some(terms) => Ok(terms.score(manifest, spec, batch)),
            None => Err(Error::UnknownOutput {
                model: manifest.title(),
                output: spec.name.clone(),
                known: self.outputs.keys().cloned().collect::<Vec<_>>().join(", "),
            }),
        };
        manifest.outputs.iter().map(score).collect()
    }
}

impl LinearTerms {
    fn score(&self, manifest: &Manifest, output: &OutputSpec, batch: &CheckedBatch) -> Vec<f32> {
        let user_of_row =
            user_of_row(manifest, output.rows).and_then(|at| match &batch.values()[at] {
                Values::I64(users) => Some(users.as_slice()),
                Values::F32(_) => None,
            });
        let mut sums = vec![self.base; batch.rows().of(output.rows)];
        for (input, values) in manifest.inputs.iter().zip(batch.values()) {
            let columns = input.columns.unwrap_or(1);
            // Where an input is by user and the output by row, the row's user is meant.
            let source = |row: usize| match user_of_row {
                Some(users) if input.rows != output.rows => users[row] as usize,
                _ => row,
            };
            match values {
                Values::F32(values) => {
                    let Some(weights) = self.weights.get(&input.name) else {
                        continue;
                    };
                    for (row, sum) in sums.iter_mut().enumerate() {
                        let own = &values[source(row) * columns..][..columns];
                        *sum += own
                            .iter()
                            .zip(weights)
                            .map(|(v, w)| f64::from(*v) * w)
                            .sum::<f64>();
                    }
                }
                Values::I64(values) => {
                    let Some(points) = self.points.get(&input.name) else {
                        continue;
                    };
                    for (row, sum) in sums.iter_mut().enumerate() {
                        let own = &values[source(row) * columns..][..columns];
                        *sum += own
                            .iter()
                            .zip(points)
                            .map(|(v, p)| p[*v as usize])
                            .sum::<f64>();
                    }
                }
            }
        }
        sums.into_iter().map(|sum| sum as f32).collect()
    }
}
