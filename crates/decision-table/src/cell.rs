//! The grammar of cells.

use crate::domain::Domain;
use crate::kind::ColumnKind;
use crate::literal;
use crate::set::{Interval, Set};
use crate::value::Value;

/// The problem with a cell, and what is allowed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CellError {
    pub(crate) problem: String,
    pub(crate) allowed: String,
}

/// Reads an input cell: returns the set of values that it accepts, which is never empty.
pub(crate) fn input(text: &str, domain: &mut Domain) -> Result<Set, CellError> {
    let text = text.trim();
    if text.is_empty() || text == "-" {
        return Ok(domain.all());
    }
    accepted(text, domain).map_err(|problem| CellError {
        problem,
        allowed: allowed(domain.kind()),
    })
}

/// Reads an output cell: returns its one value.
pub(crate) fn output(text: &str, domain: &mut Domain) -> Result<Value<'static>, CellError> {
    let text = text.trim();
    let read = if text.is_empty() || text == "-" {
        Err("there is no value".to_owned())
    } else {
        literal(text, domain).and_then(|position| {
            within(Interval::single(position), domain).map(|_| domain.value(position))
        })
    };
    read.map_err(|problem| CellError {
        problem,
        allowed: format!("one of {}", domain.kind().literals()),
    })
}

/// Describes the input cells of a kind for messages.
fn allowed(kind: &ColumnKind) -> String {
    let forms = match kind {
        ColumnKind::Category { .. } | ColumnKind::Bool => "-, one of them, a list, not ...",
        ColumnKind::Ordered { .. } => "-, one of them, a list, A..C from low to high, not ...",
        _ => {
            "-, one of them, [a..b], (a..b], [a..b), (a..b), >= a, > a, <= a, < a, a list, not ..."
        }
    };
    format!("{}; as {forms}", kind.literals())
}

/// Reads a list of values, or `not` and a list.
fn accepted(text: &str, domain: &mut Domain) -> Result<Set, String> {
    let (negated, list) = match text.strip_prefix("not") {
        Some(rest) if rest.starts_with(char::is_whitespace) => (true, rest.trim_start()),
        _ => (false, text),
    };
    if is_number(domain.kind()) && has_thousands(list) {
        return Err(format!(
            "{list:?} may be a number with thousands or a list: write 1000, or a space after the \
             comma of a list"
        ));
    }
    let mut intervals = Vec::new();
    for part in literal::split_list(list) {
        intervals.push(interval(part, domain)?);
    }
    let set = Set::union(intervals);
    if !negated {
        return Ok(set);
    }
    let rest = set.complement(domain.bounds());
    if rest.is_empty() {
        Err("it accepts no value at all".to_owned())
    } else {
        Ok(rest)
    }
}

const fn is_number(kind: &ColumnKind) -> bool {
    matches!(
        kind,
        ColumnKind::Integer { .. } | ColumnKind::Money { .. } | ColumnKind::Rate { .. }
    )
}

/// Returns `true` if a comma stands between a digit and exactly three digits, as in `1,000`.
fn has_thousands(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    bytes.iter().enumerate().any(|(at, byte)| {
        *byte == b','
            && at > 0
            && is_digit(at - 1)
            && (1..=3).all(|next| is_digit(at + next))
            && !is_digit(at + 4)
    })
}

/// Reads one part of a list.
fn interval(part: &str, domain: &mut Domain) -> Result<Interval, String> {
    if part.is_empty() {
        return Err("a part between commas is empty".to_owned());
    }
    match domain.kind() {
        ColumnKind::Integer { .. } | ColumnKind::Money { .. } | ColumnKind::Rate { .. } => {
            numbers(part, domain)
        }
        ColumnKind::Ordered { .. } => labels_in_order(part, domain),
        ColumnKind::Category { .. } | ColumnKind::Bool => {
            literal(part, domain).map(Interval::single)
        }
    }
}

