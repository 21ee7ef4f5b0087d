//! The manifest of a model, `manifest.json`: its inputs and outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::calibration::Calibration;
use crate::error::Error;

/// The description of one version of one model. Unknown fields are refused, so that a misspelt one
/// is not silently without effect.
///
/// A ranker takes, for `U` users and `N` rows to score, for example
/// `user_dense f32[U,Du]`, `user_ids i64[U,Ku]`, `user_of_row i64[N]`, `item_ids i64[N,Ki]`,
/// `item_dense f32[N,Di]`, and gives `click f32[N]` and `convert f32[N]`. A two-tower user model
/// takes the first two and gives `embedding f32[U,E]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The model's name: letters, digits, `-`, `_`, `.`.
    pub name: String,
    /// Its version: letters, digits, `-`, `_`, `.`.
    pub version: String,
    /// The kind that a service expects: `ranker`, `two_tower_user`, ...
    pub kind: String,
    /// Hash of the feature schema that the inputs were made with, in hex.
    pub schema_hash: String,
    /// The inputs, in the order of the program's arguments.
    pub inputs: Vec<InputSpec>,
    /// The outputs: a tensor for each, in a tuple or list in this order or in a dictionary by
    /// name; or all of one row group side by side in the columns of one tensor, in this order.
    pub outputs: Vec<OutputSpec>,
    /// The calibration of outputs, by output name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calibration: BTreeMap<String, Calibration>,
    /// The time that the training data is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_window: Option<TrainingWindow>,
    /// Offline metrics of the training.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub metrics: serde_json::Map<String, serde_json::Value>,
    /// The ids that the categories of the inputs stand for.
    #[serde(default)]
    pub vocabulary: Vocabulary,
    /// The assembly of inputs from features: read by the feature registry, not here.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub features: serde_json::Value,
}

/// One argument of the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// The name that requests use.
    pub name: String,
    /// The type of its values.
    pub dtype: Dtype,
    /// Values per row; without it the input has one dimension, `[rows]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<usize>,
    /// The group of its rows.
    pub rows: RowGroup,
    /// Set when the values are row numbers of that group, counted from 0 within a request: the
    /// micro-batcher shifts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_of: Option<RowGroup>,
    /// For categories: their number per column; values are `0..below`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Vec<i64>>,
}

/// One result of the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// The name that services use.
    pub name: String,
    /// The group of its rows.
    pub rows: RowGroup,
    /// Values per row; without it the output is `[rows]` (or `[rows, 1]`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<usize>,
    /// The scale of the values.
    #[serde(default)]
    pub scale: Scale,
}

/// The type of an input's values. Outputs are always `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32-bit floating point.
    F32,
    /// 64-bit signed integer.
    I64,
}

/// The things that rows stand for; all inputs and outputs of a group have the same number of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowGroup {
    /// One row per user.
    User,
    /// One row per thing to score.
    Row,
}

/// The scale of an output's values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Log-odds: the logistic function makes a probability of it.
    Logit,
    /// 0 to 1.
    Probability,
    /// Anything else: an embedding, an amount.
    #[default]
    Value,
}

/// A span of time, as RFC 3339 instants or dates (UTC), `from` not after `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingWindow {
    /// Its first moment.
    pub from: String,
    /// Its last.
    pub to: String,
}

/// The ids that the model knows, by position.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    /// Product ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
}

impl RowGroup {
    /// Both groups, in the order in which row counts are kept.
    pub const ALL: [Self; 2] = [Self::User, Self::Row];
}

impl fmt::Display for RowGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Row => "row",
        })
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::I64 => "i64",
        })
    }
}

impl Manifest {
    /// Returns `name version`, as errors and logs call the model.
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// Returns true if some input has rows of `group`.
    pub(crate) fn uses(&self, group: RowGroup) -> bool {
        self.inputs.iter().any(|input| input.rows == group)
    }

