//! Schemas: the columns of a table.

use std::collections::BTreeSet;

use crate::kind::ColumnKind;

/// The largest size of a bound (10^15), so that arithmetic on ends of intervals never overflows.
pub(crate) const BOUND: i64 = 1_000_000_000_000_000;

/// A column: a name and the kind of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name, as in the header of the table.
    pub name: String,
    /// The kind of its values.
    pub kind: ColumnKind,
}

impl Column {
    /// Makes a column.
    pub fn new(name: impl Into<String>, kind: ColumnKind) -> Self {
        Self {
            name: name.into(),
            kind,
        }
    }
}

/// The columns of a table: its inputs and its outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    inputs: Vec<Column>,
    outputs: Vec<Column>,
}

/// A kind or a schema that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{thing} {value:?}: {problem}; allowed: {allowed}")]
pub struct SchemaError {
    /// The thing that was refused: a kind, a column, or a schema.
    pub thing: String,
    /// Its value, as text.
    pub value: String,
    /// The problem with it.
    pub problem: String,
    /// The values that are allowed.
    pub allowed: String,
}

impl Schema {
    /// Makes a schema of these columns.
    ///
    /// # Errors
    /// Returns a [`SchemaError`] if a column has no name or the name of another one, if a kind has
    /// no values, or if there are no outputs.
    pub fn new(inputs: Vec<Column>, outputs: Vec<Column>) -> Result<Self, SchemaError> {
        let mut names = BTreeSet::new();
        for column in inputs.iter().chain(&outputs) {
            let name = column.name.as_str();
            if name.is_empty() || name.trim() != name || !names.insert(name) {
                return Err(SchemaError {
                    thing: "column".to_owned(),
                    value: name.to_owned(),
                    problem: "it is empty, has space around it, or stands there twice".to_owned(),
                    allowed: "a name of its own for each column".to_owned(),
                });
            }
            column.kind.check(&format!("column {name:?} of kind"))?;
        }
        if outputs.is_empty() {
            return Err(SchemaError {
                thing: "schema".to_owned(),
                value: inputs
                    .iter()
                    .map(|column| &*column.name)
                    .collect::<Vec<_>>()
                    .join(", "),
                problem: "it has no outputs".to_owned(),
                allowed: "at least one output".to_owned(),
            });
        }
        Ok(Self { inputs, outputs })
    }

    /// Returns the input columns, in the order in which
    /// [`Table::evaluate`](crate::Table::evaluate) takes values.
    pub fn inputs(&self) -> &[Column] {
        &self.inputs
    }

    /// Returns the output columns, in the order of a [`Match`](crate::Match)'s outputs.
    pub fn outputs(&self) -> &[Column] {
        &self.outputs
    }

    /// Returns the position of an input, or `None` if there is no such input.
    pub fn input(&self, name: &str) -> Option<usize> {
        self.inputs.iter().position(|column| column.name == name)
    }

    /// Returns the position of an output, or `None` if there is no such output.
    pub fn output(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|column| column.name == name)
    }
}
