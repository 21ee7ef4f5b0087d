//! The label of a strategy version, which prices and records carry.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A strategy and one of its versions, written `cash-loan@3`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StrategyLabel {
    /// The strategy.
    pub strategy_id: String,
    /// Its version.
    pub version: i64,
}

impl StrategyLabel {
    /// Returns the label of a version.
    pub fn new(strategy_id: impl Into<String>, version: i64) -> Self {
        Self {
            strategy_id: strategy_id.into(),
            version,
        }
    }
}

impl fmt::Display for StrategyLabel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}@{}", self.strategy_id, self.version)
    }
}

impl FromStr for StrategyLabel {
    type Err = Error;

    /// Reads a label. An id may hold an `@` itself: the last one begins the version.
    fn from_str(text: &str) -> Result<Self, Error> {
        text.rsplit_once('@')
            .and_then(|(id, version)| Some(Self::new(id, version.parse().ok()?)))
            .filter(|label| !label.strategy_id.is_empty())
            .ok_or_else(|| {
                Error::new(
                    "strategy label",
                    text,
                    "a strategy and its version, such as cash-loan@3",
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_names_no_version_is_refused() {
        for bad in ["", "cash-loan", "cash-loan@", "cash-loan@three", "@3"] {
            let error = bad.parse::<StrategyLabel>().unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "strategy label `{bad}` is not allowed: a strategy and its version, such as cash-loan@3"
                )
            );
        }
    }

    proptest! {
        #[test]
        fn a_label_reads_back(id in "\\PC{1,20}", version in any::<i64>()) {
            let label = StrategyLabel::new(id, version);
            prop_assert_eq!(label.to_string().parse(), Ok(label));
        }
    }
}
