//! The inputs of a request, and their check against a manifest.

use std::borrow::Cow;

use crate::error::Error;
use crate::manifest::{Dtype, InputSpec, Manifest, RowGroup};

/// Named inputs of one request, in any order: `Batch::new().f32("user_dense", 3, values)` and on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    inputs: Vec<Input>,
}

/// One named input: `values.len() / columns` rows, row after row.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The manifest's name for it.
    pub name: Cow<'static, str>,
    /// Values per row; `None` for one dimension, `[rows]`.
    pub columns: Option<usize>,
    /// The values.
    pub values: Values,
}

/// Flat values of one type.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// 32-bit floating point.
    F32(Vec<f32>),
    /// 64-bit integers.
    I64(Vec<i64>),
}

impl Values {
    /// Returns the type of the values.
    pub fn dtype(&self) -> Dtype {
        match self {
            Self::F32(_) => Dtype::F32,
            Self::I64(_) => Dtype::I64,
        }
    }

    /// Returns the number of values, over all rows and columns.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I64(values) => values.len(),
        }
    }

    /// Returns true if there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Batch {
    /// Returns a batch without inputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `f32[rows, columns]`.
    #[must_use]
    pub fn f32(self, name: impl Into<Cow<'static, str>>, columns: usize, values: Vec<f32>) -> Self {
        self.with(name.into(), Some(columns), Values::F32(values))
    }

    /// Adds `i64[rows, columns]`.
    #[must_use]
    pub fn i64(self, name: impl Into<Cow<'static, str>>, columns: usize, values: Vec<i64>) -> Self {
        self.with(name.into(), Some(columns), Values::I64(values))
    }

    /// Adds `i64[rows]`: for each row, the number of its row in another group.
    #[must_use]
    pub fn index(self, name: impl Into<Cow<'static, str>>, values: Vec<i64>) -> Self {
        self.with(name.into(), None, Values::I64(values))
    }

    /// Adds an input of any shape.
    #[must_use]
    pub fn with(mut self, name: Cow<'static, str>, columns: Option<usize>, values: Values) -> Self {
        self.inputs.push(Input {
            name,
            columns,
            values,
        });
        self
    }

    /// Returns the inputs added so far.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }
}

/// The number of rows of each group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupRows {
    /// Users.
    pub user: usize,
    /// Rows to score.
    pub row: usize,
}

impl GroupRows {
    /// Returns the number of rows of `group`.
    pub fn of(&self, group: RowGroup) -> usize {
        match group {
            RowGroup::User => self.user,
            RowGroup::Row => self.row,
        }
    }

    pub(crate) fn of_mut(&mut self, group: RowGroup) -> &mut usize {
        match group {
            RowGroup::User => &mut self.user,
            RowGroup::Row => &mut self.row,
        }
    }

    /// Returns the number of rows of the larger group, which decides the cost of a forward pass.
    pub(crate) fn largest(&self) -> usize {
        self.user.max(self.row)
    }
}

/// Inputs that fit a manifest, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedBatch {
    pub(crate) values: Vec<Values>,
    pub(crate) rows: GroupRows,
}

impl CheckedBatch {
    /// Returns the values of the manifest's inputs, in its order.
    pub fn values(&self) -> &[Values] {
        &self.values
    }

    /// Returns the number of rows of each group, at least 1 for each that the manifest uses.
    pub fn rows(&self) -> GroupRows {
        self.rows
    }

    /// Checks `batch` against `manifest`.
    pub(crate) fn new(manifest: &Manifest, batch: Batch) -> Result<Self, Error> {
        let fail = |input: &str, reason: String| Error::Input {
            model: manifest.title(),
            input: input.to_owned(),
            reason,
        };
        let mut given: Vec<Option<Input>> = batch.inputs.into_iter().map(Some).collect();
        let mut values = Vec::with_capacity(manifest.inputs.len());
        let mut rows = GroupRows::default();
        for spec in &manifest.inputs {
            let input = given
                .iter_mut()
                .find(|input| input.as_ref().is_some_and(|input| input.name == spec.name))
                .and_then(Option::take)
                .ok_or_else(|| fail(&spec.name, "is missing".to_owned()))?;
            let found = shape(spec, &input).map_err(|reason| fail(&spec.name, reason))?;
            let rows = rows.of_mut(spec.rows);
            if *rows != 0 && *rows != found {
                let group = spec.rows;
                return Err(fail(
                    &spec.name,
                    format!("has {found} rows; the other inputs by {group} have {rows}"),
                ));
            }
            *rows = found;
            values.push(input.values);
        }
        if let Some(input) = given.into_iter().flatten().next() {
            let known = names(manifest.inputs.iter().map(|spec| spec.name.as_str()));
            let reason = format!("is unknown, or there twice; the model takes {known}");
            return Err(fail(&input.name, reason));
        }
        for (spec, values) in manifest.inputs.iter().zip(&values) {
            check_values(spec, values, rows).map_err(|reason| fail(&spec.name, reason))?;
        }
        Ok(Self { values, rows })
    }
}

/// Returns the number of rows of `input`.
///
/// # Errors
/// The fault of its shape, in words.
fn shape(spec: &InputSpec, input: &Input) -> Result<usize, String> {
    let (got, wanted) = (input.values.dtype(), spec.dtype);
    if got != wanted {
        return Err(format!("is {got}; the model takes {wanted}"));
    }
    if input.columns != spec.columns {
        let text = |columns: Option<usize>| {
            columns.map_or("one dimension".to_owned(), |n| format!("{n} columns"))
        };
        return Err(format!(
            "has {}; the model takes {}",
            text(input.columns),
            text(spec.columns)
        ));
    }
    let columns = spec.columns.unwrap_or(1);
    let length = input.values.len();
    if length == 0 || !length.is_multiple_of(columns) {
        return Err(format!(
            "has {length} values; whole rows of {columns}, at least one, are allowed"
        ));
    }
    Ok(length / columns)
}

fn check_values(spec: &InputSpec, values: &Values, rows: GroupRows) -> Result<(), String> {
    let columns = spec.columns.unwrap_or(1);
    match values {
        Values::F32(values) => match values.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(at) => Err(format!(
                "row {}, column {} is {}; only finite values are allowed",
                at / columns,
                at % columns,
                values[at]
            )),
        },
        Values::I64(values) => {
            let indexed = spec.index_of.map(|group| signed(rows.of(group)));
            let limit = |column: usize| match (&spec.below, indexed) {
                (Some(below), _) => below[column],
                (None, Some(rows)) => rows,
                (None, None) => i64::MAX,
            };
            let bounded = spec.below.is_some() || indexed.is_some();
            let outside = values
                .iter()
                .enumerate()
                .position(|(at, &value)| value < 0 || value >= limit(at % columns));
            match outside {
                Some(at) if bounded => Err(format!(
                    "row {}, column {} is {}; 0 to {} are allowed",
                    at / columns,
                    at % columns,
                    values[at],
                    limit(at % columns) - 1
                )),
                _ => Ok(()),
            }
        }
    }
}

/// Returns a count as libtorch and row numbers have it. No count of things in memory exceeds `i64`.
pub(crate) fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
