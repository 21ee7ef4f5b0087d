//! The parameters that a release and the arms of experiments may change, each with its type, its
//! range and its default.
//!
//! One table declares them all; a service reads [`Parameters`]. A parameter that is not in the
//! table does not exist: publishing it is refused.

use std::collections::BTreeMap;

use fairlead_experiments as experiments;

use crate::finding::{Finding, Rule, one_of};

/// Every parameter with its value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parameters {
    /// The parameters of recall.
    pub recall: RecallParameters,
    /// The parameters of ranking.
    pub ranking: RankingParameters,
    /// The parameters of the slate.
    pub slate: SlateParameters,
}

/// `recall.*`
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecallParameters {
    /// Candidates asked of the two-tower index.
    pub two_tower_limit: usize,
    /// Candidates asked of item-to-item.
    pub item_to_item_limit: usize,
    /// Candidates asked of the popular list.
    pub popular_limit: usize,
    /// Candidates asked of the newly listed.
    pub new_limit: usize,
    /// Impressions in seven days from which a product is no longer recalled; 0: no cap.
    pub repetition_cap: usize,
}

/// `ranking.*`
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RankingParameters {
    /// Version of the ranker; empty takes the release's default for the role.
    pub model_version: String,
}

/// `slate.*`
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SlateParameters {
    /// The order of the slate.
    pub order: SlateOrder,
    /// Most products of one kind next to each other.
    pub max_same_kind_in_a_row: usize,
    /// Most products of one category.
    pub category_cap: usize,
    /// Probability that a place is explored, 0 to 1.
    pub exploration: f64,
    /// The number of ranked candidates that are priced.
    pub price_depth: usize,
    /// Least probability of being taken, as a share of the best candidate's, 0 to 1.
    pub utility_floor: f64,
}

/// The order of a slate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SlateOrder {
    /// Expected value at the price shown.
    #[default]
    ExpectedValue,
    /// Probability of a conversion.
    Conversion,
}

/// The values that a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AllowedValues {
    /// A whole number, `least` to `most`.
    Count { least: usize, most: usize },
    /// 0 to 1.
    Share,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any text without control characters, at most 64 characters.
    Text,
}

/// A value that was read.
enum Value<'v> {
    Count(usize),
    Share(f64),
    Text(&'v str),
}

/// A declared parameter: the row of the table.
#[derive(Debug)]
pub struct Declared {
    /// Its name: `slate.order`.
    pub name: &'static str,
    /// The value without release or arm.
    pub default: &'static str,
    /// Its effect.
    pub doc: &'static str,
    kind: AllowedValues,
    set: fn(&mut Parameters, Value<'_>),
}

const ORDERS: &[&str] = &["expected_value", "conversion"];
/// A request asks for at most a thousand candidates.
const LIMIT: AllowedValues = AllowedValues::Count {
    least: 0,
    most: 1_000,
};

/// Sets a count in a field. A value of another kind cannot come: the kind stands in the same row.
macro_rules! at {
    ($variant:ident, $area:ident . $field:ident) => {
        |parameters, value| {
            if let Value::$variant(value) = value {
                parameters.$area.$field = value.into();
            }
        }
    };
}

const TABLE: &[Declared] = &[
    Declared {
        name: "ranking.model_version",
        default: "",
        doc: "version of the ranker; empty takes the release's default",
        kind: AllowedValues::Text,
        set: at!(Text, ranking.model_version),
    },
    Declared {
        name: "recall.item_to_item.limit",
        default: "60",
        doc: "candidates asked of item-to-item",
        kind: LIMIT,
        set: at!(Count, recall.item_to_item_limit),
    },
    Declared {
        name: "recall.new.limit",
        default: "20",
        doc: "candidates asked of the newly listed",
        kind: LIMIT,
        set: at!(Count, recall.new_limit),
    },
    Declared {
        name: "recall.popular.limit",
        default: "60",
        doc: "candidates asked of the popular list",
        kind: LIMIT,
        set: at!(Count, recall.popular_limit),
    },
    Declared {
        name: "recall.repetition_cap",
        default: "20",
        doc: "impressions in seven days from which a product is not recalled; 0: no cap",
        kind: AllowedValues::Count {
            least: 0,
            most: 10_000,
        },
        set: at!(Count, recall.repetition_cap),
    },
    Declared {
        name: "recall.two_tower.limit",
        default: "120",
        doc: "candidates asked of the two-tower index",
        kind: LIMIT,
        set: at!(Count, recall.two_tower_limit),
    },
    Declared {
        name: "slate.category_cap",
        default: "3",
        doc: "most products of one category",
        kind: AllowedValues::Count {
            least: 1,
            most: 1_000,
        },
        set: at!(Count, slate.category_cap),
    },
    Declared {
        name: "slate.exploration",
        default: "0.05",
        doc: "probability that a place is explored",
        kind: AllowedValues::Share,
        set: at!(Share, slate.exploration),
    },
    Declared {
        name: "slate.max_same_kind_in_a_row",
        default: "2",
        doc: "most products of one kind next to each other",
        kind: AllowedValues::Count {
            least: 1,
            most: 1_000,
        },
        set: at!(Count, slate.max_same_kind_in_a_row),
    },
    Declared {
        name: "slate.order",
        default: "expected_value",
        doc: "what the slate is ordered by",
        kind: AllowedValues::Choice(ORDERS),
        set: at!(Text, slate.order),
    },
    Declared {
        name: "slate.price_depth",
        default: "20",
        doc: "how many ranked candidates are priced",
        // Pricing takes at most 200 items in one call.
        kind: AllowedValues::Count {
            least: 1,
            most: 200,
        },
        set: at!(Count, slate.price_depth),
    },
    Declared {
        name: "slate.utility_floor",
        default: "0.1",
        doc: "least probability of being taken, as a share of the best candidate's; what is under it comes last",
        kind: AllowedValues::Share,
        set: at!(Share, slate.utility_floor),
    },
];

/// Returns every declared parameter, by name.
pub fn declared() -> &'static [Declared] {
    TABLE
}

