//! What a strategy, a rule pack, a risk model or a product may be refused for.

use std::fmt::Display;

/// Why something cannot be priced with. Each names the thing, the value and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value out of its range.
    #[error("{subject}: {field} `{value}` is not allowed: {allowed}")]
    Value {
        /// What holds the value: "strategy cash-loan@3".
        subject: String,
        /// The field.
        field: String,
        /// The value, as text.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A name that leads nowhere.
    #[error("{subject}: {field} names `{name}`, which the release does not hold")]
    Missing {
        /// What holds the name.
        subject: String,
        /// The field.
        field: &'static str,
        /// The name.
        name: String,
    },
    /// A rate card that is not a decision table.
    #[error("{subject}: rate card: {cause}")]
    RateCard {
        /// The strategy.
        subject: String,
        /// The row, from 1; nothing for the table as a whole.
        row: Option<usize>,
        /// What the table's parser says.
        cause: String,
    },
    /// A rate card by which a worse grade pays less.
    #[error("{subject}: rate card: {cause}")]
    NotMonotone {
        /// The strategy.
        subject: String,
        /// The row of the better grade, and that of the worse.
        rows: (usize, usize),
        /// The inputs of the worse grade.
        example: String,
        /// In words.
        cause: String,
    },
    /// Cash flows without an internal rate of return.
    #[error("no internal rate of return: {0}")]
    NoRate(&'static str),
    /// A default file of this crate that does not read: a mistake of the build.
    #[error("default file {file} does not read: {cause}")]
    Default {
        /// The file.
        file: &'static str,
        /// What its parser says.
        cause: String,
    },
}

/// Collects every error of one subject, so that its owner sees all of them at once.
#[derive(Debug)]
pub(crate) struct Checks {
    subject: String,
    found: Vec<Error>,
}

impl Checks {
    pub(crate) fn of(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            found: Vec::new(),
        }
    }

    /// Notes a value as refused unless `holds`.
    pub(crate) fn require(
        &mut self,
        holds: bool,
        field: impl Into<String>,
        value: impl Display,
        allowed: impl Into<String>,
    ) -> bool {
        if !holds {
            self.found.push(Error::Value {
                subject: self.subject.clone(),
                field: field.into(),
                value: value.to_string().chars().take(80).collect(),
                allowed: allowed.into(),
            });
        }
        holds
    }

    /// Notes a name that leads nowhere.
    pub(crate) fn missing(&mut self, field: &'static str, name: impl Into<String>) {
        self.found.push(Error::Missing {
            subject: self.subject.clone(),
            field,
            name: name.into(),
        });
    }

    /// Notes a whole number within bounds, both included.
    pub(crate) fn between(&mut self, field: &str, value: i64, low: i64, high: i64) -> bool {
        self.require(
            (low..=high).contains(&value),
            field,
            value,
            format!("{low} to {high}"),
        )
    }

    pub(crate) fn push(&mut self, error: Error) {
        self.found.push(error);
    }

    pub(crate) fn extend(&mut self, errors: impl IntoIterator<Item = Error>) {
        self.found.extend(errors);
    }

    pub(crate) fn clean(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }

    pub(crate) fn into_errors(self) -> Vec<Error> {
        self.found
    }

    /// The value when nothing was found.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, Vec<Error>> {
        if self.found.is_empty() {
            Ok(value)
        } else {
            Err(self.found)
        }
    }
}
