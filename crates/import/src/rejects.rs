//! The file of rejected rows: each with its line, the cause and what is allowed, and the row
//! itself, so that the file can be mended and imported. It is created with the first of them.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;

use crate::columns::REJECT;
use crate::refusal::Refusal;

/// Endings of rejects files after the name of the imported file.
const ENDINGS: [&str; 2] = [".rejects.csv", ".rejects.jsonl"];
/// Rejected rows that a report repeats.
const SHOWN: usize = 5;
/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The form of a rejects file: that of the imported file, as far as it can be.
#[derive(Debug, Clone)]
pub(crate) enum RejectsForm {
    /// Delimited text.
    Csv {
        /// The character between the fields.
        delimiter: u8,
        /// The columns of the imported file.
        header: Vec<String>,
        /// True if it begins with a byte order mark, which goes before an encoding that is named.
        has_mark: bool,
    },
    /// JSON lines.
    Json,
}

/// A rejected row, as a report names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectedRow {
    /// Its line, from 1; in Parquet the row.
    pub line: u64,
    /// The cause, and what is allowed.
    pub cause: String,
}

/// Writes rejected rows.
#[derive(Debug)]
pub(crate) struct Rejects {
    path: PathBuf,
    form: RejectsForm,
    writer: Option<BufWriter<File>>,
    count: u64,
    first: Vec<RejectedRow>,
}

impl Rejects {
    /// Creates a writer to `path`, or to a file beside the imported one if that is `None`.
    pub(crate) fn new(imported: &Path, path: Option<&Path>, form: RejectsForm) -> Self {
        let beside = || {
            let mut name = imported.as_os_str().to_owned();
            name.push(match form {
                RejectsForm::Csv { .. } => ENDINGS[0],
                RejectsForm::Json => ENDINGS[1],
            });
            PathBuf::from(name)
        };
        Self {
            path: path.map_or_else(beside, Path::to_path_buf),
            form,
            writer: None,
            count: 0,
            first: Vec::new(),
        }
    }

    /// Adds a row; `original` is its text in the form of this file.
    pub(crate) fn add(
        &mut self,
        line: u64,
        refusal: &Refusal,
        original: &[u8],
    ) -> anyhow::Result<()> {
        let cannot = || format!("cannot write the rejects file {}", self.path.display());
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let mut writer = BufWriter::new(File::create(&self.path).with_context(cannot)?);
                writer.write_all(&self.form.head()).with_context(cannot)?;
                none.insert(writer)
            }
        };
        let row = self.form.row(line, refusal, original);
        writer.write_all(&row).with_context(cannot)?;
        self.count += 1;
        if self.first.len() < SHOWN {
            self.first.push(RejectedRow {
                line,
                cause: refusal.to_string(),
            });
        }
        Ok(())
    }

    /// Returns the number of rows.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Returns the first rows.
    pub(crate) fn first(&self) -> &[RejectedRow] {
        &self.first
    }

    /// Finishes the file. Returns its path, or `None` if no row was rejected.
    pub(crate) fn finish(self) -> anyhow::Result<Option<PathBuf>> {
        let Some(mut writer) = self.writer else {
            return Ok(None);
        };
        let cannot = || format!("cannot write the rejects file {}", self.path.display());
        writer.flush().with_context(cannot)?;
        Ok(Some(self.path))
    }
}

impl RejectsForm {
    fn head(&self) -> Vec<u8> {
        match self {
            Self::Csv {
                delimiter,
                header,
                has_mark,
            } => {
                let names = REJECT
                    .iter()
                    .copied()
                    .chain(header.iter().map(String::as_str));
                let names = csv_record(*delimiter, names);
                let mark = if *has_mark { MARK } else { &[] };
                [mark, &names, b"\n"].concat()
            }
            Self::Json => Vec::new(),
        }
    }

