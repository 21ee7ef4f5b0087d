//! JSON: one object a line, objects one after another over any number of lines, or an array.

mod object;
mod scanner;

use std::rc::Rc;

use anyhow::{Context as _, bail};

use self::object::ObjectReader;
use self::scanner::{Item, Scanner};
use super::content::{Content, Extent};
use super::row::{LONGEST_ROW, NumberedRow, Opened, RowReader, Setting};
use crate::refusal::Refusal;
use crate::rejects::RejectsForm;

/// How the objects follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    /// Each on its own line. A line that is broken costs nothing else.
    Lines,
    /// In an array, or over several lines.
    Values,
}

struct JsonReader {
    scanner: Scanner,
    form: Form,
    objects: ObjectReader,
    extent: Extent,
}

/// Opens a text of JSON.
pub(super) fn open(content: Content, setting: Setting<'_>) -> anyhow::Result<Opened> {
    let mut scanner = Scanner::new(content.text);
    let first = scanner.peek_line(LONGEST_ROW).context("cannot read it")?;
    let form = form(&first);
    if form == Form::Values {
        scanner.enter_array();
    }
    let reader = JsonReader {
        scanner,
        form,
        objects: ObjectReader::new(
            setting.columns,
            Rc::clone(&setting.rules),
            setting.options.missing.clone(),
        ),
        extent: content.extent,
    };
    Ok(Opened {
        reader: Box::new(reader),
        notes: content.notes,
    })
}

/// Returns the form of a text that begins with this line.
fn form(first: &[u8]) -> Form {
    let begins_array = first.first() == Some(&b'[');
    let goes_on = || {
        let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(first);
        parsed.is_err_and(|error| error.is_eof())
    };
    if begins_array || (first.first() == Some(&b'{') && goes_on()) {
        Form::Values
    } else {
        Form::Lines
    }
}

impl RowReader for JsonReader {
    fn next(&mut self) -> anyhow::Result<Option<NumberedRow>> {
        let item = match self.form {
            Form::Lines => self.scanner.next_line(LONGEST_ROW),
            Form::Values => self.scanner.next_value(LONGEST_ROW),
        };
        let (number, original, fields) = match item.context("cannot read it")? {
            Item::End => return Ok(None),
            Item::Text { line, span } => {
                let text = self.scanner.bytes(span);
                (line, object::original(text), self.objects.fields(text))
            }
            Item::TooLong { line, span } => {
                let refusal =
                    Refusal::plain(format!("the line is longer than {LONGEST_ROW} bytes"));
                (line, self.scanner.bytes(span).to_vec(), Err(refusal))
            }
            Item::Broken { line, what } => bail!("line {line}: {what}"),
        };
        Ok(Some(NumberedRow {
            number,
            original,
            fields,
        }))
    }

    fn progress(&self) -> (u64, u64) {
        self.extent.progress()
    }

    fn rejects_form(&self) -> RejectsForm {
        RejectsForm::Json
    }

    fn ignored(&self) -> Vec<String> {
        self.objects.ignored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_how_objects_follow_each_other() {
        for lines in ["{\"a\":1}", "junk", "{\"a\" 1", "", "{\"a\":1} {\"a\":2}"] {
            assert_eq!(form(lines.as_bytes()), Form::Lines, "{lines}");
        }
        for values in ["[{\"a\":1}]", "[", "{", "{\"a\":"] {
            assert_eq!(form(values.as_bytes()), Form::Values, "{values}");
        }
    }
}
