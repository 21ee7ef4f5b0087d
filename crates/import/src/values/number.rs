//! Numbers and flags.

use std::borrow::Cow;

use super::ValueRules;
use crate::cell::Cell;
use crate::refusal::Refusal;

/// Digits between two separators of thousands.
const GROUP: usize = 3;
/// More digits than this are no amount, and must not fill the memory.
const MAX_DIGITS: usize = 60;

/// Reads a whole number: `1000`, and `1000.0` or `1e3`, which are the same number.
pub(crate) fn integer(column: &str, cell: &Cell, rules: &ValueRules) -> Result<i64, Refusal> {
    let written = written(cell, rules);
    let whole = written.as_deref().and_then(whole);
    whole
        .and_then(|whole| i64::try_from(whole).ok())
        .ok_or_else(|| refused(column, cell, rules, "a whole number"))
}

/// Reads a finite number.
pub(crate) fn number(column: &str, cell: &Cell, rules: &ValueRules) -> Result<f64, Refusal> {
    let written = written(cell, rules);
    let number = written.and_then(|text| text.parse().ok());
    number
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| refused(column, cell, rules, "a finite number"))
}

/// Reads a flag; 1 and 0 in any spelling of a whole number count.
pub(crate) fn flag(column: &str, cell: &Cell) -> Result<bool, Refusal> {
    let read = match cell {
        Cell::Flag(flag) => Some(*flag),
        Cell::Number(number) => whole(number).and_then(of_digit),
        Cell::Text(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" => Some(true),
            "false" | "f" | "no" | "n" => Some(false),
            other => whole(other).and_then(of_digit),
        },
        _ => None,
    };
    read.ok_or_else(|| Refusal::of(column, cell.shown(), "true or false"))
}

fn of_digit(number: i128) -> Option<bool> {
    match number {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn refused(column: &str, cell: &Cell, rules: &ValueRules, what: &str) -> Refusal {
    let comma = matches!(cell, Cell::Text(text) if text.contains(','));
    let allowed = match (comma, rules.decimal_comma) {
        (true, false) => format!("{what}, as 1234.5; with --decimal-comma, as 1234,5"),
        (_, true) => format!("{what}, as 1234,5 (--decimal-comma)"),
        _ => what.to_owned(),
    };
    Refusal::of(column, cell.shown(), allowed)
}

/// Returns a number with a decimal point and without separators of thousands, or `None` if the
/// cell is no number.
fn written<'c>(cell: &'c Cell, rules: &ValueRules) -> Option<Cow<'c, str>> {
    match cell {
        Cell::Number(number) => Some(Cow::Borrowed(number)),
        Cell::Text(text) if rules.decimal_comma => plain(text, ',', '.'),
        Cell::Text(text) => plain(text, '.', ','),
        _ => None,
    }
}

/// Returns a number with a decimal point and without separators of thousands. Such separators are
/// taken where they can be nothing else: `1,234.5` and `1,234,567` but not `1,234`.
fn plain(text: &str, decimal: char, thousands: char) -> Option<Cow<'_, str>> {
    let number = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = number.split_at(number.find(['e', 'E']).unwrap_or(number.len()));
    let (whole, fraction) = match mantissa.split_once(decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_digits = exponent.get(1..).map_or("0", |digits| {
        digits.strip_prefix(['-', '+']).unwrap_or(digits)
    });
    let is_number = digits(fraction.unwrap_or_default())
        && whole.len() + fraction.unwrap_or_default().len() > 0
        && !exponent_digits.is_empty()
        && digits(exponent_digits);
    if !is_number {
        return None;
    }
    if digits(whole) {
        return Some(match decimal {
            '.' => Cow::Borrowed(text),
            _ => Cow::Owned(text.replace(decimal, ".")),
        });
    }
    let groups: Vec<&str> = whole.split(thousands).collect();
    let grouped = groups.iter().enumerate().all(|(place, group)| {
        digits(group) && (group.len() == GROUP || (place == 0 && (1..GROUP).contains(&group.len())))
    });
    let unmistakable = fraction.is_some() || groups.len() > 2;
    (grouped && unmistakable).then(|| {
        let without: String = text.chars().filter(|one| *one != thousands).collect();
        Cow::Owned(without.replace(decimal, "."))
    })
}

/// Returns the whole number that a decimal text equals exactly, or `None` if there is none.
pub(super) fn whole(text: &str) -> Option<i128> {
    let (number, exact) = scaled(text, 0)?;
    exact.then_some(number)
}

