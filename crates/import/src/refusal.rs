//! The reason why a row is rejected.

use std::fmt;

/// The words between what is wrong and what is allowed, in every message of this project.
const BETWEEN: &str = " is not allowed: ";

/// The fault of a row, and what is allowed instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The fault.
    pub(crate) cause: String,
    /// The allowed values; empty where the cause says all.
    pub(crate) allowed: String,
}

impl Refusal {
    /// Returns a refusal whose cause says all.
    pub(crate) fn plain(cause: impl Into<String>) -> Self {
        Self {
            cause: cause.into(),
            allowed: String::new(),
        }
    }

    /// Returns a refusal of `value` in `column`.
    pub(crate) fn of(column: &str, value: impl fmt::Display, allowed: impl Into<String>) -> Self {
        Self {
            cause: format!("{column} `{value}`"),
            allowed: allowed.into(),
        }
    }

    /// Returns a refusal from the message of a check or of a server.
    pub(crate) fn from_message(message: &str) -> Self {
        match message.split_once(BETWEEN) {
            Some((cause, allowed)) => Self {
                cause: cause.to_owned(),
                allowed: allowed.to_owned(),
            },
            None => Self::plain(message),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.cause)?;
        if self.allowed.is_empty() {
            return Ok(());
        }
        write!(out, "{BETWEEN}{}", self.allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_split_where_what_is_allowed_begins() {
        let refusal = Refusal::of("kind", "wink", "click or search");
        assert_eq!(
            refusal.to_string(),
            "kind `wink` is not allowed: click or search"
        );
        assert_eq!(Refusal::from_message(&refusal.to_string()), refusal);
        let plain = Refusal::from_message("customer_id is missing");
        assert_eq!(plain.to_string(), "customer_id is missing");
        assert_eq!(plain.allowed, "");
    }
}
