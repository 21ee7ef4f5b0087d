//! How a file is read.

use std::str::FromStr;

use encoding_rs::Encoding;
use jiff::tz::{Offset, TimeZone};

use crate::columns::ColumnMapping;
use crate::format::FileFormat;
use crate::values::TimeUnit;

/// Texts that mean that a value is missing, in any case of letters.
pub const MISSING: [&str; 5] = ["NULL", r"\N", "N/A", "#N/A", "NaN"];

/// How a file is read. By default everything that can be is found out from the file.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The format; `None` means by the ending of the file's name.
    pub format: Option<FileFormat>,
    /// The encoding of a text file; `None` means by its first bytes.
    pub encoding: Option<TextEncoding>,
    /// The character between the fields of CSV; `None` means by the header.
    pub delimiter: Option<Delimiter>,
    /// True if texts write decimals with a comma.
    pub decimal_comma: bool,
    /// The zone of times that name none.
    pub time_zone: Option<ZoneName>,
    /// The unit of times that are numbers; `None` means milliseconds in columns named `*_ms`.
    pub time_unit: Option<TimeUnit>,
    /// Names of the file for columns.
    pub map: Vec<ColumnMapping>,
    /// Texts that mean that a value is missing, besides the empty text.
    pub missing: Vec<String>,
    /// The sheet of a workbook; `None` means the first.
    pub sheet: Option<String>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            format: None,
            encoding: None,
            delimiter: None,
            decimal_comma: false,
            time_zone: None,
            time_unit: None,
            map: Vec::new(),
            missing: MISSING.map(str::to_owned).to_vec(),
            sheet: None,
        }
    }
}

/// The encoding of a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextEncoding(pub(crate) &'static Encoding);

impl FromStr for TextEncoding {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Encoding::for_label(name.trim().as_bytes());
        found.map(Self).ok_or_else(|| {
            "allowed: a name of the WHATWG Encoding Standard, as utf-8, utf-16le, gbk, gb18030, \
             big5, shift_jis, windows-1252"
                .to_owned()
        })
    }
}

/// The character between the fields of CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delimiter(pub(crate) u8);

impl FromStr for Delimiter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.as_bytes() {
            b"tab" | br"\t" => Ok(Self(b'\t')),
            [byte] if matches!(byte, b'\t' | b',' | b';' | b'|' | b':' | b'^' | b'~') => {
                Ok(Self(*byte))
            }
            _ => Err("allowed: , ; tab | : ^ ~".to_owned()),
        }
    }
}

/// A time zone by its name, or by its distance from UTC.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneName(pub(crate) TimeZone);

impl FromStr for ZoneName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let fixed = || {
            let (sign, rest) = match name.as_bytes().first()? {
                b'+' => (1, &name[1..]),
                b'-' => (-1, &name[1..]),
                _ => return None,
            };
            let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
            let seconds = hours.parse::<i32>().ok()? * 3_600 + minutes.parse::<i32>().ok()? * 60;
            Some(TimeZone::fixed(Offset::from_seconds(sign * seconds).ok()?))
        };
        let found = fixed().or_else(|| TimeZone::get(name).ok());
        found.map(Self).ok_or_else(|| {
            "allowed: a name of the time zone database of this machine, as Asia/Shanghai or UTC, \
             or a distance from UTC, as +08:00"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_from_text_and_say_what_is_allowed() {
        assert_eq!("tab".parse(), Ok(Delimiter(b'\t')));
        assert_eq!(";".parse(), Ok(Delimiter(b';')));
        for wrong in ["", "x", ",,", "\""] {
            assert!(wrong.parse::<Delimiter>().is_err(), "{wrong}");
        }
        assert_eq!("GBK".parse(), Ok(TextEncoding(encoding_rs::GBK)));
        let error = "klingon".parse::<TextEncoding>().expect_err("unknown");
        assert!(error.contains("gb18030"), "{error}");
        let zone = |name: &str| name.parse::<ZoneName>().map(|zone| zone.0);
        assert_eq!(zone("UTC"), Ok(TimeZone::UTC));
        let shanghai = TimeZone::fixed(Offset::constant(8));
        assert_eq!(zone("+08:00"), Ok(shanghai.clone()));
        assert_eq!(zone("+8"), Ok(shanghai));
        assert!(zone("Asia/Shanghai").is_ok());
        for wrong in ["", "Mars/Base", "+99", "+8:x"] {
            assert!(zone(wrong).is_err(), "{wrong}");
        }
    }
}
