//! Delimited text with a header.

mod delimiter;
#[cfg(test)]
mod properties;
mod splitter;

use std::borrow::Cow;
use std::rc::Rc;

use anyhow::{Context as _, bail};

use self::splitter::{Fault, FieldSpan, Record, Splitter};
use super::content::{Content, Extent};
use super::row::{LONGEST_ROW, NumberedRow, Opened, RowReader, Setting};
use crate::cell::Cell;
use crate::columns::{Column, Columns, REJECT};
use crate::fields::Fields;
use crate::refusal::Refusal;
use crate::rejects::{RejectsForm, csv_record};
use crate::values::ValueRules;

struct CsvReader {
    splitter: Splitter,
    header: Vec<String>,
    found: Vec<Option<Rc<Column>>>,
    columns: Columns,
    rules: Rc<ValueRules>,
    missing: Vec<String>,
    was_encoded: bool,
    extent: Extent,
}

/// Opens delimited text.
pub(super) fn open(content: Content, mut setting: Setting<'_>) -> anyhow::Result<Opened> {
    let Content {
        text,
        extent,
        was_encoded,
        mut notes,
    } = content;
    let mut splitter = Splitter::new(text);
    let named = setting.options.delimiter.map(|named| named.0);
    let note = delimiter::find(&mut splitter, named, &setting.columns)?;
    notes.extend(note);
    let header = splitter.next().context("cannot read it")?;
    let header = match header {
        Some(Record { fault: None, .. }) => names(&splitter)?,
        Some(Record {
            line,
            fault: Some(fault),
            ..
        }) => bail!("{}", describe(&fault, line)),
        None => Vec::new(),
    };
    if header.iter().all(String::is_empty) {
        bail!("it has no header: the first line names the columns");
    }
    splitter.columns = header.len();
    let found = setting.columns.of_header(&header, setting.needed)?;
    let reader = CsvReader {
        splitter,
        header,
        found,
        columns: setting.columns,
        rules: setting.rules,
        missing: setting.options.missing.clone(),
        was_encoded,
        extent,
    };
    Ok(Opened {
        reader: Box::new(reader),
        notes,
    })
}

fn names(splitter: &Splitter) -> anyhow::Result<Vec<String>> {
    let name = |span: &FieldSpan| {
        let name = text(splitter, span).context("the header is not in UTF-8 (--encoding)")?;
        Ok(name.trim().to_owned())
    };
    splitter.fields.iter().map(name).collect()
}

/// Returns the text of a field, or `None` if it is not UTF-8.
fn text<'s>(splitter: &'s Splitter, span: &FieldSpan) -> Option<Cow<'s, str>> {
    let content = std::str::from_utf8(splitter.bytes(span.content.clone())).ok()?;
    Some(if span.has_doubled_quotes {
        Cow::Owned(content.replace("\"\"", "\""))
    } else {
        Cow::Borrowed(content)
    })
}

fn describe(fault: &Fault, line: u64) -> String {
    match fault {
        Fault::Unclosed => format!(
            "a quote opens on line {line} and never closes: close it, or double it (\"\") where \
             it is a part of the text"
        ),
        Fault::TextAfterQuote => format!(
            "a quote opens on line {line} and does not close before the next delimiter: close \
             it, or double it (\"\") where it is a part of the text"
        ),
        Fault::Swallows => format!(
            "a quote opens on line {line} and closes lines later, and every line between reads as \
             a row: close it on line {line}, or double it (\"\") where it is a part of the text"
        ),
        Fault::TooLong => format!("line {line} is longer than {LONGEST_ROW} bytes"),
    }
}

impl CsvReader {
    fn row(&self, record: &Record) -> NumberedRow {
        let fields = match &record.fault {
            Some(fault) => Err(Refusal::plain(describe(fault, record.line))),
            None => self.fields(),
        };
        NumberedRow {
            number: record.line,
            original: self.original(record),
            fields,
        }
    }

    fn fields(&self) -> Result<Fields, Refusal> {
        let (found, wanted) = (self.splitter.fields.len(), self.header.len());
        if found != wanted {
            return Err(Refusal::plain(format!(
                "the row has {found} fields, the header {wanted}"
            )));
        }
        let mut fields = Fields::new(self.rules.clone());
        for (column, span) in self.found.iter().zip(&self.splitter.fields) {
            let Some(column) = column else { continue };
            let text = text(&self.splitter, span).ok_or_else(|| {
                Refusal::plain(format!("{} is not in UTF-8 (--encoding)", column.name))
            })?;
            if let Some(cell) = Cell::trimmed(&text, &self.missing) {
                fields.add(column, cell)?;
            }
        }
        Ok(fields)
    }

    /// Returns the record as CSV. What is wrong with its quotes is put right, so that it does not
    /// swallow the records after it; cells that a rejects file added are left out.
    fn original(&self, record: &Record) -> Vec<u8> {
        let added = |place: usize| {
            let name = self.header.get(place).map(String::as_str);
            name.is_some_and(|name| REJECT.contains(&name))
        };
        let is_plain = record.fault.is_none() && !(0..self.header.len()).any(added);
        if is_plain {
            return self.splitter.bytes(record.span.clone()).to_vec();
        }
        let kept = self.splitter.fields.iter().enumerate();
        let kept = kept.filter(|(place, _)| !added(*place));
        let cells = kept.map(|(_, span)| match text(&self.splitter, span) {
            Some(text) => Cow::Owned(text.into_owned().into_bytes()),
            None => Cow::Borrowed(self.splitter.bytes(span.content.clone())),
        });
        csv_record(self.splitter.delimiter, cells)
    }
}

impl RowReader for CsvReader {
    fn next(&mut self) -> anyhow::Result<Option<NumberedRow>> {
        loop {
            let record = self.splitter.next().context("cannot read it")?;
            let Some(record) = record else {
                return Ok(None);
            };
            // A table program writes rows without any value below a table.
            let row = self.row(&record);
            let blank = |span: &FieldSpan| {
                let bytes = self.splitter.bytes(span.content.clone());
                bytes.iter().all(u8::is_ascii_whitespace)
            };
            let is_empty = row.fields.as_ref().is_ok_and(Fields::is_empty);
            if is_empty && self.splitter.fields.iter().all(blank) {
                continue;
            }
            return Ok(Some(row));
        }
    }

    fn progress(&self) -> (u64, u64) {
        self.extent.progress()
    }

    fn rejects_form(&self) -> RejectsForm {
        let own = |name: &&String| !REJECT.contains(&name.as_str());
        RejectsForm::Csv {
            delimiter: self.splitter.delimiter,
            header: self.header.iter().filter(own).cloned().collect(),
            has_mark: self.was_encoded,
        }
    }

    fn ignored(&self) -> Vec<String> {
        self.columns.ignored().cloned().collect()
    }
}
