//! A file being read, with its rejects and its progress.

use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, bail};

use super::rules;
use crate::columns::{Columns, KnownColumns, REJECT};
use crate::fields::Fields;
use crate::reader::{self, NumberedRow, RowReader, Setting};
use crate::refusal::Refusal;
use crate::rejects::{Rejects, imported_name};
use crate::report::{ImportReport, ImportSource, Progress};
use crate::rows::Place;

/// Progress is shown after so many rows.
const SHOWN_AFTER: u64 = 1_000;

fn is_same(one: &Path, other: &Path) -> bool {
    let (one, other) = (one.canonicalize(), other.canonicalize());
    one.ok()
        .is_some_and(|one| other.is_ok_and(|other| one == other))
}

/// A file being read.
pub(super) struct Reading<'s> {
    rows: Box<dyn RowReader>,
    pub(super) rejects: Rejects,
    notes: Vec<String>,
    read: u64,
    name: String,
    written_ms: i64,
    source: ImportSource<'s>,
}

/// A row whose fields can be read.
pub(super) struct ReadRow {
    /// Its line in the file that it first came from.
    pub(super) line: u64,
    /// Its text in the form of the rejects file.
    pub(super) original: Vec<u8>,
    pub(super) fields: Fields,
}

impl<'s> Reading<'s> {
    pub(super) fn open(
        source: &ImportSource<'s>,
        known: KnownColumns,
        needed: &'static [&'static str],
    ) -> anyhow::Result<Self> {
        if source
            .rejects
            .is_some_and(|rejects| is_same(rejects, source.file))
        {
            bail!(
                "the rejects file {} is the file that is imported: name another one",
                source.file.display()
            );
        }
        let setting = Setting {
            columns: Columns::new(known, &source.options.map)?,
            needed,
            rules: rules(source),
            options: source.options,
        };
        let opened = reader::open(source.file, setting)?;
        let written = source.file.metadata().and_then(|about| about.modified());
        let written = written
            .ok()
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let written_ms = written.and_then(|since| i64::try_from(since.as_millis()).ok());
        let form = opened.reader.rejects_form();
        Ok(Self {
            rows: opened.reader,
            rejects: Rejects::new(source.file, source.rejects, form),
            notes: opened.notes,
            read: 0,
            name: imported_name(source.file),
            written_ms: written_ms.unwrap_or_default(),
            source: *source,
        })
    }

    /// Returns the next readable row, or `None` at the end. Unreadable rows are rejected.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<ReadRow>> {
        while let Some(row) = self.next_row()? {
            self.read += 1;
            if self.read.is_multiple_of(SHOWN_AFTER) {
                self.show_progress();
            }
            let NumberedRow {
                number,
                original,
                fields,
            } = row;
            // A mended row keeps the line that it had in the file that it came from.
            let read = fields.and_then(|fields| match fields.integer(REJECT[0])? {
                Some(line) => Ok((u64::try_from(line).unwrap_or(number), fields)),
                None => Ok((number, fields)),
            });
            match read {
                Ok((line, fields)) => {
                    return Ok(Some(ReadRow {
                        line,
                        original,
                        fields,
                    }));
                }
                Err(refusal) => self.rejects.add(number, &refusal, &original)?,
            }
        }
        Ok(None)
    }

    fn next_row(&mut self) -> anyhow::Result<Option<NumberedRow>> {
        self.rows.next().with_context(|| {
            format!(
                "{} cannot be read on after {} rows: they may have been taken, and the same file \
                 may be imported again once it is mended",
                self.source.file.display(),
                self.read
            )
        })
    }

    /// Rejects a row.
    pub(super) fn reject(&mut self, row: &ReadRow, refusal: &Refusal) -> anyhow::Result<()> {
        self.rejects.add(row.line, refusal, &row.original)
    }

    /// Returns the place of a line.
    pub(super) fn place(&self, line: u64) -> Place<'_> {
        Place {
            file: &self.name,
            written_ms: self.written_ms,
            line,
        }
    }

    /// Returns whether nothing is to be sent.
    pub(super) fn is_dry_run(&self) -> bool {
        self.source.dry_run
    }

    /// Returns the instant of the import, Unix milliseconds.
    pub(super) fn now_ms(&self) -> i64 {
        self.source.now_ms
    }

    fn show_progress(&self) {
        let (done, extent) = self.rows.progress();
        (self.source.progress)(Progress {
            done,
            extent,
            rows: self.read,
        });
    }

    pub(super) fn finish(self) -> anyhow::Result<ImportReport> {
        self.show_progress();
        let rejected = self.rejects.count();
        Ok(ImportReport {
            dry_run: self.source.dry_run,
            read: self.read,
            accepted: self.read - rejected,
            rejected,
            first_rejected: self.rejects.first().to_vec(),
            ignored: self.rows.ignored(),
            notes: self.notes,
            rejects: self.rejects.finish()?,
            ..ImportReport::default()
        })
    }
}
