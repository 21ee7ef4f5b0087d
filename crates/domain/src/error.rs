//! The error of every refused value: it names the thing, the value and what is allowed.

/// A value that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{thing} `{value}` is not allowed: {allowed}")]
pub struct Error {
    /// The kind of value: "currency", "customer id".
    pub thing: &'static str,
    /// The value, cut to 80 characters.
    pub value: String,
    /// The values that are allowed, in words.
    pub allowed: &'static str,
}

impl Error {
    pub(crate) fn new(thing: &'static str, value: impl ToString, allowed: &'static str) -> Self {
        let value: String = value.to_string().chars().take(80).collect();
        Self {
            thing,
            value,
            allowed,
        }
    }
}
