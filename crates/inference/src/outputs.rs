//! The outputs of a model for one request.

use std::sync::Arc;

use crate::calibration::{log_odds, logistic};
use crate::concat::Raw;
use crate::error::Error;
use crate::manifest::{Manifest, OutputSpec, Scale};

/// The outputs of one request: finite values, of the shapes that the manifest says.
#[derive(Debug, Clone, PartialEq)]
pub struct Outputs {
    manifest: Arc<Manifest>,
    values: Raw,
}

impl Outputs {
    /// Takes raw values of the right shapes, all finite.
    pub(crate) fn new(manifest: &Arc<Manifest>, values: Raw) -> Result<Self, Error> {
        for (spec, values) in manifest.outputs.iter().zip(&values) {
            if let Some(position) = values.iter().position(|value| !value.is_finite()) {
                return Err(Error::OutputNotFinite {
                    model: manifest.title(),
                    output: spec.name.clone(),
                    position,
                    value: values[position],
                });
            }
        }
        Ok(Self {
            manifest: Arc::clone(manifest),
            values,
        })
    }

    /// Returns the manifest of the model that answered.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the values of output `name`, `rows x columns`, row after row, as the model gave them.
    pub fn get(&self, name: &str) -> Result<&[f32], Error> {
        self.find(name, |_| true).map(|(_, values)| values)
    }

    /// Returns output `name`, a logit or a probability, as calibrated probabilities.
    pub fn probabilities(&self, name: &str) -> Result<Vec<f64>, Error> {
        let (spec, values) = self.find(name, |scale| scale != Scale::Value)?;
        let calibration = self.manifest.calibration.get(name);
        let of = |&value: &f32| {
            let value = f64::from(value);
            match (spec.scale, calibration) {
                (Scale::Probability, None) => value.clamp(0.0, 1.0),
                (Scale::Probability, Some(by)) => by.probability(log_odds(value.clamp(0.0, 1.0))),
                (Scale::Logit | Scale::Value, None) => logistic(value),
                (Scale::Logit | Scale::Value, Some(by)) => by.probability(value),
            }
        };
        Ok(values.iter().map(of).collect())
    }

    /// Returns each output's name with its values, in the manifest's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[f32])> {
        let names = self.manifest.outputs.iter().map(|spec| spec.name.as_str());
        names.zip(self.values.iter().map(Vec::as_slice))
    }

    fn find(
        &self,
        name: &str,
        scale: impl Fn(Scale) -> bool,
    ) -> Result<(&OutputSpec, &[f32]), Error> {
        self.manifest
            .outputs
            .iter()
            .zip(&self.values)
            .find(|(spec, _)| spec.name == name && scale(spec.scale))
            .map(|(spec, values)| (spec, values.as_slice()))
            .ok_or_else(|| Error::UnknownOutput {
                model: self.manifest.title(),
                output: name.to_owned(),
                known: self
                    .manifest
                    .outputs
                    .iter()
                    .map(|spec| format!("{} ({:?})", spec.name, spec.scale))
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }
}
