//! CSV with a header.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use csv::{ByteRecord, Position, Reader, ReaderBuilder};

use super::{Extent, NumberedRow, RowReader};
use crate::fields::Fields;

pub(super) struct CsvReader {
    path: PathBuf,
    reader: Reader<Box<dyn Read>>,
    header: Vec<String>,
    record: ByteRecord,
    extent: Extent,
}

impl CsvReader {
    pub(super) fn new(path: &Path, content: Box<dyn Read>, extent: Extent) -> anyhow::Result<Self> {
        // A row with another number of fields is rejected on its own; the file is not.
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(content);
        let header = reader.headers();
        let header = header.with_context(|| format!("cannot read {} as CSV", path.display()))?;
        // A byte order mark does not belong to the first name.
        let header: Vec<String> = header
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        if header.iter().all(String::is_empty) {
            bail!(
                "{} has no header: the first line names the columns",
                path.display()
            );
        }
        for (place, name) in header.iter().enumerate() {
            if !name.is_empty() && header[..place].contains(name) {
                bail!("{}: two columns are named `{name}`", path.display());
            }
        }
        Ok(Self {
            path: path.to_path_buf(),
            reader,
            header,
            record: ByteRecord::new(),
            extent,
        })
    }

    fn fields(&self) -> Result<Fields, String> {
        let (found, wanted) = (self.record.len(), self.header.len());
        if found != wanted {
            return Err(format!("the row has {found} fields, the header {wanted}"));
        }
        let mut cells = Vec::with_capacity(wanted);
        for (column, cell) in self.header.iter().zip(&self.record) {
            let cell = std::str::from_utf8(cell);
            let cell = cell.map_err(|_| format!("{column} is not UTF-8"))?;
            cells.push((column.as_str(), cell));
        }
        Ok(Fields::from_cells(cells.into_iter()))
    }
}

impl RowReader for CsvReader {
    fn columns(&self) -> Option<Vec<String>> {
        Some(self.header.clone())
    }

    fn next(&mut self) -> anyhow::Result<Option<NumberedRow>> {
        let read = self.reader.read_byte_record(&mut self.record);
        if !read.with_context(|| format!("cannot read {}", self.path.display()))? {
            return Ok(None);
        }
        Ok(Some(NumberedRow {
            number: self.record.position().map_or(0, Position::line),
            fields: self.fields(),
        }))
    }

    fn progress(&self) -> (u64, u64) {
        self.extent.progress()
    }
}