impl From<&str> for SlateOrder {
    /// Returns the order of a word that `AllowedValues::Choice` let through.
    fn from(word: &str) -> Self {
        match word {
            "conversion" => Self::Conversion,
            _ => Self::ExpectedValue,
        }
    }
}

impl Declared {
    /// Returns the values that it takes, in words.
    pub fn allowed(&self) -> String {
        match self.kind {
            AllowedValues::Count { least, most } => format!("a whole number, {least} to {most}"),
            AllowedValues::Share => "a number, 0 to 1".to_owned(),
            AllowedValues::Choice(words) => one_of(words.iter().copied()),
            AllowedValues::Text => "at most 64 characters without control characters".to_owned(),
        }
    }

    /// Returns the value of a text, or `None` if it is not allowed.
    fn read<'v>(&self, text: &'v str) -> Option<Value<'v>> {
        match self.kind {
            AllowedValues::Count { least, most } => {
                let count = text.parse().ok()?;
                (least..=most)
                    .contains(&count)
                    .then_some(Value::Count(count))
            }
            AllowedValues::Share => {
                let share = text.parse().ok()?;
                (0.0..=1.0).contains(&share).then_some(Value::Share(share))
            }
            AllowedValues::Choice(words) => words.contains(&text).then_some(Value::Text(text)),
            AllowedValues::Text => {
                let fits = text.chars().count() <= 64 && !text.chars().any(char::is_control);
                fits.then_some(Value::Text(text))
            }
        }
    }

    /// Returns the parameter as the experiments crate checks an arm's value against it.
    pub(crate) fn for_plan(&self, default: &str) -> experiments::Parameter {
        let kind = match self.kind {
            AllowedValues::Count { .. } => experiments::ParameterKind::Int,
            AllowedValues::Share => experiments::ParameterKind::Number,
            AllowedValues::Choice(_) | AllowedValues::Text => experiments::ParameterKind::Text,
        };
        experiments::Parameter::new(self.name, kind, default)
    }
}

impl Parameters {
    /// Returns the defaults with `values` in their place.
    ///
    /// # Errors
    /// Every name that is not declared, and every value that is not allowed.
    pub fn resolve(values: &BTreeMap<String, String>) -> Result<Self, Vec<Finding>> {
        let mut parameters = Self::default();
        for declared in TABLE {
            if let Some(value) = declared.read(declared.default) {
                (declared.set)(&mut parameters, value);
            }
        }
        parameters.with(values)
    }

    /// Returns these parameters with an arm's `values` in their place.
    ///
    /// # Errors
    /// Every name that is not declared, and every value that is not allowed.
    pub fn with(&self, values: &BTreeMap<String, String>) -> Result<Self, Vec<Finding>> {
        let mut parameters = self.clone();
        let mut findings = Vec::new();
        for (name, text) in values {
            match find(name) {
                None => findings.push(unknown("parameter", name)),
                Some(declared) => match declared.read(text) {
                    Some(value) => (declared.set)(&mut parameters, value),
                    None => {
                        findings.push(not_allowed(&format!("parameter {name:?}"), text, declared));
                    }
                },
            }
        }
        if findings.is_empty() {
            Ok(parameters)
        } else {
            Err(findings)
        }
    }
}

fn find(name: &str) -> Option<&'static Declared> {
    TABLE.iter().find(|declared| declared.name == name)
}

fn unknown(thing: &str, name: &str) -> Finding {
    let allowed = one_of(TABLE.iter().map(|declared| declared.name));
    Finding::error(Rule::Unknown, thing, name, allowed)
}

fn not_allowed(thing: &str, text: &str, declared: &Declared) -> Finding {
    let shown = if text.is_empty() { "\"\"" } else { text };
    Finding::error(Rule::Range, thing, shown, declared.allowed())
}

/// Returns every finding on the parameters that an arm sets.
pub(crate) fn check_arm(arm: &str, values: &BTreeMap<String, String>) -> Vec<Finding> {
    values
        .iter()
        .filter_map(|(name, text)| match find(name) {
            None => Some(unknown(&format!("{arm}: parameter"), name)),
            Some(declared) => match declared.read(text) {
                Some(_) => None,
                None => Some(not_allowed(
                    &format!("{arm}: parameter {name:?}"),
                    text,
                    declared,
                )),
            },
        })
        .collect()
}

#[cfg(test)]
#[path = "parameters_tests.rs"]
mod tests;
