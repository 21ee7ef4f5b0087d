//! JSON lines: one object per line.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use super::{Extent, NumberedRow, RowReader};
use crate::fields::Fields;

/// The longest line, bytes: a longer one is not data and must not fill the memory.
const LONGEST: u64 = 1 << 20;

/// A line as it is in the file.
struct RawLine {
    bytes: Vec<u8>,
    /// True if the line was not longer than [`LONGEST`].
    complete: bool,
}

pub(super) struct JsonLinesReader {
    path: PathBuf,
    content: BufReader<Box<dyn Read>>,
    number: u64,
    extent: Extent,
}

impl JsonLinesReader {
    pub(super) fn new(path: &Path, content: Box<dyn Read>, extent: Extent) -> Self {
        Self {
            path: path.to_path_buf(),
            content: BufReader::new(content),
            number: 0,
            extent,
        }
    }

    /// Returns the next line, or `None` at the end of the file. A line that is too long is cut and
    /// its rest skipped.
    fn line(&mut self) -> std::io::Result<Option<RawLine>> {
        let mut line = Vec::new();
        let read = (&mut self.content)
            .take(LONGEST + 1)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let complete = line.last() == Some(&b'\n') || read as u64 <= LONGEST;
        if !complete {
            self.skip_rest()?;
        }
        Ok(Some(RawLine {
            bytes: line,
            complete,
        }))
    }

    fn skip_rest(&mut self) -> std::io::Result<()> {
        loop {
            let buffer = self.content.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(buffer.len(), |at| at + 1);
            self.content.consume(length);
            if end.is_some() || length == 0 {
                return Ok(());
            }
        }
    }
}

fn fields(line: &[u8]) -> Result<Fields, String> {
    match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => Ok(Fields::from_json(object)),
        Ok(_) => Err("the line is no JSON object".to_owned()),
        Err(error) => Err(format!("the line is no JSON object: {error}")),
    }
}

impl RowReader for JsonLinesReader {
    fn columns(&self) -> Option<Vec<String>> {
        None
    }

    fn next(&mut self) -> anyhow::Result<Option<NumberedRow>> {
        loop {
            let line = self.line();
            let line = line.with_context(|| format!("cannot read {}", self.path.display()))?;
            let Some(line) = line else {
                return Ok(None);
            };
            let fields = if line.complete && line.bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            } else if line.complete {
                fields(&line.bytes)
            } else {
                Err(format!("the line is longer than {LONGEST} bytes"))
            };
            let number = self.number;
            return Ok(Some(NumberedRow { number, fields }));
        }
    }

    fn progress(&self) -> (u64, u64) {
        self.extent.progress()
    }
}
