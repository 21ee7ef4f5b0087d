//! The values that go into a table and come out of it.

use std::borrow::Cow;
use std::fmt;

use fairlead_domain::{Money, RatePpm};

/// A value of an input or an output. It may borrow its text, so that evaluating copies nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value<'a> {
    /// The label of a category or of an ordered category.
    Label(Cow<'a, str>),
    /// A whole number, in the unit that the column declares.
    Integer(i64),
    /// An amount in the currency that the column declares.
    Money(Money),
    /// A rate.
    Rate(RatePpm),
    /// A truth value.
    Bool(bool),
    /// No value; evaluation refuses it, whatever the cells accept.
    Missing,
}

impl Value<'_> {
    /// Returns the type of the value in words, for messages.
    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Self::Label(_) => "a label",
            Self::Integer(_) => "a whole number",
            Self::Money(_) => "money",
            Self::Rate(_) => "a rate",
            Self::Bool(_) => "a truth value",
            Self::Missing => "missing",
        }
    }

    /// Converts the value into one that owns its text.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Label(label) => Value::Label(Cow::Owned(label.into_owned())),
            Self::Integer(number) => Value::Integer(number),
            Self::Money(money) => Value::Money(money),
            Self::Rate(rate) => Value::Rate(rate),
            Self::Bool(truth) => Value::Bool(truth),
            Self::Missing => Value::Missing,
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => label.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Money(money) => money.fmt(f),
            Self::Rate(rate) => rate.fmt(f),
            Self::Bool(truth) => truth.fmt(f),
            Self::Missing => f.write_str("missing"),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(label: &'a str) -> Self {
        Self::Label(Cow::Borrowed(label))
    }
}

impl From<String> for Value<'_> {
    fn from(label: String) -> Self {
        Self::Label(Cow::Owned(label))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<Money> for Value<'_> {
    fn from(money: Money) -> Self {
        Self::Money(money)
    }
}

impl From<RatePpm> for Value<'_> {
    fn from(rate: RatePpm) -> Self {
        Self::Rate(rate)
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    /// Converts `None` into [`Value::Missing`].
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}
