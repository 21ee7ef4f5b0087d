//! The attributes that targeting reads, and their CEL values, which copy no text.

use std::collections::BTreeMap;

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer};
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;

/// The name of the map of all attributes, with which an expression tests if one is present:
/// `has(profile.segment) && profile.segment == "new"`. An attribute of the same name can only be
/// read from the map.
pub const PROFILE: &str = "profile";

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number. A comparison with NaN fails, and so excludes the unit.
    Number(f64),
    /// Text.
    Text(String),
    /// Several values, for `"x" in tags`.
    List(Vec<AttributeValue>),
}

impl From<bool> for AttributeValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for AttributeValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for AttributeValue {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<f64> for AttributeValue {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for AttributeValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for AttributeValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<AttributeValue>> From<Vec<T>> for AttributeValue {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl AttributeValue {
    /// Converts the value into one of CEL that borrows its text.
    fn as_cel(&self) -> Box<dyn Val + '_> {
        match self {
            Self::Bool(value) => Box::new(CelBool::from(*value)),
            Self::Int(value) => Box::new(CelInt::from(*value)),
            Self::Number(value) => Box::new(CelDouble::from(*value)),
            Self::Text(value) => Box::new(CelString::from(value.as_str())),
            Self::List(values) => {
                let values: Vec<Box<dyn Val + '_>> = values.iter().map(Self::as_cel).collect();
                Box::new(CelList::from(values))
            }
        }
    }
}

/// The attributes of one unit, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes(BTreeMap<String, AttributeValue>);

impl Attributes {
    /// Sets an attribute; it replaces one of the same name.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<AttributeValue>) {
        self.0.insert(name.into(), value.into());
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        self.insert(name, value);
        self
    }

    /// Returns the value of an attribute, or `None` if the unit does not have it.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.0.get(name)
    }
}

impl<N: Into<String>, V: Into<AttributeValue>> FromIterator<(N, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(attributes: I) -> Self {
        Self(
            attributes
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl VariableResolver for Attributes {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        if variable == PROFILE {
            return Some(CowVal::owned(ProfileMap(self)));
        }
        self.get(variable)
            .map(|value| CowVal::Owned(value.as_cel()))
    }
}

/// A CEL map of all attributes that looks them up and is never built.
#[derive(Debug)]
struct ProfileMap<'a>(&'a Attributes);

impl ProfileMap<'_> {
    /// Returns the key of an index, or an error if it is not a string.
    fn key(index: &dyn Val) -> Result<&str, ExecutionError> {
        index
            .downcast_ref::<CelString>()
            .map(CelString::inner)
            .ok_or_else(|| ExecutionError::UnexpectedType {
                got: index.get_type().name().to_owned(),
                want: "string".to_owned(),
            })
    }
}

impl Val for ProfileMap<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(Self(self.0))
    }
}

impl Container for ProfileMap<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.0.get(Self::key(value)?).is_some())
    }
}

impl Indexer for ProfileMap<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let key = Self::key(index)?;
        let value = self
            .0
            .get(key)
            .ok_or_else(|| ExecutionError::no_such_key(key))?;
        Ok(CowVal::Owned(value.as_cel()))
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let key = Self::key(index)?;
        let value = self
            .0
            .get(key)
            .ok_or_else(|| ExecutionError::no_such_key(key))?;
        Ok(value.as_cel())
    }
}
