//! Ids and other texts.

use crate::cell::Cell;
use crate::refusal::Refusal;

/// Reads an id, or another code that is compared letter by letter, such as a region: a text, or
/// a whole number, which is its decimal digits. A float, an exponent, a flag and a list are
/// refused, and so is a text that such a float was written as: `880011.0` is no customer, and the
/// digits that `1.23457E+11` had are lost.
pub(crate) fn id(column: &str, cell: &Cell) -> Result<String, Refusal> {
    match cell {
        Cell::Text(text) if !is_written_float(text) => Ok(text.clone()),
        Cell::Number(digits) if is_whole(digits) => Ok(digits.clone()),
        Cell::Text(_) | Cell::Number(_) => Err(Refusal::of(
            column,
            cell.shown(),
            "a text, or a whole number in digits: this one went through a float, so write the \
             column as text or as integers where it comes from",
        )),
        _ => Err(not_text(column, cell)),
    }
}

/// Reads a text that people read, such as a name: a text, or the digits of a whole number.
pub(crate) fn free_text(column: &str, cell: &Cell) -> Result<String, Refusal> {
    match cell {
        Cell::Text(text) => Ok(text.clone()),
        Cell::Number(digits) if is_whole(digits) => Ok(digits.clone()),
        _ => Err(not_text(column, cell)),
    }
}

fn not_text(column: &str, cell: &Cell) -> Refusal {
    let kind = match cell {
        Cell::Text(_) => "a text",
        Cell::Number(_) => "a number with a fraction or an exponent",
        Cell::Flag(_) => "true or false",
        Cell::Day(_) => "a date",
        Cell::Clock(_) => "a time of day",
        Cell::Local(_) | Cell::Instant(_) => "a time",
        Cell::List(_) => "a list",
        Cell::Record(_) => "an object",
    };
    let allowed = format!("a text, or a whole number in digits; this is {kind}");
    Refusal::of(column, cell.shown(), allowed)
}

fn is_whole(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether a program wrote a float so: digits with a point (`880011.0`), or an exponent
/// with a point or a sign (`1.2E+11`, `1e+05`). `12e45678` is an id: no program writes a float so.
fn is_written_float(text: &str) -> bool {
    let number = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (number, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_number = !whole.is_empty() && digits(whole) && digits(fraction.unwrap_or_default());
    is_number
        && match exponent {
            None => fraction.is_some(),
            Some(exponent) => {
                let bare = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
                let signed = bare.len() < exponent.len();
                !bare.is_empty() && digits(bare) && (signed || fraction.is_some())
            }
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    fn number(text: &str) -> Cell {
        Cell::Number(text.to_owned())
    }

    #[test]
    fn an_id_is_a_text_or_the_digits_of_a_whole_number() {
        for cell in [
            text("CL-001.a"),
            text("12e45678"),
            text("007"),
            text("1.2.3"),
            text("客户 17"),
            number("12345678901234567890123456789"),
        ] {
            assert_eq!(id("customer_id", &cell), Ok(cell.to_string()));
        }
    }

    #[test]
    fn what_went_through_a_float_is_no_id() {
        for cell in [
            text("880011.0"),
            text("1.23457E+11"),
            text("1e+05"),
            text("8.8e5"),
            number("880011.0"),
            number("1e3"),
            Cell::Flag(true),
            Cell::List(vec![text("a")]),
            Cell::Day(jiff::civil::date(2025, 1, 31)),
            Cell::Clock(jiff::civil::time(8, 0, 0, 0)),
        ] {
            let refusal = id("customer_id", &cell).expect_err("refused").to_string();
            assert!(
                refusal.contains(&cell.to_string()) && refusal.contains("a text, or a whole"),
                "{refusal}"
            );
        }
        assert!(free_text("name", &text("Web 2.0")).is_ok());
        assert!(free_text("name", &text("2.0")).is_ok());
        assert!(free_text("name", &number("2.5")).is_err());
    }
}
