//! The rows of a data set: CSV, plain or gzipped, read by the names in its header.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, anyhow, bail};
use csv::StringRecord;
use flate2::read::MultiGzDecoder;

/// A table in memory.
#[derive(Debug)]
pub(super) struct DataTable {
    path: PathBuf,
    header: StringRecord,
    records: Vec<StringRecord>,
}

/// One row of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableRow<'r> {
    rows: &'r DataTable,
    record: &'r StringRecord,
}

/// The position of a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColumnIndex(usize);

impl ColumnIndex {
    /// Returns the column at an index.
    pub(super) fn at(place: usize) -> Self {
        Self(place)
    }
}

impl DataTable {
    /// Reads `name.csv.gz` of a folder, or `name.csv` if there is no such file.
    pub(super) fn read(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let gzipped = folder.join(format!("{name}.csv.gz"));
        let plain = folder.join(format!("{name}.csv"));
        let path = if gzipped.exists() { gzipped } else { plain };
        let file = File::open(&path).with_context(|| {
            let folder = folder.display();
            format!("no data in {folder}: neither {name}.csv.gz nor {name}.csv can be opened")
        })?;
        let zipped = path.extension().is_some_and(|ending| ending == "gz");
        if zipped {
            Self::of(path, MultiGzDecoder::new(file))
        } else {
            Self::of(path, file)
        }
    }

    fn of(path: PathBuf, content: impl Read) -> anyhow::Result<Self> {
        let mut reader = csv::Reader::from_reader(content);
        let read = |error: csv::Error| anyhow!("{}: {error}", path.display());
        let header = reader.headers().map_err(read)?.clone();
        let records: Vec<StringRecord> =
            reader.records().collect::<Result<_, _>>().map_err(read)?;
        if records.is_empty() {
            bail!("{}: no rows; a header and one row at least", path.display());
        }
        Ok(Self {
            path,
            header,
            records,
        })
    }

    /// Returns the names of the columns.
    pub(super) fn header(&self) -> Vec<&str> {
        self.header.iter().collect()
    }

    /// Returns a column by name, or an error that lists the names.
    pub(super) fn column(&self, name: &str) -> anyhow::Result<ColumnIndex> {
        let place = self.header.iter().position(|known| known == name);
        place.map(ColumnIndex).ok_or_else(|| {
            let known = self.header().join(", ");
            anyhow!(
                "{}: no column `{name}`; there are {known}",
                self.path.display()
            )
        })
    }

    /// Returns the rows in order.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = TableRow<'_>> {
        self.records
            .iter()
            .map(|record| TableRow { rows: self, record })
    }

    /// Returns the number of rows.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }
}

impl<'r> TableRow<'r> {
    /// Returns the trimmed text of a column; empty if it is absent ("NA" too).
    pub(super) fn text(&self, column: ColumnIndex) -> &'r str {
        match self.record.get(column.0).unwrap_or_default().trim() {
            "NA" => "",
            text => text,
        }
    }

    /// Returns the text at an index.
    pub(super) fn at(&self, place: usize) -> &'r str {
        self.text(ColumnIndex(place))
    }

    /// Returns a number, or `None` if it is absent.
    pub(super) fn number<T: FromStr>(&self, column: ColumnIndex) -> anyhow::Result<Option<T>> {
        match self.text(column) {
            "" => Ok(None),
            text => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(self.wrong(column, "a number")),
            },
        }
    }

    /// Returns a number, or an error if it is absent.
    pub(super) fn needed<T: FromStr>(&self, column: ColumnIndex) -> anyhow::Result<T> {
        let number = self.number(column)?;
        number.ok_or_else(|| self.wrong(column, "a number"))
    }

    /// Returns the error of a value: file, line, column, value and what is allowed.
    pub(super) fn wrong(&self, column: ColumnIndex, allowed: &str) -> anyhow::Error {
        let line = self.record.position().map_or(0, csv::Position::line);
        let name = self.rows.header.get(column.0).unwrap_or("?");
        let value: String = self.text(column).chars().take(80).collect();
        let path = self.rows.path.display();
        anyhow!("{path}, line {line}: {name} `{value}` is not allowed: {allowed}")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Parses a table from text.
    pub(crate) fn table(text: &str) -> anyhow::Result<DataTable> {
        DataTable::of(PathBuf::from("test.csv"), text.as_bytes())
    }

    #[test]
    fn what_is_wrong_is_named_with_file_line_and_column() {
        let rows = table("a,b\n1,x\nNA, 7 \n").expect("a table");
        let (a, b) = (rows.column("a").expect("a"), rows.column("b").expect("b"));
        let read: Vec<TableRow<'_>> = rows.iter().collect();
        assert_eq!(read[0].needed::<i64>(a).expect("a number"), 1);
        assert_eq!(read[1].number::<f64>(a).expect("absent"), None);
        assert_eq!(read[1].needed::<f64>(b).expect("a number"), 7.0);
        let error = read[0].needed::<f64>(b).expect_err("no number").to_string();
        assert_eq!(error, "test.csv, line 2: b `x` is not allowed: a number");
        let error = read[1].needed::<i64>(a).expect_err("absent").to_string();
        assert_eq!(error, "test.csv, line 3: a `` is not allowed: a number");
        let error = rows.column("c").expect_err("no column").to_string();
        assert_eq!(error, "test.csv: no column `c`; there are a, b");
    }

    #[test]
    fn tables_that_cannot_be_read_say_why() {
        let error = table("a,b\n").expect_err("no rows").to_string();
        assert!(error.contains("no rows"), "{error}");
        let error = table("a,b\n1,2\n3\n").expect_err("ragged").to_string();
        assert!(error.contains("line: 3"), "{error}");
        let error = DataTable::read(Path::new("nowhere"), "loans").expect_err("no file");
        let error = format!("{error:#}");
        assert!(
            error.contains("neither loans.csv.gz nor loans.csv"),
            "{error}"
        );
    }

    #[test]
    fn gzipped_files_are_read_first() {
        use std::io::Write as _;
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("t.csv"), "a\n1\n").expect("written");
        let plain = DataTable::read(folder.path(), "t").expect("read");
        let a = plain.column("a").expect("a");
        assert_eq!(plain.iter().next().expect("a row").text(a), "1");
        let file = File::create(folder.path().join("t.csv.gz")).expect("made");
        let mut zip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        zip.write_all(b"a\n2\n").expect("written");
        zip.finish().expect("written");
        let zipped = DataTable::read(folder.path(), "t").expect("read");
        assert_eq!(zipped.iter().next().expect("a row").text(a), "2");
        std::fs::write(folder.path().join("t.csv.gz"), "no zip").expect("written");
        assert!(DataTable::read(folder.path(), "t").is_err());
    }
}