    /// Reads and checks a manifest.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read(path).map_err(Error::file(path, "reading"))?;
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|error| Error::malformed(path, error.to_string()))?;
        manifest
            .check()
            .map_err(|reason| Error::malformed(path, reason))?;
        Ok(manifest)
    }

    /// Checks the fields by themselves and together.
    ///
    /// # Errors
    /// The field, its value and what is allowed.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (field, value) in [
            ("name", &self.name),
            ("version", &self.version),
            ("kind", &self.kind),
        ] {
            check_label(field, value)?;
        }
        let hash = &self.schema_hash;
        if hash.is_empty() || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("schema_hash is {hash:?}; hex digits are allowed"));
        }
        if self.inputs.is_empty() || self.outputs.is_empty() {
            return Err("inputs and outputs must each have at least one entry".to_owned());
        }
        for (at, input) in self.inputs.iter().enumerate() {
            self.check_input(input)
                .map_err(|reason| format!("inputs[{at}].{reason}"))?;
        }
        for (at, output) in self.outputs.iter().enumerate() {
            self.check_output(output)
                .map_err(|reason| format!("outputs[{at}].{reason}"))?;
        }
        check_distinct("inputs", self.inputs.iter().map(|input| &input.name))?;
        check_distinct("outputs", self.outputs.iter().map(|output| &output.name))?;
        check_distinct("vocabulary.products", &self.vocabulary.products)?;
        self.check_calibration()?;
        self.training_window
            .as_ref()
            .map_or(Ok(()), TrainingWindow::check)
    }

    fn check_input(&self, input: &InputSpec) -> Result<(), String> {
        check_label("name", &input.name)?;
        if input.columns == Some(0) {
            return Err("columns is 0; at least 1, or none for [rows], is allowed".to_owned());
        }
        if let Some(group) = input.index_of {
            if input.dtype != Dtype::I64 || input.below.is_some() {
                return Err(format!(
                    "index_of is {group}; it goes with dtype i64 and without below"
                ));
            }
            if !self.uses(group) {
                return Err(format!("index_of is {group}; no input has such rows"));
            }
        }
        if let Some(below) = &input.below {
            let columns = input.columns.unwrap_or(1);
            if input.dtype != Dtype::I64
                || below.len() != columns
                || below.iter().any(|&count| count < 1)
            {
                return Err(format!(
                    "below is {below:?}; for dtype i64, {columns} counts of at least 1 are allowed"
                ));
            }
        }
        Ok(())
    }

    fn check_output(&self, output: &OutputSpec) -> Result<(), String> {
        check_label("name", &output.name)?;
        if output.columns == Some(0) {
            return Err("columns is 0; at least 1, or none for [rows], is allowed".to_owned());
        }
        if !self.uses(output.rows) {
            return Err(format!("rows is {}; no input has such rows", output.rows));
        }
        Ok(())
    }

    fn check_calibration(&self) -> Result<(), String> {
        for (name, calibration) in &self.calibration {
            let output = self.outputs.iter().find(|output| &output.name == name);
            if output.is_none_or(|output| output.scale == Scale::Value) {
                return Err(format!(
                    "calibration.{name}: no output of that name is a logit or a probability"
                ));
            }
            calibration
                .check()
                .map_err(|reason| format!("calibration.{name}.{reason}"))?;
        }
        Ok(())
    }
}

impl TrainingWindow {
    fn check(&self) -> Result<(), String> {
        let from = instant("training_window.from", &self.from)?;
        let to = instant("training_window.to", &self.to)?;
        if from > to {
            return Err(format!(
                "training_window.from is {}, after training_window.to, {}",
                self.from, self.to
            ));
        }
        Ok(())
    }
}

/// Reads an instant, or the start of a day in UTC.
fn instant(field: &str, text: &str) -> Result<Timestamp, String> {
    let day = || {
        let day = text.parse::<Date>().ok()?;
        Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    text.parse()
        .ok()
        .or_else(day)
        .ok_or_else(|| format!("{field} is {text:?}; an RFC 3339 instant or a date is allowed"))
}

/// Labels name folders, metrics and versions in experiments: no separators, nothing to escape.
fn check_label(field: &str, value: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if value.is_empty() || value.starts_with('.') || !value.bytes().all(allowed) {
        return Err(format!(
            "{field} is {value:?}; letters, digits, '-', '_' and '.' are allowed, not '.' first"
        ));
    }
    Ok(())
}

fn check_distinct<'a>(
    field: &str,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    match names.into_iter().find(|&name| !seen.insert(name)) {
        None => Ok(()),
        Some(name) => Err(format!("{field}: {name:?} is there twice")),
    }
}
