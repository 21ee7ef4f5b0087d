//! One value of a row, as its file has it, before a column says how it is read.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

/// Most characters of a value that an error message repeats.
const MAX_SHOWN: usize = 80;

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// A text: a cell of CSV is always one.
    Text(String),
    /// A number as it is written: `880011`, `1.5`, `1e3`. One that the file keeps as a float has
    /// a fraction, `880011.0`.
    Number(String),
    /// True or false.
    Flag(bool),
    /// A calendar day.
    Day(Date),
    /// A time of day.
    Clock(Time),
    /// A date and a time of day without a zone.
    Local(DateTime),
    /// An instant.
    Instant(Timestamp),
    /// A list.
    List(Vec<Cell>),
    /// Named values within a list.
    Record(Vec<(String, Cell)>),
}

impl Cell {
    /// Returns a text without surrounding blanks, or `None` if nothing is left or it is one of
    /// the texts that mean missing.
    pub(crate) fn trimmed(text: &str, missing: &[String]) -> Option<Self> {
        let text = text.trim();
        let is_missing = || missing.iter().any(|word| word.eq_ignore_ascii_case(text));
        (!text.is_empty() && !is_missing()).then(|| Self::Text(text.to_owned()))
    }

    /// Returns a number that the file keeps as a float, or `None` for one that is none (NaN).
    pub(crate) fn float(number: f64) -> Option<Self> {
        (!number.is_nan()).then(|| Self::Number(format!("{number:?}")))
    }

    /// Returns the value cut to a length that a message can hold.
    pub(crate) fn shown(&self) -> String {
        let whole = self.to_string();
        match whole.char_indices().nth(MAX_SHOWN) {
            Some((end, _)) => whole[..end].to_owned(),
            None => whole,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Number(text) => out.write_str(text),
            Self::Flag(flag) => write!(out, "{flag}"),
            Self::Day(day) => write!(out, "{day}"),
            Self::Clock(time) => write!(out, "{time}"),
            Self::Local(time) => write!(out, "{time}"),
            Self::Instant(instant) => write!(out, "{instant}"),
            Self::List(items) => {
                for (place, item) in items.iter().enumerate() {
                    let between = if place == 0 { "" } else { ";" };
                    write!(out, "{between}{item}")?;
                }
                Ok(())
            }
            Self::Record(fields) => {
                for (place, (name, value)) in fields.iter().enumerate() {
                    let between = if place == 0 { "" } else { "," };
                    write!(out, "{between}{name}:{value}")?;
                }
                Ok(())
            }
        }
    }
}