/// Reads one value of any kind; returns its position.
fn literal(text: &str, domain: &mut Domain) -> Result<i64, String> {
    match domain.kind() {
        ColumnKind::Category { .. } | ColumnKind::Ordered { .. } => {
            let label = literal::label(text)?;
            domain
                .mention(label)
                .ok_or_else(|| format!("{label:?} is none of the labels"))
        }
        ColumnKind::Bool => match text {
            "true" => Ok(1),
            "false" => Ok(0),
            _ => Err(format!("{text:?} is neither true nor false")),
        },
        kind => literal::number(kind, text),
    }
}

/// Reads a label, or a range of labels as `A..C`.
fn labels_in_order(part: &str, domain: &mut Domain) -> Result<Interval, String> {
    let single = literal(part, domain);
    let (Err(problem), Some((low, high))) = (&single, part.split_once("..")) else {
        return single.map(Interval::single);
    };
    let (Ok(start), Ok(end)) = (literal(low.trim(), domain), literal(high.trim(), domain)) else {
        return Err(problem.clone());
    };
    if start > end {
        return Err(format!("{part:?} goes from high to low"));
    }
    Ok(Interval { start, end })
}

/// Reads a number, a range in brackets, or a comparison.
fn numbers(part: &str, domain: &Domain) -> Result<Interval, String> {
    let read = |text: &str| literal::number(domain.kind(), text.trim());
    let bounds = domain.bounds();
    // Longest signs first: `>=` before `>`.
    let interval = if let Some(bound) = part.strip_prefix(">=") {
        Interval {
            start: read(bound)?,
            ..bounds
        }
    } else if let Some(bound) = part.strip_prefix('>') {
        Interval {
            start: read(bound)?.saturating_add(1),
            ..bounds
        }
    } else if let Some(bound) = part.strip_prefix("<=") {
        Interval {
            end: read(bound)?,
            ..bounds
        }
    } else if let Some(bound) = part.strip_prefix('<') {
        Interval {
            end: read(bound)?.saturating_sub(1),
            ..bounds
        }
    } else if part.starts_with(['[', '(']) {
        bracketed(part, &read)?
    } else if part.contains("..") {
        return Err(format!(
            "{part:?} does not say whether its ends belong to it"
        ));
    } else {
        Interval::single(read(part)?)
    };
    within(interval, domain)
}

/// Reads a range in brackets, of which a round one excludes its end.
fn bracketed(part: &str, read: &impl Fn(&str) -> Result<i64, String>) -> Result<Interval, String> {
    let shape = || format!("{part:?} is no range");
    let open = part.starts_with('(');
    let inner = &part[1..];
    let (inner, open_end) = match (inner.strip_suffix(']'), inner.strip_suffix(')')) {
        (Some(inner), _) => (inner, false),
        (None, Some(inner)) => (inner, true),
        (None, None) => return Err(shape()),
    };
    let (low, high) = inner.split_once("..").ok_or_else(shape)?;
    let (low, high) = (read(low)?, read(high)?);
    Ok(Interval {
        start: low.saturating_add(i64::from(open)),
        end: high.saturating_sub(i64::from(open_end)),
    })
}

