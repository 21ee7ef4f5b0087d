//! The errors for which a strategy, a rule pack, a risk model or a product is refused.

use std::fmt::Display;
use std::ops::RangeInclusive;

use fairlead_domain::{Currency, RatePpm, Share};

/// The sort of an error in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueFault {
    /// A value that must be there is absent or empty.
    Absent,
    /// A number is out of its range, or no number.
    Range,
    /// A currency is none, or another than it must be.
    Currency,
    /// A name is there twice.
    Duplicate,
    /// The value contradicts another one.
    Contradiction,
}

/// An error in the data that prices follow from. Each names the thing, the value and what is
/// allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value that is not allowed.
    #[error("{subject}: {field} `{}` is not allowed: {allowed}", shown(value))]
    Value {
        /// The sort of the error.
        fault: ValueFault,
        /// The thing that holds the value: `strategy "cash-loan@3"`.
        subject: String,
        /// The field.
        field: String,
        /// The value, as text; empty where it is absent.
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
        /// The names that the release holds.
        known: Vec<String>,
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

fn shown(value: &str) -> &str {
    if value.is_empty() { "absent" } else { value }
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

    /// Notes a contradiction unless `holds`, and returns `holds`.
    pub(crate) fn require(
        &mut self,
        holds: bool,
        field: impl Into<String>,
        value: impl Display,
        allowed: impl Into<String>,
    ) -> bool {
        if !holds {
            self.note(ValueFault::Contradiction, field, value, allowed);
        }
        holds
    }

    /// Notes an absent value unless `present`, and returns `present`.
    pub(crate) fn present(
        &mut self,
        present: bool,
        field: impl Into<String>,
        allowed: impl Into<String>,
    ) -> bool {
        if !present {
            self.note(ValueFault::Absent, field, "", allowed);
        }
        present
    }

    /// Notes a choice that was not made: `value` is the number of an enumeration on the wire.
    pub(crate) fn unset(&mut self, field: &str, value: i32, allowed: &str) {
        self.note(ValueFault::Absent, field, value, allowed);
    }

    /// Notes a name that is there twice, unless it is `new`.
    pub(crate) fn once(&mut self, new: bool, field: &str, name: impl Display, allowed: &str) {
        if !new {
            self.note(ValueFault::Duplicate, field, name, allowed);
        }
    }

    /// Notes an error unless every one of `values` is finite. `shown` is the value in words.
    pub(crate) fn finite<'v>(
        &mut self,
        field: impl Into<String>,
        values: impl IntoIterator<Item = &'v f64>,
        shown: impl Display,
    ) {
        if !values.into_iter().all(|value| value.is_finite()) {
            self.note(ValueFault::Range, field, shown, "finite numbers");
        }
    }

    /// Returns the currency of a code; notes an error and returns `None` where it has none.
    pub(crate) fn currency(&mut self, field: &str, code: &str) -> Option<Currency> {
        let currency = Currency::new(code).ok();
        if currency.is_none() {
            let allowed = "an ISO 4217 code such as CNY";
            self.note(ValueFault::Currency, field, code, allowed);
        }
        currency
    }

    /// Notes an error unless `code` is the `wanted` one, and returns whether it is. `whose` says
    /// whose currency that is.
    pub(crate) fn same_currency(
        &mut self,
        field: &str,
        code: &str,
        wanted: &str,
        whose: &str,
    ) -> bool {
        let same = code == wanted;
        if !same {
            let allowed = format!("{wanted}, {whose}");
            self.note(ValueFault::Currency, field, code, allowed);
        }
        same
    }

    fn note(
        &mut self,
        fault: ValueFault,
        field: impl Into<String>,
        value: impl Display,
        allowed: impl Into<String>,
    ) {
        self.found.push(Error::Value {
            fault,
            subject: self.subject.clone(),
            field: field.into(),
            value: value.to_string().chars().take(80).collect(),
            allowed: allowed.into(),
        });
    }

    /// Notes a name of something that the release does not hold.
    pub(crate) fn missing<'n>(
        &mut self,
        field: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        self.found.push(Error::Missing {
            subject: self.subject.clone(),
            field,
            name: name.to_owned(),
            known: known.into_iter().map(str::to_owned).collect(),
        });
    }

    /// Notes an error unless `value` is one of `allowed`, and returns whether it is.
    pub(crate) fn within(&mut self, field: &str, value: i64, allowed: RangeInclusive<i64>) -> bool {
        let (low, high) = (allowed.start(), allowed.end());
        let fits = allowed.contains(&value);
        if !fits {
            self.note(ValueFault::Range, field, value, format!("{low} to {high}"));
        }
        fits
    }

    /// Notes an error unless `value` is at least `least`.
    pub(crate) fn at_least(&mut self, field: &str, value: i64, least: i64) {
        if value < least {
            self.note(ValueFault::Range, field, value, format!("{least} or more"));
        }
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