/// Returns a decimal number times ten to `power`, rounded down, and whether that is exact; `None`
/// if the text is no number, or too large. Nothing goes through a float.
pub(super) fn scaled(text: &str, power: i32) -> Option<(i128, bool)> {
    let (negative, number) = match text.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let trimmed = digits.trim_start_matches('0');
    if trimmed.is_empty() {
        return Some((0, true));
    }
    let places = i64::from(exponent) + i64::from(power) - fraction.len() as i64;
    let (digits, exact) = if places < 0 {
        let cut = usize::try_from(-places).ok()?.min(trimmed.len());
        let (kept, lost) = trimmed.split_at(trimmed.len() - cut);
        let exact = lost.bytes().all(|byte| byte == b'0');
        (kept.to_owned(), exact)
    } else {
        let zeros = usize::try_from(places).ok().filter(|n| *n <= MAX_DIGITS)?;
        (format!("{trimmed}{}", "0".repeat(zeros)), true)
    };
    let magnitude: i128 = if digits.is_empty() {
        0
    } else {
        digits.parse().ok()?
    };
    let floor = i128::from(negative && !exact);
    let signed = if negative { -magnitude } else { magnitude };
    Some((signed - floor, exact))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    fn comma() -> ValueRules {
        ValueRules {
            decimal_comma: true,
            ..ValueRules::default()
        }
    }

    #[test]
    fn a_whole_number_may_be_written_in_any_way_that_is_exact() {
        let point = ValueRules::default();
        for (written, expected) in [
            ("1000", 1_000),
            ("1000.0", 1_000),
            ("1e3", 1_000),
            ("1.5E+2", 150),
            ("-7", -7),
            ("+7", 7),
            ("9007199254740993", 9_007_199_254_740_993),
            ("1,234,567", 1_234_567),
            ("1,234.00", 1_234),
            ("0.0", 0),
        ] {
            assert_eq!(
                integer("a", &text(written), &point),
                Ok(expected),
                "{written}"
            );
        }
        for wrong in [
            "1.5",
            "1,234",
            "1,5",
            "x",
            "",
            "1e400",
            "9223372036854775808",
            "1_000",
            "0x1",
            "1.2.3",
            "1,23,456",
            "e3",
            ".",
            "inf",
            "NaN",
        ] {
            assert!(integer("a", &text(wrong), &point).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_comma_is_decimal_only_where_that_is_declared() {
        let point = ValueRules::default();
        let refusal = number("a", &text("711,5"), &point).expect_err("refused");
        assert!(refusal.to_string().contains("--decimal-comma"), "{refusal}");
        assert_eq!(number("a", &text("711,5"), &comma()), Ok(711.5));
        assert_eq!(
            number("a", &text("1.234.567,25"), &comma()),
            Ok(1_234_567.25)
        );
        assert_eq!(integer("a", &text("1.200.000,00"), &comma()), Ok(1_200_000));
        let refusal = number("a", &text("1.200"), &comma()).expect_err("refused");
        assert!(refusal.to_string().contains("as 1234,5"), "{refusal}");
        // A number of JSON or Parquet has a point in any case.
        let json = Cell::Number("711.5".to_owned());
        assert_eq!(number("a", &json, &comma()), Ok(711.5));
    }

    #[test]
    fn scaling_is_exact_and_rounds_down() {
        assert_eq!(
            scaled("1795708135.8459", 3),
            Some((1_795_708_135_845, false))
        );
        assert_eq!(
            scaled("1795708135845000000", -6),
            Some((1_795_708_135_845, true))
        );
        assert_eq!(scaled("-1.5", 0), Some((-2, false)));
        assert_eq!(scaled("-2000", -3), Some((-2, true)));
        assert_eq!(
            scaled("1.795708135845e+12", 0),
            Some((1_795_708_135_845, true))
        );
        assert_eq!(scaled("0.4", 0), Some((0, false)));
        assert_eq!(scaled(&"9".repeat(70), 0), None);
    }

    #[test]
    fn flags_have_many_spellings() {
        for yes in [
            text("Yes"),
            text("t"),
            text("1.0"),
            Cell::Number("1".into()),
            Cell::Flag(true),
        ] {
            assert_eq!(flag("a", &yes), Ok(true));
        }
        assert_eq!(flag("a", &text("N")), Ok(false));
        for wrong in [text("perhaps"), text("2"), Cell::Number("0.5".into())] {
            assert!(flag("a", &wrong).is_err(), "{wrong}");
        }
    }
}
