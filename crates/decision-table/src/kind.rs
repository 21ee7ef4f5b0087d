//! The kinds of columns, and their text form.

use std::fmt;

use fairlead_domain::{Currency, RatePpm};

use crate::literal;
use crate::schema::{BOUND, SchemaError};

/// The type of a column's values, and its domain: the values over which a table must be complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnKind {
    /// One of several labels without an order.
    Category {
        /// The labels; `None` for an open set, in which any label is a value.
        allowed: Option<Vec<String>>,
    },
    /// One of several labels with an order, such as grades.
    Ordered {
        /// The labels, lowest first.
        order: Vec<String>,
    },
    /// A whole number.
    Integer {
        /// The smallest value.
        min: i64,
        /// The largest value.
        max: i64,
        /// The unit, such as `months`; may be empty.
        unit: String,
    },
    /// An amount of one currency.
    Money {
        /// The currency.
        currency: Currency,
        /// The smallest amount, in minor units.
        min: i64,
        /// The largest amount, in minor units.
        max: i64,
    },
    /// A rate.
    Rate {
        /// The smallest rate.
        min: RatePpm,
        /// The largest rate.
        max: RatePpm,
    },
    /// A truth value; `false` is below `true`.
    Bool,
}

/// The text forms of kinds, listed in messages.
const FORMS: &str = "category, category(app, web), ordered(A, B, C), integer(1..60 months), \
                     money(CNY, 0..200000), rate, rate(0%..36%), or bool";

impl ColumnKind {
    /// Makes an open category, in which any label is a value.
    pub const fn open_category() -> Self {
        Self::Category { allowed: None }
    }

    /// Makes a category of these labels.
    pub fn category<S: Into<String>>(allowed: impl IntoIterator<Item = S>) -> Self {
        Self::Category {
            allowed: Some(allowed.into_iter().map(Into::into).collect()),
        }
    }

    /// Makes an ordered category of these labels, lowest first.
    pub fn ordered<S: Into<String>>(order: impl IntoIterator<Item = S>) -> Self {
        Self::Ordered {
            order: order.into_iter().map(Into::into).collect(),
        }
    }

    /// Reads a kind: `category`, `category(app, web)`, `ordered(A, B, C)` (lowest first),
    /// `integer(1..60 months)`, `money(CNY, 0..200000)` in major units, `rate(0%..36%)`, `bool`.
    /// Bounds of numbers may be left out: then rates go from 0% to 10000%, and other numbers to
    /// 10^15 either way.
    ///
    /// # Errors
    /// Returns a [`SchemaError`] with the text, the problem, and the forms that are allowed.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let refuse = |problem: String| SchemaError {
            thing: "a kind".to_owned(),
            value: text.to_owned(),
            problem,
            allowed: FORMS.to_owned(),
        };
        let (name, arguments) = match text.trim().split_once('(') {
            None => (text.trim(), None),
            Some((name, rest)) => {
                let arguments = rest.strip_suffix(')');
                let arguments =
                    arguments.ok_or_else(|| refuse("it has no closing bracket".into()))?;
                (name.trim(), Some(arguments.trim()))
            }
        };
        let kind = match (name, arguments) {
            ("category", None) => Ok(Self::open_category()),
            ("category", Some(labels)) => read_labels(labels).map(Self::category),
            ("ordered", Some(labels)) => read_labels(labels).map(Self::ordered),
            ("integer", arguments) => integer(arguments),
            ("money", Some(arguments)) => money(arguments),
            ("rate", arguments) => rate(arguments),
            ("bool", None) => Ok(Self::Bool),
            _ => Err("there is no such kind".to_owned()),
        };
        let kind = kind.map_err(refuse)?;
        kind.check("a kind")?;
        Ok(kind)
    }

    /// Returns `true` if values of the kind have an order: every kind but a category.
    pub const fn is_ordered(&self) -> bool {
        !matches!(self, Self::Category { .. })
    }

    /// Describes the literals of a cell in words, for messages.
    pub(crate) fn literals(&self) -> String {
        match self {
            Self::Category { allowed: None } => {
                "labels; in quotes where they hold signs".to_owned()
            }
            Self::Category {
                allowed: Some(labels),
            }
            | Self::Ordered { order: labels } => {
                let labels: Vec<String> = labels
                    .iter()
                    .map(|label| literal::write_label(label))
                    .collect();
                labels.join(", ")
            }
            Self::Integer { min, max, unit } => {
                let space = if unit.is_empty() { "" } else { " " };
                format!("whole numbers from {min} to {max}{space}{unit}")
            }
            Self::Money { currency, min, max } => format!(
                "{currency} from {} to {}, with at most {} decimal places",
                literal::write(self, *min),
                literal::write(self, *max),
                currency.minor_digits()
            ),
            Self::Rate { min, max } => format!(
                "rates from {} to {}, such as 14.5% or 145000ppm",
                literal::write(self, min.ppm()),
                literal::write(self, max.ppm())
            ),
            Self::Bool => "true, false".to_owned(),
        }
    }

    /// Checks labels and bounds; `thing` names the owner of the kind in the error.
    pub(crate) fn check(&self, thing: &str) -> Result<(), SchemaError> {
        let refuse = |problem: String, allowed: &str| {
            Err(SchemaError {
                thing: thing.to_owned(),
                value: self.to_string(),
                problem,
                allowed: allowed.to_owned(),
            })
        };
        let (min, max) = match self {
            Self::Category { allowed: None } | Self::Bool => return Ok(()),
            Self::Category {
                allowed: Some(labels),
            }
            | Self::Ordered { order: labels } => {
                return match labels_problem(labels) {
                    Some(problem) => refuse(
                        problem,
                        "one label or more, each once, without quotes or space around it",
                    ),
                    None => Ok(()),
                };
            }
            Self::Integer { min, max, .. } | Self::Money { min, max, .. } => (*min, *max),
            Self::Rate { min, max } => (min.ppm(), max.ppm()),
        };
        if min > max || min < -BOUND || max > BOUND {
            return refuse(
                format!("its bounds are {min} and {max}"),
                "a smallest value that is not above the largest, both within 10^15",
            );
        }
        Ok(())
    }
}

