//! Golden cases: inputs with the outputs that the model must give wherever it runs.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::batch::{Batch, Values};
use crate::error::Error;
use crate::manifest::{Dtype, Manifest};
use crate::outputs::Outputs;

/// One case of `golden.json`, which is a list of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenCase {
    /// Its name, which an error names.
    pub name: String,
    /// Each input of the manifest.
    pub inputs: BTreeMap<String, Array>,
    /// The outputs to compare, at least one.
    pub outputs: BTreeMap<String, Array>,
    /// The largest distance of an output value `y` from the expected `x`: `tolerance x max(1, |x|)`.
    pub tolerance: f64,
}

/// A flat array with its shape, row after row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Array {
    /// `[rows]` or `[rows, columns]`.
    pub shape: Vec<usize>,
    /// The values, as many as the shape's product.
    pub values: Vec<Number>,
}

impl GoldenCase {
    /// Records a case: `batch`, and the model's values for it by output name, computed where it
    /// was trained (better not by the program that is being saved).
    ///
    /// # Errors
    /// An output unknown to the manifest, a length that is not whole rows, a value that is
    /// not finite.
    pub fn record(
        name: &str,
        manifest: &Manifest,
        batch: &Batch,
        expected: &[(&str, &[f32])],
        tolerance: f64,
    ) -> Result<Self, Error> {
        let fail = |field: &str, reason: &str| Error::Input {
            model: manifest.title(),
            input: field.to_owned(),
            reason: format!("golden case {name:?}: {reason}"),
        };
        let mut inputs = BTreeMap::new();
        for input in batch.inputs() {
            let values = match &input.values {
                Values::F32(values) => numbers(values),
                Values::I64(values) => Some(values.iter().map(|&v| Number::from(v)).collect()),
            };
            let values = values.ok_or_else(|| fail(&input.name, "a value is not finite"))?;
            inputs.insert(input.name.to_string(), Array::new(input.columns, values));
        }
        let mut outputs = BTreeMap::new();
        for &(output, values) in expected {
            let spec = manifest.outputs.iter().find(|spec| spec.name == output);
            let spec = spec.ok_or_else(|| fail(output, "the manifest has no such output"))?;
            let values = numbers(values).ok_or_else(|| fail(output, "a value is not finite"))?;
            outputs.insert(output.to_owned(), Array::new(spec.columns, values));
        }
        Ok(Self {
            name: name.to_owned(),
            inputs,
            outputs,
            tolerance,
        })
    }

    /// Reads the cases of `path`: at least one.
    pub(crate) fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let text = std::fs::read(path).map_err(Error::file(path, "reading"))?;
        let cases: Vec<Self> = serde_json::from_slice(&text)
            .map_err(|error| Error::malformed(path, error.to_string()))?;
        if cases.is_empty() {
            let reason = "holds no case; a model needs at least one";
            return Err(Error::malformed(path, reason));
        }
        for (at, case) in cases.iter().enumerate() {
            case.check()
                .map_err(|reason| Error::malformed(path, format!("[{at}].{reason}")))?;
        }
        Ok(cases)
    }

    fn check(&self) -> Result<(), String> {
        if !self.tolerance.is_finite() || self.tolerance < 0.0 {
            return Err(format!(
                "tolerance is {}; a number from 0 is allowed",
                self.tolerance
            ));
        }
        if self.outputs.is_empty() {
            return Err("outputs is empty; a case compares at least one".to_owned());
        }
        for (field, arrays) in [("inputs", &self.inputs), ("outputs", &self.outputs)] {
            for (name, array) in arrays {
                let product = array
                    .shape
                    .iter()
                    .try_fold(1usize, |all, &n| all.checked_mul(n));
                let fits = matches!(array.shape.len(), 1 | 2);
                if !fits || product != Some(array.values.len()) {
                    return Err(format!(
                        "{field}.{name}.shape is {:?} for {} values; [rows] or [rows, columns] is allowed",
                        array.shape,
                        array.values.len()
                    ));
                }
            }
        }
        Ok(())
    }

    /// Returns the case's inputs as a request.
    pub(crate) fn batch(&self, manifest: &Manifest) -> Result<Batch, Error> {
        let mut batch = Batch::new();
        for (name, array) in &self.inputs {
            let spec = manifest.inputs.iter().find(|spec| &spec.name == name);
            let values = match spec.map(|spec| spec.dtype) {
                Some(Dtype::I64) => array
                    .values
                    .iter()
                    .map(Number::as_i64)
                    .collect::<Option<Vec<_>>>()
                    .map(Values::I64),
                // An input that the manifest does not have is refused by the check of the batch.
                Some(Dtype::F32) | None => Some(Values::F32(array.floats())),
            };
            let values = values.ok_or_else(|| Error::Input {
                model: manifest.title(),
                input: name.clone(),
                reason: format!("golden case {:?}: integers are allowed", self.name),
            })?;
            batch = batch.with(name.clone().into(), array.shape.get(1).copied(), values);
        }
        Ok(batch)
    }

    /// Compares `outputs` with those of the case.
    ///
    /// # Errors
    /// The first value that differs by more than the tolerance.
    pub(crate) fn compare(&self, manifest: &Manifest, outputs: &Outputs) -> Result<(), Error> {
        for (name, array) in &self.outputs {
            let got = outputs.get(name)?;
            let expected = array.floats();
            if got.len() != expected.len() {
                return Err(Error::OutputShape {
                    model: manifest.title(),
                    output: name.clone(),
                    got: format!("{} values", got.len()),
                    expected: format!("{} (golden case {:?})", expected.len(), self.name),
                });
            }
            for (position, (&got, &expected)) in got.iter().zip(&expected).enumerate() {
                let apart = f64::from(got) - f64::from(expected);
                if apart.abs() > self.tolerance * f64::from(expected).abs().max(1.0) {
                    return Err(Error::GoldenMismatch {
                        model: manifest.title(),
                        case: self.name.clone(),
                        output: name.clone(),
                        position,
                        got,
                        expected,
                        tolerance: self.tolerance,
                    });
                }
            }
        }
        Ok(())
    }
}

impl Array {
    fn new(columns: Option<usize>, values: Vec<Number>) -> Self {
        let shape = match columns {
            None => vec![values.len()],
            Some(columns) => vec![values.len() / columns.max(1), columns],
        };
        Self { shape, values }
    }

    /// Returns the values as `f32`; one that is too large becomes infinite, which checks refuse.
    fn floats(&self) -> Vec<f32> {
        let float = |number: &Number| number.as_f64().unwrap_or(f64::INFINITY) as f32;
        self.values.iter().map(float).collect()
    }
}

/// Returns the values as JSON numbers, or `None` if one is not finite, which JSON cannot say.
fn numbers(values: &[f32]) -> Option<Vec<Number>> {
    values
        .iter()
        .map(|&value| Number::from_f64(f64::from(value)))
        .collect()
}