/// Checks that an interval is not empty and lies within its domain.
fn within(interval: Interval, domain: &Domain) -> Result<Interval, String> {
    let bounds = domain.bounds();
    if interval.start > interval.end {
        return Err("it accepts no value at all".to_owned());
    }
    if interval.start < bounds.start || interval.end > bounds.end {
        return Err("it reaches beyond what the column holds".to_owned());
    }
    Ok(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(kind: &str, text: &str) -> Result<Vec<(i64, i64)>, String> {
        let mut domain = Domain::new(&ColumnKind::parse(kind).expect(kind));
        let set = input(text, &mut domain).map_err(|error| error.problem)?;
        let intervals = set.intervals().iter();
        Ok(intervals
            .map(|interval| (interval.start, interval.end))
            .collect())
    }

    #[test]
    fn cells_of_numbers() {
        let kind = "integer(1..60 months)";
        let cells: [(&str, &[(i64, i64)]); 15] = [
            ("", &[(1, 60)]),
            (" - ", &[(1, 60)]),
            ("12", &[(12, 12)]),
            ("[6..12]", &[(6, 12)]),
            ("(6..12]", &[(7, 12)]),
            ("[6..12)", &[(6, 11)]),
            ("( 6 .. 12 )", &[(7, 11)]),
            (">= 48", &[(48, 60)]),
            (">48", &[(49, 60)]),
            ("<= 6", &[(1, 6)]),
            ("< 61", &[(1, 60)]),
            ("12, 24,36", &[(12, 12), (24, 24), (36, 36)]),
            ("[1..6], 7, >= 50", &[(1, 7), (50, 60)]),
            ("not 12", &[(1, 11), (13, 60)]),
            ("not [1..6], > 12", &[(7, 12)]),
        ];
        for (text, expected) in cells {
            assert_eq!(accepts(kind, text), Ok(expected.to_vec()), "{text}");
        }
    }

    #[test]
    fn cells_of_numbers_that_are_refused() {
        let cells = [
            ("6..12", "does not say whether its ends belong"),
            ("[12..6]", "accepts no value"),
            ("(6..7)", "accepts no value"),
            ("[6..61]", "reaches beyond"),
            ("0", "reaches beyond"),
            ("< 1", "accepts no value"),
            ("< 100", "reaches beyond"),
            ("> 60", "accepts no value"),
            ("[6..12", "is no range"),
            ("[6-12]", "is no range"),
            ("12,,24", "is empty"),
            ("twelve", "is no whole number"),
            ("12.5", "is no whole number"),
            ("1,000", "thousands"),
            ("not -", "is no whole number"),
            ("not [1..60]", "accepts no value"),
            ("[99999999999999999999..12]", "too large"),
            (">= ", "is no whole number"),
        ];
        for (text, problem) in cells {
            let error = accepts("integer(1..60)", text).expect_err(text);
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn cells_of_labels() {
        assert_eq!(accepts("ordered(A, B, C, D)", "B..D"), Ok(vec![(1, 3)]));
        assert_eq!(
            accepts("ordered(A, B, C, D)", "A, C..D"),
            Ok(vec![(0, 0), (2, 3)])
        );
        assert_eq!(
            accepts("ordered(A, B, C, D)", "not B"),
            Ok(vec![(0, 0), (2, 3)])
        );
        assert_eq!(
            accepts("ordered(\"1..2\", 3)", "\"1..2\""),
            Ok(vec![(0, 0)])
        );
        assert_eq!(
            accepts("category(app, web, branch)", "app, branch"),
            Ok(vec![(0, 0), (2, 2)])
        );
        assert_eq!(
            accepts("category(\"not us\", us)", "\"not us\""),
            Ok(vec![(0, 0)])
        );
        assert_eq!(accepts("category(a, \"-\")", "\"-\""), Ok(vec![(1, 1)]));
        assert_eq!(accepts("category", "spring sale"), Ok(vec![(0, 0)]));
        assert_eq!(accepts("category", "not a, b"), Ok(vec![(2, 1 << 32)]));
        assert_eq!(accepts("bool", "not true"), Ok(vec![(0, 0)]));
        let refused = [
            ("ordered(A, B, C)", "C..A", "from high to low"),
            ("ordered(A, B, C)", "A..E", "is no label"),
            ("ordered(A, B, C)", "E", "none of the labels"),
            ("ordered(A, B, C)", "a", "none of the labels"),
            ("category(app, web)", "app..web", "is no label"),
            ("category", "[1..2]", "is no label"),
            ("category", ">= 5", "is no label"),
            ("category", "\"open", "is no quoted label"),
            ("category(app, web)", "not app, web", "accepts no value"),
            ("bool", "yes", "neither true nor false"),
        ];
        for (kind, text, problem) in refused {
            let error = accepts(kind, text).expect_err(text);
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn outputs_hold_one_value() {
        let read = |kind: &str, text: &str| {
            output(
                text,
                &mut Domain::new(&ColumnKind::parse(kind).expect(kind)),
            )
        };
        assert_eq!(
            read("rate(0%..36%)", "14.5%").map(|value| value.to_string()),
            Ok("14.50 %".into())
        );
        assert_eq!(read("bool", "true"), Ok(Value::Bool(true)));
        for text in ["", "-", "[1%..2%]", "1%, 2%", "37%", "not 1%"] {
            let error = read("rate(0%..36%)", text).expect_err(text);
            assert!(error.allowed.contains("0% to 36%"), "{error:?}");
        }
    }
}