/// Returns the first problem of a list of labels, or `None` if it has none.
fn labels_problem(labels: &[String]) -> Option<String> {
    if labels.is_empty() {
        return Some("it has no labels".to_owned());
    }
    for (index, label) in labels.iter().enumerate() {
        if label.is_empty() || label.trim() != label || label.contains('"') {
            return Some(format!("{label:?} is no label"));
        }
        if labels[..index].contains(label) {
            return Some(format!("{label:?} stands there twice"));
        }
    }
    None
}

/// Reads a list of labels.
fn read_labels(text: &str) -> Result<Vec<String>, String> {
    literal::split_list(text)
        .into_iter()
        .map(|part| literal::label(part).map(str::to_owned))
        .collect()
}

/// Reads `min..max`, each with `read`.
fn bounds<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<(T, T), String> {
    let (min, max) = text
        .split_once("..")
        .ok_or_else(|| format!("{text:?} is no range such as 1..60"))?;
    Ok((read(min.trim())?, read(max.trim())?))
}

/// Reads the arguments of `integer(...)`.
fn integer(arguments: Option<&str>) -> Result<ColumnKind, String> {
    let unbounded = |unit| ColumnKind::Integer {
        min: -BOUND,
        max: BOUND,
        unit,
    };
    let Some(arguments) = arguments else {
        return Ok(unbounded(String::new()));
    };
    let (range, unit) = match arguments.split_once(char::is_whitespace) {
        Some((range, unit)) => (range, unit.trim().to_owned()),
        None => (arguments, String::new()),
    };
    let (min, max) = bounds(range, |text| {
        literal::number(&unbounded(String::new()), text)
    })?;
    Ok(ColumnKind::Integer { min, max, unit })
}

/// Reads the arguments of `money(...)`.
fn money(arguments: &str) -> Result<ColumnKind, String> {
    let (code, range) = match arguments.split_once(',') {
        Some((code, range)) => (code.trim(), Some(range.trim())),
        None => (arguments, None),
    };
    let currency = Currency::new(code).map_err(|error| error.to_string())?;
    let unbounded = ColumnKind::Money {
        currency,
        min: -BOUND,
        max: BOUND,
    };
    let Some(range) = range else {
        return Ok(unbounded);
    };
    let (min, max) = bounds(range, |text| literal::number(&unbounded, text))?;
    Ok(ColumnKind::Money { currency, min, max })
}

