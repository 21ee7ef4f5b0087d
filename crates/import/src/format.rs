//! File formats, by file name.

use std::path::Path;

use anyhow::bail;

/// A format that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// Comma-separated values with a header; `.csv`, `.csv.gz`.
    Csv,
    /// One JSON object a line; `.jsonl`, `.ndjson`, `.json`, each also with `.gz`.
    JsonLines,
    /// Apache Parquet; `.parquet`.
    Parquet,
}

/// File name endings and their formats.
const ENDINGS: [(&str, FileFormat); 8] = [
    (".csv", FileFormat::Csv),
    (".csv.gz", FileFormat::Csv),
    (".jsonl", FileFormat::JsonLines),
    (".jsonl.gz", FileFormat::JsonLines),
    (".ndjson", FileFormat::JsonLines),
    (".ndjson.gz", FileFormat::JsonLines),
    (".json", FileFormat::JsonLines),
    (".parquet", FileFormat::Parquet),
];

impl FileFormat {
    /// Returns the format by the ending of the file name, or an error that lists the endings.
    pub fn of(file: &Path) -> anyhow::Result<Self> {
        let name = file.to_string_lossy().to_lowercase();
        if let Some((_, format)) = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending)) {
            Ok(*format)
        } else {
            let known: Vec<&str> = ENDINGS.iter().map(|(ending, _)| *ending).collect();
            bail!(
                "{}: the ending stands for no format; allowed: {}, or name the format",
                file.display(),
                known.join(", ")
            )
        }
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
        assert_eq!(of("a.ndjson").expect("known"), FileFormat::JsonLines);
        assert_eq!(of("x/a.parquet").expect("known"), FileFormat::Parquet);
        for unknown in ["a.xlsx", "a", "a.gz"] {
            let error = of(unknown).expect_err(unknown).to_string();
            assert!(
                error.contains(unknown) && error.contains(".parquet"),
                "{error}"
            );
        }
    }
}
