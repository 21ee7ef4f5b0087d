//! The rows that every reader gives, and the things that it needs.

use std::rc::Rc;

use crate::columns::Columns;
use crate::fields::Fields;
use crate::options::ReadOptions;
use crate::refusal::Refusal;
use crate::rejects::RejectsForm;
use crate::values::ValueRules;

/// The longest row of a text file, bytes: a longer one is not data and must not fill the memory.
pub(crate) const LONGEST_ROW: usize = 1 << 20;

/// One row: its position, its text, and its fields or why they cannot be read.
#[derive(Debug)]
pub(crate) struct NumberedRow {
    /// The line of the file that it begins on, from 1; in Parquet the row.
    pub(crate) number: u64,
    /// The row in the form of the rejects file.
    pub(crate) original: Vec<u8>,
    pub(crate) fields: Result<Fields, Refusal>,
}

/// A file that is read row by row.
pub(crate) trait RowReader {
    /// Returns the next row, or `None` at the end. An error means that the file itself is broken.
    fn next(&mut self) -> anyhow::Result<Option<NumberedRow>>;
    /// Returns how much was read and how much there is: bytes of the file, or rows.
    fn progress(&self) -> (u64, u64);
    /// Returns the form of rejected rows.
    fn rejects_form(&self) -> RejectsForm;
    /// Returns the names of the file that are not read.
    fn ignored(&self) -> Vec<String>;
}

/// The things that a reader of any format needs besides the file.
pub(crate) struct Setting<'s> {
    pub(crate) columns: Columns,
    /// Columns that a file with a header must have.
    pub(crate) needed: &'static [&'static str],
    pub(crate) rules: Rc<ValueRules>,
    pub(crate) options: &'s ReadOptions,
}

/// A file that was opened.
pub(crate) struct Opened {
    pub(crate) reader: Box<dyn RowReader>,
    /// Notes on the file, for people: everything that is not plain from its name.
    pub(crate) notes: Vec<String>,
}
