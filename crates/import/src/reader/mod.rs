//! Rows of a file, one after the other, whatever its format.

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
use super::format::Format;

/// One row: where it is, and its fields or why it cannot be read.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    /// The line of the file it begins on, from 1; in Parquet the row.
    pub(super) number: u64,
    pub(super) fields: Result<Fields, String>,
}

/// A file that is read row by row.
pub(super) trait Lines {
    /// The columns, where the file names them before its rows.
    fn columns(&self) -> Option<Vec<String>>;
    /// The next row; nothing at the end. An error ends the reading: the file itself is broken.
    fn next(&mut self) -> anyhow::Result<Option<Line>>;
    /// How far the reading is, and how far it goes: bytes of the file, or rows.
    fn progress(&self) -> (u64, u64);
}

/// Opens a file.
pub(super) fn open(path: &Path, format: Format) -> anyhow::Result<Box<dyn Lines>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let length = file.metadata().map_or(0, |about| about.len());
    if format == Format::Parquet {
        return Ok(Box::new(parquet::Rows::new(path, file)?));
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
        Format::Csv => Ok(Box::new(csv::Rows::new(path, content, extent)?)),
        _ => Ok(Box::new(json_lines::Rows::new(path, content, extent))),
    }
}

/// How much of a file was read.
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

/// Counts what is read through it.
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