    fn row(&self, line: u64, refusal: &Refusal, original: &[u8]) -> Vec<u8> {
        match self {
            Self::Csv { delimiter, .. } => {
                let line = line.to_string();
                let about = [line.as_str(), &refusal.cause, &refusal.allowed];
                let about = csv_record(*delimiter, about);
                [&about, &[*delimiter][..], original, b"\n"].concat()
            }
            Self::Json => {
                let about = serde_json::json!({
                    "line": line,
                    "cause": refusal.cause,
                    "allowed": refusal.allowed,
                });
                let inner = std::str::from_utf8(original).ok().and_then(|text| {
                    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
                    text.trim().strip_prefix('{')
                });
                match inner {
                    Some(inner) if inner.trim() == "}" => format!("{{\"reject\":{about}}}\n"),
                    Some(inner) => {
                        // An object may go over several lines, this one may not.
                        let inner = inner.replace(['\n', '\r'], " ");
                        format!("{{\"reject\":{about},{inner}\n")
                    }
                    None => {
                        let row = String::from_utf8_lossy(original);
                        let row = serde_json::json!({"reject": about, "reject.row": row});
                        format!("{row}\n")
                    }
                }
                .into_bytes()
            }
        }
    }
}

/// Returns one record of delimited text, quoted where needed, without the end of the line.
pub(crate) fn csv_record<C: AsRef<[u8]>>(
    delimiter: u8,
    cells: impl IntoIterator<Item = C>,
) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .from_writer(Vec::new());
    // A vector takes everything that is written to it.
    let written = writer.write_record(cells).ok();
    let record = written.and_then(|()| writer.into_inner().ok());
    let mut record = record.unwrap_or_default();
    record.pop();
    record
}

/// Returns the name of the file that a rejects file came from, or the name itself.
pub(crate) fn imported_name(path: &Path) -> String {
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    let mut name: &str = &name;
    while let Some(inner) = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)) {
        name = inner;
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv() -> RejectsForm {
        RejectsForm::Csv {
            delimiter: b';',
            header: vec!["id".to_owned(), "a;b".to_owned()],
            has_mark: false,
        }
    }

    #[test]
    fn rows_are_kept_with_line_and_cause_and_nothing_is_written_for_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let imported = folder.path().join("a.csv");
        let none = Rejects::new(&imported, None, csv());
        assert_eq!(none.finish().expect("ended"), None);
        let mut some = Rejects::new(&imported, None, csv());
        let refusal = Refusal::of("kind", "x", "\"a\"; b");
        some.add(3, &refusal, b"1;x").expect("written");
        assert_eq!(some.first()[0].cause, "kind `x` is not allowed: \"a\"; b");
        let path = some.finish().expect("ended").expect("a file");
        assert!(path.ends_with("a.csv.rejects.csv"));
        assert_eq!(imported_name(&path), "a.csv");
        let text = std::fs::read_to_string(path).expect("read");
        assert_eq!(
            text,
            "reject.line;reject.cause;reject.allowed;id;\"a;b\"\n3;kind `x`;\"\"\"a\"\"; b\";1;x\n"
        );
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn an_object_stays_one_and_anything_else_is_a_text() {
        let row = |original: &str| {
            let row = RejectsForm::Json.row(7, &Refusal::plain("bad"), original.as_bytes());
            String::from_utf8(row).expect("JSON")
        };
        let about = r#"{"reject":{"allowed":"","cause":"bad","line":7}"#;
        assert_eq!(row("{\"a\":\n 1}"), format!("{about},\"a\":  1}}\n"));
        assert_eq!(row("{}"), format!("{about}}}\n"));
        assert_eq!(
            row("{\"a\":"),
            format!("{about},\"reject.row\":\"{{\\\"a\\\":\"}}\n")
        );
        assert_eq!(row("[1]"), format!("{about},\"reject.row\":\"[1]\"}}\n"));
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named() {
        let mut rejects = Rejects::new(Path::new("/nowhere/a.csv"), None, csv());
        let error = rejects
            .add(1, &Refusal::plain("x"), b"")
            .expect_err("no folder");
        let error = error.to_string();
        assert!(error.contains("/nowhere/a.csv.rejects.csv"), "{error}");
    }
}
