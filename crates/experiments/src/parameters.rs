//! Typed parameters that arms may change, and their defaults.

use std::fmt;

/// The type of a parameter's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A finite number.
    Number,
    /// Any text.
    Text,
}

impl ParameterKind {
    /// Reads a value of this kind; returns `None` if `text` is not one.
    pub fn parse(self, text: &str) -> Option<ParameterValue> {
        match self {
            Self::Bool => text.parse().ok().map(ParameterValue::Bool),
            Self::Int => text.parse().ok().map(ParameterValue::Int),
            Self::Number => text
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite())
                .map(ParameterValue::Number),
            Self::Text => Some(ParameterValue::Text(text.to_owned())),
        }
    }
}

impl fmt::Display for ParameterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "a bool (true or false)",
            Self::Int => "an int (a whole number of 64 bits)",
            Self::Number => "a number (finite)",
            Self::Text => "a string",
        })
    }
}

/// A parameter's value.
#[derive(Debug, Clone, PartialEq)]
pub enum ParameterValue {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A finite number.
    Number(f64),
    /// Text, such as a model version.
    Text(String),
}

impl fmt::Display for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

/// A declared parameter: its name, its type, and its value outside experiments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The name, such as `ranking.model_version`.
    pub name: String,
    /// The type that the default and every arm's value must have.
    pub kind: ParameterKind,
    /// The default, as text of that type.
    pub default: String,
}

impl Parameter {
    /// Declares a parameter.
    pub fn new(name: impl Into<String>, kind: ParameterKind, default: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind,
            default: default.into(),
        }
    }
}

/// A parameter that was checked, with its default parsed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DeclaredParameter {
    pub(crate) name: String,
    pub(crate) kind: ParameterKind,
    pub(crate) default: ParameterValue,
}

/// The parameters of one assignment: the arms' values merged over the defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct Params<'p> {
    /// Sorted by name.
    declared: &'p [DeclaredParameter],
    /// One per declared parameter, in the same order.
    values: Vec<&'p ParameterValue>,
}

impl<'p> Params<'p> {
    /// Makes the parameters of a unit that is in no experiment.
    pub(crate) fn defaults(declared: &'p [DeclaredParameter]) -> Self {
        Self {
            declared,
            values: declared
                .iter()
                .map(|parameter| &parameter.default)
                .collect(),
        }
    }

    /// Sets the value of a parameter by its index.
    pub(crate) fn set(&mut self, index: usize, value: &'p ParameterValue) {
        self.values[index] = value;
    }

    /// Returns the value of a parameter, or `None` if no such parameter is declared.
    pub fn get(&self, name: &str) -> Option<&'p ParameterValue> {
        let index = self
            .declared
            .binary_search_by(|parameter| (*parameter.name).cmp(name))
            .ok()?;
        Some(self.values[index])
    }

    /// Returns the value of a bool parameter, or `None` if it is not declared as one.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            ParameterValue::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the value of an int parameter, or `None` if it is not declared as one.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            ParameterValue::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the value of a number parameter, or `None` if it is not declared as one.
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            ParameterValue::Number(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the value of a string parameter, or `None` if it is not declared as one.
    pub fn text(&self, name: &str) -> Option<&'p str> {
        match self.get(name)? {
            ParameterValue::Text(value) => Some(value),
            _ => None,
        }
    }

    /// Returns every declared parameter with its value, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'p str, &'p ParameterValue)> + '_ {
        self.declared
            .iter()
            .map(|parameter| &*parameter.name)
            .zip(self.values.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_strictly() {
        assert_eq!(
            ParameterKind::Bool.parse("true"),
            Some(ParameterValue::Bool(true))
        );
        assert_eq!(ParameterKind::Bool.parse("yes"), None);
        assert_eq!(
            ParameterKind::Int.parse("-3"),
            Some(ParameterValue::Int(-3))
        );
        assert_eq!(ParameterKind::Int.parse("3.0"), None);
        assert_eq!(ParameterKind::Int.parse("9223372036854775808"), None);
        assert_eq!(
            ParameterKind::Number.parse("2.5"),
            Some(ParameterValue::Number(2.5))
        );
        assert_eq!(ParameterKind::Number.parse("NaN"), None);
        assert_eq!(ParameterKind::Number.parse("1e999"), None);
        assert_eq!(
            ParameterKind::Text.parse(""),
            Some(ParameterValue::Text(String::new()))
        );
    }
}
