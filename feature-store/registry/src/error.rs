//! The errors of this crate.

use crate::purpose::Purpose;

/// A fault of a features file, a stored state, a feature set or an input spec.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The features file is not YAML.
    #[error("features file: not YAML: {detail}")]
    Yaml {
        /// The parser's message, with line and column.
        detail: String,
    },
    /// A key of the features file has a value that is not allowed.
    #[error(
        "features file: {place}: {key} `{value}` is not allowed: {allowed}{}",
        at_line(*line)
    )]
    Definition {
        /// The part of the file: "feature `clicks`", "the file", "entity `customer`".
        place: String,
        /// The key.
        key: String,
        /// Its value as written, cut to 80 characters; empty if it is missing.
        value: String,
        /// The allowed values.
        allowed: String,
        /// The line of the file at which the feature or event begins, from 1, if it is known.
        line: Option<usize>,
    },
    /// A stored state that cannot be used.
    #[error("entity state: {thing} `{value}` is not allowed: {allowed}")]
    State {
        /// The part that is wrong.
        thing: &'static str,
        /// The value found.
        value: String,
        /// The allowed values.
        allowed: &'static str,
    },
    /// A feature set made with another features file.
    #[error("feature set: registry {found:016x} is not allowed: this process has {expected:016x}")]
    ForeignRegistry {
        /// The hash in the set.
        found: u64,
        /// The hash of this process's registry.
        expected: u64,
    },
    /// A purpose that does not exist.
    #[error(
        "purpose `{value}` is not allowed: 1 (recommend), 2 (price), 3 (fraud) or 4 (analytics)"
    )]
    UnknownPurpose {
        /// The number in the message, or the word in the file.
        value: String,
    },
    /// A feature set read for another purpose than the reader's.
    #[error("feature set: read for purpose {found}, which is not allowed here: {expected}")]
    WrongPurpose {
        /// The purpose of the set.
        found: Purpose,
        /// The purpose needed.
        expected: Purpose,
    },
    /// A feature set whose vectors have other lengths than the layout.
    #[error("feature set: {vector} holds {found} values: {expected} are needed for {purpose}")]
    Shape {
        /// The vector: "numbers", "observed", "categories" or "sequences".
        vector: &'static str,
        /// Its length.
        found: usize,
        /// The layout's length.
        expected: usize,
        /// The purpose of the layout.
        purpose: Purpose,
    },
    /// Product counters of another length than the product layout.
    #[error("product counters: {found} values are not allowed: {expected}, as the layout says")]
    Counters {
        /// The number of values given.
        found: usize,
        /// The number of values in the layout.
        expected: usize,
    },
    /// A number that is not finite.
    #[error("`{name}` is {value}, which is not allowed: a finite number")]
    NotFinite {
        /// The feature or input.
        name: String,
        /// NaN or an infinity.
        value: f64,
    },
    /// A feature that does not exist for the purpose.
    #[error("{kind} feature `{name}` is not allowed for {purpose}: {allowed}")]
    UnknownFeature {
        /// The kind of value: "number", "category" or "sequence".
        kind: &'static str,
        /// The name asked for.
        name: String,
        /// The purpose of the layout.
        purpose: String,
        /// The names that exist.
        allowed: String,
    },
    /// An input spec that cannot be followed.
    #[error("input spec: {place}: {key} `{value}` is not allowed: {allowed}")]
    Spec {
        /// The input concerned.
        place: String,
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// The allowed values.
        allowed: String,
    },
}

impl Error {
    /// Returns the error with the line of the file that it concerns, unless it has one.
    pub(crate) fn at_line(mut self, at: Option<usize>) -> Self {
        if let Self::Definition { line, .. } = &mut self
            && line.is_none()
        {
            *line = at;
        }
        self
    }
}

fn at_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(" (line {line})"))
}

/// Returns the value as an error shows it: short, on one line.
pub(crate) fn shown(value: &str) -> String {
    value
        .chars()
        .take(80)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
