//! File formats, by file name.

use std::path::Path;
use std::str::FromStr;

use anyhow::bail;

/// A format that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// Delimited text with a header.
    Csv,
    /// JSON: one object a line, objects one after another, or an array of them.
    Json,
    /// Apache Parquet.
    Parquet,
    /// A workbook of a table program, as Excel writes it.
    Xlsx,
}

/// Names of formats.
const NAMES: [(&str, FileFormat); 4] = [
    ("csv", FileFormat::Csv),
    ("json", FileFormat::Json),
    ("parquet", FileFormat::Parquet),
    ("xlsx", FileFormat::Xlsx),
];
/// File name endings and their formats.
const ENDINGS: [(&str, FileFormat); 9] = [
    (".csv", FileFormat::Csv),
    (".tsv", FileFormat::Csv),
    (".txt", FileFormat::Csv),
    (".jsonl", FileFormat::Json),
    (".ndjson", FileFormat::Json),
    (".json", FileFormat::Json),
    (".parquet", FileFormat::Parquet),
    (".xlsx", FileFormat::Xlsx),
    (".xlsm", FileFormat::Xlsx),
];
/// Endings of compressed text.
const PACKED: [&str; 2] = [".gz", ".zst"];

impl FileFormat {
    /// Returns the format by the ending of the file name, or an error that lists the endings.
    pub fn of(file: &Path) -> anyhow::Result<Self> {
        let name = file.to_string_lossy().to_lowercase();
        let packed = PACKED.iter().find_map(|ending| name.strip_suffix(ending));
        let inner = packed.unwrap_or(&name);
        let found = ENDINGS.iter().find(|(ending, _)| inner.ends_with(ending));
        let is_text = |format| matches!(format, Self::Csv | Self::Json);
        if let Some((_, format)) = found.filter(|(_, format)| packed.is_none() || is_text(*format))
        {
            return Ok(*format);
        }
        let known: Vec<&str> = ENDINGS.iter().map(|(ending, _)| *ending).collect();
        bail!(
            "{}: the ending stands for no format; allowed: {}, texts also with .gz or .zst; or \
             name the format with --format",
            file.display(),
            known.join(", ")
        )
    }
}

impl FromStr for FileFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let names = NAMES.map(|(name, _)| name);
            format!("allowed: {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_go_by_the_ending() {
        let of = |name: &str| FileFormat::of(Path::new(name));
        assert_eq!(of("a.CSV").expect("known"), FileFormat::Csv);
        assert_eq!(of("a.csv.gz").expect("known"), FileFormat::Csv);
        assert_eq!(of("a.tsv").expect("known"), FileFormat::Csv);
        assert_eq!(of("a.json.zst").expect("known"), FileFormat::Json);
        assert_eq!(of("a.ndjson").expect("known"), FileFormat::Json);
        assert_eq!(of("x/a.parquet").expect("known"), FileFormat::Parquet);
        assert_eq!(of("a.xlsx").expect("known"), FileFormat::Xlsx);
        for unknown in ["a.xls", "a", "a.gz", "a.parquet.gz"] {
            let error = of(unknown).expect_err(unknown).to_string();
            assert!(
                error.contains(unknown) && error.contains(".parquet") && error.contains("--format"),
                "{error}"
            );
        }
        assert_eq!("json".parse(), Ok(FileFormat::Json));
        assert!("xls".parse::<FileFormat>().is_err());
    }
}
