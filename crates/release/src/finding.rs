//! Findings on a release, each with the thing, the value and what is allowed.

use std::fmt;

use fairlead_proto::control::v1 as proto;
use serde::Serialize;

/// The longest value that a finding repeats, in characters.
const MAX_VALUE: usize = 80;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It blocks publication.
    Error,
    /// It does not block publication.
    Warning,
}

/// The rule that a finding is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// The same id twice.
    Duplicate,
    /// Something required is absent.
    Missing,
    /// A number outside its range, or not a number.
    Range,
    /// An amount in another currency than the product's.
    Currency,
    /// A name that nothing in the release has.
    Unknown,
    /// Text that does not parse.
    Syntax,
    /// Two statements that cannot both hold.
    Contradiction,
    /// A content hash that is not the content's.
    Hash,
    /// The experiment plan refuses it.
    Experiments,
    /// A rate card that is not a decision table.
    #[serde(rename = "parse")]
    RateCard,
    /// A rate card by which a worse grade pays less.
    #[serde(rename = "not-monotone")]
    NotMonotone,
}

impl Rule {
    /// Returns its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Missing => "missing",
            Self::Range => "range",
            Self::Currency => "currency",
            Self::Unknown => "unknown",
            Self::Syntax => "syntax",
            Self::Contradiction => "contradiction",
            Self::Hash => "hash",
            Self::Experiments => "experiments",
            Self::RateCard => "parse",
            Self::NotMonotone => "not-monotone",
        }
    }
}

/// A fault of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The severity.
    pub severity: Severity,
    /// The rule.
    pub rule: Rule,
    /// The thing: `product "CL-1": min_amount`.
    pub thing: String,
    /// Its value, cut to 80 characters; empty where it is absent.
    pub value: String,
    /// The allowed values.
    pub allowed: String,
    /// The rows of a rate card that it is about, from 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<i32>,
}

impl Finding {
    /// Returns a finding that blocks.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers and texts alike, without a borrow at each of a hundred calls"
    )]
    pub fn error(
        rule: Rule,
        thing: impl Into<String>,
        value: impl ToString,
        allowed: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            rule,
            thing: thing.into(),
            value: value.to_string().chars().take(MAX_VALUE).collect(),
            allowed: allowed.into(),
            rows: Vec::new(),
        }
    }

    /// Returns a finding that does not block.
    pub fn warning(
        rule: Rule,
        thing: impl Into<String>,
        value: impl ToString,
        allowed: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(rule, thing, value, allowed)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            thing,
            value,
            allowed,
            ..
        } = self;
        if value.is_empty() {
            write!(out, "{thing} is missing; allowed: {allowed}")
        } else {
            write!(out, "{thing} is `{value}`; allowed: {allowed}")
        }
    }
}

impl From<&Finding> for proto::Finding {
    fn from(finding: &Finding) -> Self {
        Self {
            severity: match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            }
            .to_owned(),
            rule: finding.rule.name().to_owned(),
            rows: finding.rows.clone(),
            message: finding.to_string(),
            counter_example: finding.value.clone(),
        }
    }
}

/// Returns true if one of the findings blocks publication.
pub fn blocks(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
}

/// Returns what is allowed in words, where it is one of a list of names.
pub(crate) fn one_of<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("{name:?}")).collect();
    match quoted.len() {
        0 => "nothing: the release has none".to_owned(),
        1..=20 => format!("one of {}", quoted.join(", ")),
        count => format!("one of {} and {} more", quoted[..20].join(", "), count - 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_thing_value_and_allowed() {
        let finding = Finding::error(Rule::Range, "product \"F-1\": risk_class", 6, "1 to 5");
        assert_eq!(
            finding.to_string(),
            "product \"F-1\": risk_class is `6`; allowed: 1 to 5"
        );
        let absent = Finding::warning(Rule::Missing, "product \"F-1\": terms", "", "fund terms");
        assert_eq!(
            absent.to_string(),
            "product \"F-1\": terms is missing; allowed: fund terms"
        );
        assert!(blocks(&[absent.clone(), finding]));
        assert!(!blocks(&[absent]));
    }

    #[test]
    fn long_lists_of_names_are_cut() {
        let names: Vec<String> = (0..30).map(|at| format!("s{at}")).collect();
        let text = one_of(names.iter().map(String::as_str));
        assert!(text.ends_with("\"s19\" and 10 more"), "{text}");
        assert_eq!(one_of([]), "nothing: the release has none");
    }
}
