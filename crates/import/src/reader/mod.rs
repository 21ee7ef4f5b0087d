//! Reads the rows of a file, whatever its format.

mod csv;
mod json_lines;
mod parquet;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use flate2::read::MultiGzDecoder;

use super::fields::Fields;
use super::format::FileFormat;

/// One row: its position, and its fields or why they cannot be read.
#[derive(Debug, PartialEq)]
pub(super) struct NumberedRow {
    /// The line of the file that it begins on, from 1; in Parquet the row.
    pub(super) number: u64,
    pub(super) fields: Result<Fields, String>,
}

/// A file that is read row by row.
pub(super) trait RowReader {
    /// Returns the columns, or `None` if the file does not name them before its rows.
    fn columns(&self) -> Option<Vec<String>>;
    /// Returns the next row, or `None` at the end. An error means that the file itself is broken.
    fn next(&mut self) -> anyhow::Result<Option<NumberedRow>>;
    /// Returns how much was read and how much there is: bytes of the file, or rows.
    fn progress(&self) -> (u64, u64);
}

/// Opens a file.
pub(super) fn open(path: &Path, format: FileFormat) -> anyhow::Result<Box<dyn RowReader>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let length = file.metadata().map_or(0, |about| about.len());
    if format == FileFormat::Parquet {
        return Ok(Box::new(parquet::ParquetReader::new(path, file)?));
    }
    let done = Arc::new(AtomicU64::new(0));
    let counted = Counted {
        inner: file,
        done: done.clone(),
    };
    let zipped = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    let content: Box<dyn Read> = if zipped {
        Box::new(MultiGzDecoder::new(BufReader::new(counted)))
    } else {
        Box::new(counted)
    };
    let extent = Extent { done, length };
    match format {
        FileFormat::Csv => Ok(Box::new(csv::CsvReader::new(path, content, extent)?)),
        _ => Ok(Box::new(json_lines::JsonLinesReader::new(
            path, content, extent,
        ))),
    }
}

/// Counts the bytes that were read of a file.
#[derive(Debug)]
struct Extent {
    done: Arc<AtomicU64>,
    length: u64,
}

impl Extent {
    fn progress(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.length)
    }
}

/// A reader that counts the bytes read through it.
struct Counted<R> {
    inner: R,
    done: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.done.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
