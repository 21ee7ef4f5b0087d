//! Literals: numbers, money and rates as people write them, read exactly.

use crate::kind::ColumnKind;

/// Reads a number with at most `places` decimal places, times `10^places`. The error states the
/// problem with the text.
pub(crate) fn decimal(text: &str, places: u32) -> Result<i64, String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (integer, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(integer) || !is_digits(fraction) {
        return Err(format!("{text:?} is no number"));
    }
    let fraction = fraction.trim_end_matches('0');
    let missing = (places as usize).checked_sub(fraction.len());
    let Some(missing) = missing else {
        return Err(format!("{text:?} has more than {places} decimal places"));
    };
    let digits = format!("{integer}{fraction}{}", "0".repeat(missing));
    let number: i64 = digits
        .parse()
        .map_err(|_| format!("{text:?} is too large"))?;
    Ok(sign * number)
}

/// Reads an integer.
fn integer(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("{text:?} is no whole number"));
    }
    text.parse().map_err(|_| format!("{text:?} is too large"))
}

/// Reads a number, an amount or a rate of a column's kind, as the integer that it stands for.
pub(crate) fn number(kind: &ColumnKind, text: &str) -> Result<i64, String> {
    match kind {
        ColumnKind::Money { currency, .. } => decimal(text, currency.minor_digits()),
        ColumnKind::Rate { .. } => {
            if let Some(percent) = text.strip_suffix('%') {
                decimal(percent.trim_end(), 4)
                    .map_err(|problem| format!("{problem} (1% is 10000ppm)"))
            } else if let Some(ppm) = text.strip_suffix("ppm") {
                integer(ppm.trim_end())
            } else {
                Err(format!("{text:?} has no unit"))
            }
        }
        ColumnKind::Integer { .. } => integer(text),
        ColumnKind::Category { .. } | ColumnKind::Ordered { .. } | ColumnKind::Bool => {
            Err(format!("{text:?} is no label"))
        }
    }
}

/// Writes a number so that [`number`] reads it back.
pub(crate) fn write(kind: &ColumnKind, number: i64) -> String {
    match kind {
        ColumnKind::Money { currency, .. } => write_decimal(number, currency.minor_digits(), false),
        ColumnKind::Rate { .. } => format!("{}%", write_decimal(number, 4, true)),
        _ => number.to_string(),
    }
}

/// Writes `number / 10^places`, without a fraction of zeros, and without trailing zeros if `trim`.
fn write_decimal(number: i64, places: u32, trim: bool) -> String {
    let unit = 10_u64.pow(places);
    let size = number.unsigned_abs();
    let sign = if number < 0 { "-" } else { "" };
    let (integer, rest) = (size / unit, size % unit);
    if rest == 0 {
        return format!("{sign}{integer}");
    }
    let fraction = format!("{rest:0width$}", width = places as usize);
    let fraction = if trim {
        fraction.trim_end_matches('0')
    } else {
        &fraction
    };
    format!("{sign}{integer}.{fraction}")
}

/// Returns `true` if a label can stand in a cell without quotes.
fn is_bare(label: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:+&' ".contains(c);
    !label.is_empty()
        && label != "-"
        && label.trim() == label
        && !label.starts_with("not ")
        && !label.contains("..")
        && label.chars().all(is_plain)
}

/// Writes a label so that [`label`] reads it back.
pub(crate) fn write_label(label: &str) -> String {
    if is_bare(label) {
        label.to_owned()
    } else {
        format!("\"{label}\"")
    }
}

/// Reads a label, with or without quotes.
pub(crate) fn label(text: &str) -> Result<&str, String> {
    if let Some(quoted) = text.strip_prefix('"') {
        return match quoted.strip_suffix('"') {
            Some(label) if !label.is_empty() && !label.contains('"') => Ok(label),
            _ => Err(format!("{text} is no quoted label")),
        };
    }
    if is_bare(text) {
        Ok(text)
    } else {
        Err(format!("{text:?} is no label without quotes"))
    }
}

/// Splits a list at the commas outside quotes, and trims the parts.
pub(crate) fn split_list(text: &str) -> Vec<&str> {
    let mut in_quotes = false;
    text.split(|c| {
        in_quotes ^= c == '"';
        c == ',' && !in_quotes
    })
    .map(str::trim)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairlead_domain::Currency;
    use proptest::prelude::*;

    fn rate() -> ColumnKind {
        ColumnKind::parse("rate").expect("a kind")
    }

    #[test]
    fn rates_are_read_exactly() {
        let read = |text| number(&rate(), text);
        assert_eq!(read("14.5%"), Ok(145_000));
        assert_eq!(read("14.50000 %"), Ok(145_000));
        assert_eq!(read("0.0001%"), Ok(1));
        assert_eq!(read("145000ppm"), Ok(145_000));
        assert_eq!(read("-2%"), Ok(-20_000));
        assert!(read("14.50001%").is_err_and(|e| e.contains("more than 4 decimal places")));
        assert!(read("14.5").is_err_and(|e| e.contains("has no unit")));
        assert!(read("0.5ppm").is_err());
        for text in [
            "%", ".5%", "5.%", "1e2%", "+5%", "1 000%", "５%", "--5%", "-",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("99999999999999999999%").is_err_and(|e| e.contains("too large")));
    }

    #[test]
    fn money_is_read_in_major_units() {
        let read = |code: &str, text| {
            let currency = Currency::new(code).expect("a currency");
            number(
                &ColumnKind::Money {
                    currency,
                    min: 0,
                    max: 1,
                },
                text,
            )
        };
        assert_eq!(read("CNY", "1000"), Ok(100_000));
        assert_eq!(read("CNY", "999.9"), Ok(99_990));
        assert!(read("CNY", "0.005").is_err_and(|e| e.contains("more than 2 decimal places")));
        assert_eq!(read("JPY", "1000"), Ok(1_000));
        assert!(read("JPY", "0.5").is_err());
        assert_eq!(read("KWD", "1.234"), Ok(1_234));
    }

    #[test]
    fn lists_are_split_outside_quotes() {
        assert_eq!(split_list("A, \"B, C\" ,D"), ["A", "\"B, C\"", "D"]);
        assert_eq!(split_list("A,,B"), ["A", "", "B"]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ppm in -1_000_000_i64..100_000_000, label in "\\PC{1,12}") {
            prop_assert_eq!(number(&rate(), &write(&rate(), ppm)), Ok(ppm));
            let money = ColumnKind::Money { currency: Currency::CNY, min: 0, max: 1 };
            prop_assert_eq!(number(&money, &write(&money, ppm)), Ok(ppm));
            if !label.contains('"') {
                let written = write_label(&label);
                prop_assert_eq!(super::label(&written), Ok(label.as_str()));
            }
        }
    }
}
