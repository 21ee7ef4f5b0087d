//! A sheet of a workbook. The sheet is held in memory: it has a million rows at most.

use std::path::Path;
use std::rc::Rc;

use anyhow::{Context as _, bail};
use calamine::{
    CellErrorType, Data, ExcelDateTime, ExcelDateTimeType, Range, Reader as _, Xlsx, open_workbook,
};
use jiff::Span;
use jiff::civil::{Time, date};

use super::row::{NumberedRow, Opened, RowReader, Setting};
use crate::cell::Cell;
use crate::columns::{Column, Columns, REJECT};
use crate::fields::Fields;
use crate::refusal::Refusal;
use crate::rejects::{RejectsForm, csv_record};
use crate::values::ValueRules;

/// The delimiter of the rejects file.
const DELIMITER: u8 = b',';
/// A workbook keeps numbers as doubles, and its program shows 15 digits of them: from here on,
/// digits of an id may be lost.
const EXACT: f64 = 1e15;

struct XlsxReader {
    sheet: Range<Data>,
    header: Vec<String>,
    found: Vec<Option<Rc<Column>>>,
    /// The row that comes next, from 0.
    next: usize,
    columns: Columns,
    rules: Rc<ValueRules>,
    missing: Vec<String>,
}

/// Opens a workbook.
pub(super) fn open(path: &Path, mut setting: Setting<'_>) -> anyhow::Result<Opened> {
    let mut workbook: Xlsx<_> =
        open_workbook(path).context("it is no workbook (.xlsx) that can be read")?;
    let names = workbook.sheet_names();
    let name = match &setting.options.sheet {
        None => names
            .first()
            .cloned()
            .context("the workbook has no sheet")?,
        Some(name) if names.contains(name) => name.clone(),
        Some(name) => bail!("there is no sheet `{name}`; there are {}", names.join(", ")),
    };
    let sheet = workbook
        .worksheet_range(&name)
        .with_context(|| format!("cannot read the sheet `{name}`"))?;
    let is_used = |row: &[Data]| row.iter().any(|cell| *cell != Data::Empty);
    let Some((place, header)) = sheet.rows().enumerate().find(|(_, row)| is_used(row)) else {
        bail!("the sheet `{name}` is empty");
    };
    let header: Vec<String> = header
        .iter()
        .map(|cell| shown(cell).trim().to_owned())
        .collect();
    let found = setting.columns.of_header(&header, setting.needed)?;
    let notes = match names.len() {
        0 | 1 => Vec::new(),
        sheets => vec![format!("the sheet `{name}` is read, of {sheets}")],
    };
    Ok(Opened {
        reader: Box::new(XlsxReader {
            sheet,
            header,
            found,
            next: place + 1,
            columns: setting.columns,
            rules: setting.rules,
            missing: setting.options.missing.clone(),
        }),
        notes,
    })
}

/// Returns a value as a rejects file shows it.
fn shown(cell: &Data) -> String {
    match cell {
        Data::Float(number) => whole(*number).unwrap_or_else(|| format!("{number:?}")),
        Data::DateTime(time) => civil(*time).map_or_else(String::new, |cell| cell.to_string()),
        cell => cell.to_string(),
    }
}

/// Returns the digits of a whole number that a double holds without loss.
fn whole(number: f64) -> Option<String> {
    (number.fract() == 0.0 && number.abs() < EXACT).then(|| format!("{number:.0}"))
}

/// Returns a date or a time, or `None` for a length of time and what lies beyond the calendar. None
/// has a zone.
fn civil(time: ExcelDateTime) -> Option<Cell> {
    const DAY_MS: f64 = 86_400_000.0;
    // What follows the 29 February 1900, which never was, counts one day too many.
    const NEVER: f64 = 60.0;
    let serial = time.as_f64();
    let is = |from_1904| time == ExcelDateTime::new(serial, ExcelDateTimeType::DateTime, from_1904);
    let begins = match (is(true), is(false)) {
        (true, _) => date(1904, 1, 1),
        (_, true) if serial < NEVER => date(1899, 12, 31),
        (_, true) => date(1899, 12, 30),
        (false, false) => return None,
    };
    let ms = (serial * DAY_MS).round() as i64;
    let time = begins
        .at(0, 0, 0, 0)
        .checked_add(Span::new().try_milliseconds(ms).ok()?);
    let time = time.ok()?;
    Some(if time.time() == Time::midnight() {
        Cell::Day(time.date())
    } else {
        Cell::Local(time)
    })
}