/// Reads the arguments of `rate(...)`.
fn rate(arguments: Option<&str>) -> Result<ColumnKind, String> {
    let widest = ColumnKind::Rate {
        min: RatePpm::ZERO,
        max: RatePpm::MAX,
    };
    let Some(range) = arguments else {
        return Ok(widest);
    };
    let (min, max) = bounds(range, |text| {
        RatePpm::new(literal::number(&widest, text)?).map_err(|error| error.to_string())
    })?;
    Ok(ColumnKind::Rate { min, max })
}

impl fmt::Display for ColumnKind {
    /// Writes the text that [`ColumnKind::parse`] reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = |labels: &[String]| {
            let labels: Vec<String> = labels
                .iter()
                .map(|label| literal::write_label(label))
                .collect();
            labels.join(", ")
        };
        let range = |min: i64, max: i64| {
            format!(
                "{}..{}",
                literal::write(self, min),
                literal::write(self, max)
            )
        };
        match self {
            Self::Category { allowed: None } => f.write_str("category"),
            Self::Category {
                allowed: Some(labels),
            } => write!(f, "category({})", written(labels)),
            Self::Ordered { order } => write!(f, "ordered({})", written(order)),
            Self::Integer { min, max, unit } if unit.is_empty() => {
                write!(f, "integer({})", range(*min, *max))
            }
            Self::Integer { min, max, unit } => write!(f, "integer({} {unit})", range(*min, *max)),
            Self::Money { currency, min, max } => {
                write!(f, "money({currency}, {})", range(*min, *max))
            }
            Self::Rate { min, max } => write!(f, "rate({})", range(min.ppm(), max.ppm())),
            Self::Bool => f.write_str("bool"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_and_written_back() {
        let texts = [
            ("category", "category"),
            ("category( app , web )", "category(app, web)"),
            ("category(\"a, b\", c)", "category(\"a, b\", c)"),
            ("ordered(A,B,C)", "ordered(A, B, C)"),
            ("integer(1..60)", "integer(1..60)"),
            ("integer(1..60 months)", "integer(1..60 months)"),
            ("integer(-5..5)", "integer(-5..5)"),
            ("integer", "integer(-1000000000000000..1000000000000000)"),
            ("money(CNY, 0..200000)", "money(CNY, 0..200000)"),
            ("money(CNY,0.5..99.99)", "money(CNY, 0.50..99.99)"),
            (
                "money(JPY)",
                "money(JPY, -1000000000000000..1000000000000000)",
            ),
            ("rate", "rate(0%..10000%)"),
            ("rate(1.5%..36%)", "rate(1.5%..36%)"),
            ("bool", "bool"),
        ];
        for (text, written) in texts {
            let kind = ColumnKind::parse(text).expect(text);
            assert_eq!(kind.to_string(), written);
            assert_eq!(ColumnKind::parse(written), Ok(kind));
        }
        let money = ColumnKind::parse("money(CNY, 0..200000)");
        assert_eq!(
            money,
            Ok(ColumnKind::Money {
                currency: Currency::CNY,
                min: 0,
                max: 20_000_000
            })
        );
    }

    #[test]
    fn what_is_no_kind_is_refused_with_what_is_allowed() {
        let texts = [
            ("", "no such kind"),
            ("float", "no such kind"),
            ("bool(x)", "no such kind"),
            ("ordered", "no such kind"),
            ("money", "no such kind"),
            ("integer(1..60", "no closing bracket"),
            ("integer(60..1)", "bounds are 60 and 1"),
            ("integer(1-60)", "no range"),
            ("integer(0..1000000000000001)", "bounds"),
            ("ordered()", "no label"),
            ("ordered(A, A)", "twice"),
            ("category(A, )", "no label"),
            ("money(yuan, 0..1)", "currency"),
            ("money(CNY, 0..0.001)", "decimal places"),
            ("rate(0..36%)", "no unit"),
            ("rate(0%..10001%)", "rate"),
        ];
        for (text, problem) in texts {
            let error = ColumnKind::parse(text).expect_err(text).to_string();
            assert!(error.contains(problem), "{text}: {error}");
            assert!(error.contains("; allowed: "), "{text}: {error}");
        }
    }
}
