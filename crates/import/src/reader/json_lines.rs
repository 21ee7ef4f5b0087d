//! JSON lines: one object a line.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use super::{Extent, Line, Lines};
use crate::fields::Fields;

/// The longest line, bytes: more is junk, and must not fill the memory.
const LONGEST: u64 = 1 << 20;

pub(super) struct Rows {
    path: PathBuf,
    content: BufReader<Box<dyn Read>>,
    number: u64,
    extent: Extent,
}

impl Rows {
    pub(super) fn new(path: &Path, content: Box<dyn Read>, extent: Extent) -> Self {
        Self {
            path: path.to_path_buf(),
            content: BufReader::new(content),
            number: 0,
            extent,
        }
    }

    /// The next line without its end; nothing at the end of the file. What is too long is cut,
    /// and the rest of it passed over.
    fn line(&mut self) -> std::io::Result<Option<(Vec<u8>, bool)>> {
        let mut line = Vec::new();
        let read = (&mut self.content)
            .take(LONGEST + 1)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let whole = line.last() == Some(&b'\n') || read as u64 <= LONGEST;
        if !whole {
            self.pass_over()?;
        }
        Ok(Some((line, whole)))
    }

    fn pass_over(&mut self) -> std::io::Result<()> {
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
        Ok(Value::Object(object)) => Ok(Fields::of_json(object)),
        Ok(_) => Err("the line is no JSON object".to_owned()),
        Err(error) => Err(format!("the line is no JSON object: {error}")),
    }
}

impl Lines for Rows {
    fn columns(&self) -> Option<Vec<String>> {
        None
    }

    fn next(&mut self) -> anyhow::Result<Option<Line>> {
        loop {
            let line = self.line();
            let line = line.with_context(|| format!("cannot read {}", self.path.display()))?;
            let Some((line, whole)) = line else {
                return Ok(None);
            };
            let fields = if whole && line.iter().all(u8::is_ascii_whitespace) {
                continue;
            } else if whole {
                fields(&line)
            } else {
                Err(format!("the line is longer than {LONGEST} bytes"))
            };
            let number = self.number;
            return Ok(Some(Line { number, fields }));
        }
    }

    fn progress(&self) -> (u64, u64) {
        self.extent.progress()
    }
}