impl XlsxReader {
    fn cell(&self, column: &Column, data: &Data) -> Result<Option<Cell>, Refusal> {
        let unreadable = || Refusal::plain(format!("{} `{data}` cannot be read", column.name));
        Ok(match data {
            Data::Empty | Data::Error(CellErrorType::NA) => None,
            Data::Int(number) => Some(Cell::Number(number.to_string())),
            Data::Float(number) => match whole(*number) {
                Some(digits) => Some(Cell::Number(digits)),
                None => Cell::float(*number),
            },
            Data::String(text) | Data::DateTimeIso(text) => Cell::trimmed(text, &self.missing),
            Data::Bool(flag) => Some(Cell::Flag(*flag)),
            Data::DateTime(time) => Some(civil(*time).ok_or_else(unreadable)?),
            Data::DurationIso(_) | Data::Error(_) => return Err(unreadable()),
        })
    }

    fn fields(&self, row: &[Data]) -> Result<Fields, Refusal> {
        let mut fields = Fields::new(self.rules.clone());
        for (column, data) in self.found.iter().zip(row) {
            if let Some(column) = column
                && let Some(cell) = self.cell(column, data)?
            {
                fields.add(column, cell)?;
            }
        }
        Ok(fields)
    }
}

impl RowReader for XlsxReader {
    fn next(&mut self) -> anyhow::Result<Option<NumberedRow>> {
        let above = self.sheet.start().map_or(0, |(row, _)| row as usize);
        loop {
            if self.next >= self.sheet.height() {
                return Ok(None);
            }
            let row = &self.sheet[self.next];
            self.next += 1;
            if row.iter().all(|cell| *cell == Data::Empty) {
                continue;
            }
            let own = |place: &usize| !REJECT.contains(&self.header[*place].as_str());
            let kept = (0..self.header.len()).filter(own);
            let original = csv_record(DELIMITER, kept.map(|place| shown(&row[place])));
            return Ok(Some(NumberedRow {
                number: (above + self.next) as u64,
                original,
                fields: self.fields(row),
            }));
        }
    }

    fn progress(&self) -> (u64, u64) {
        (self.next as u64, self.sheet.height() as u64)
    }

    fn rejects_form(&self) -> RejectsForm {
        let own = |name: &&String| !REJECT.contains(&name.as_str());
        RejectsForm::Csv {
            delimiter: DELIMITER,
            header: self.header.iter().filter(own).cloned().collect(),
            has_mark: false,
        }
    }

    fn ignored(&self) -> Vec<String> {
        self.columns.ignored().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_days_of_either_calendar() {
        let of = |serial, from_1904| {
            let time = ExcelDateTime::new(serial, ExcelDateTimeType::DateTime, from_1904);
            civil(time).map(|cell| cell.to_string())
        };
        assert_eq!(of(33_010.0, false).as_deref(), Some("1990-05-17"));
        assert_eq!(of(31_548.0, true).as_deref(), Some("1990-05-17"));
        assert_eq!(of(1.0, false).as_deref(), Some("1900-01-01"));
        assert_eq!(of(61.0, false).as_deref(), Some("1900-03-01"));
        assert_eq!(of(33_010.5, false).as_deref(), Some("1990-05-17T12:00:00"));
        let length = ExcelDateTime::new(1.5, ExcelDateTimeType::TimeDelta, false);
        assert_eq!(civil(length), None);
        assert_eq!(whole(880_011.0).as_deref(), Some("880011"));
        assert_eq!(whole(1e15), None);
    }
}
