//! The errors for which a strategy, a rule pack, a risk model or a product is refused.

use std::fmt::Display;
use std::ops::RangeInclusive;

use fairlead_domain::{RatePpm, Share};

/// An error in the data that prices follow from. Each names the thing, the value and what is
/// allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value out of its range.
    #[error("{subject}: {field} `{value}` is not allowed: {allowed}")]
    Value {
        /// The thing that holds the value: "strategy cash-loan@3".
        subject: String,
        /// The field.
        field: String,
        /// The value, as text.
        value: String,
        /// The values that are allowed, in words.
        allowed: String,
    },
    /// A name of something that the release does not hold.
    #[error("{subject}: {field} names `{name}`, which the release does not hold")]
    Missing {
        /// The thing that holds the name.
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
        /// The row, from 1, or `None` where the error is not in a row.
        row: Option<usize>,
        /// The message of the table's parser.
        cause: String,
    },
    /// A rate card by which a worse grade pays less.
    #[error("{subject}: rate card: {cause}")]
    NotMonotone {
        /// The strategy.
        subject: String,
        /// The row of the better grade.
        better_row: usize,
        /// The row of the worse grade.
        worse_row: usize,
        /// Inputs of the worse grade for which it happens.
        example: String,
        /// The descent, in words.
        cause: String,
    },
    /// Cash flows without an internal rate of return.
    #[error("no internal rate of return: {0}")]
    NoRate(&'static str),
    /// A default file of this crate that cannot be read: a mistake of the build.
    #[error("default file {file} does not read: {cause}")]
    Default {
        /// The file.
        file: &'static str,
        /// The message of its parser.
        cause: String,
    },
}

/// The errors of one subject, collected so that its owner sees all of them at once.
#[derive(Debug)]
pub(crate) struct Checks {
    subject: String,
    found: Vec<Error>,
}

impl Checks {
    pub(crate) fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            found: Vec::new(),
        }
    }

    /// Notes an error unless `holds`, and returns `holds`.
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

    /// Notes a name of something that the release does not hold.
    pub(crate) fn missing(&mut self, field: &'static str, name: impl Into<String>) {
        self.found.push(Error::Missing {
            subject: self.subject.clone(),
            field,
            name: name.into(),
        });
    }

    /// Notes an error unless `value` is one of `allowed`, and returns whether it is.
    pub(crate) fn within(&mut self, field: &str, value: i64, allowed: RangeInclusive<i64>) -> bool {
        let (low, high) = (allowed.start(), allowed.end());
        let text = format!("{low} to {high}");
        self.require(allowed.contains(&value), field, value, text)
    }

    /// Returns the rate of `ppm`; notes an error unless it is one of `allowed`, and returns the
    /// lowest of those in its place.
    pub(crate) fn rate(&mut self, field: &str, ppm: i64, allowed: RangeInclusive<i64>) -> RatePpm {
        let low = *allowed.start();
        let fits = self.within(field, ppm, allowed);
        RatePpm::new(if fits { ppm } else { low }).unwrap_or_default()
    }

    /// Returns the share of `ppm`; notes an error unless it is one of `allowed`, and returns the
    /// lowest of those in its place.
    pub(crate) fn share(&mut self, field: &str, ppm: i64, allowed: RangeInclusive<i64>) -> Share {
        let low = *allowed.start();
        let fits = self.within(field, ppm, allowed);
        Share::new(if fits { ppm } else { low }).unwrap_or_default()
    }

    pub(crate) fn push(&mut self, error: Error) {
        self.found.push(error);
    }

    pub(crate) fn extend(&mut self, errors: impl IntoIterator<Item = Error>) {
        self.found.extend(errors);
    }

    /// Returns whether no error was noted.
    pub(crate) fn clean(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }

    pub(crate) fn into_errors(self) -> Vec<Error> {
        self.found
    }

    /// Returns the value where no error was noted.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, Vec<Error>> {
        if self.found.is_empty() {
            Ok(value)
        } else {
            Err(self.found)
        }
    }
}
