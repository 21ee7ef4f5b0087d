//! Finds the lines, or the values, of a text of JSON, without parsing them.

use std::io::Read;
use std::ops::Range;

use memchr::memchr;

use super::super::buffer::Buffer;

/// Bytes that are kept of what is too long.
const KEPT: usize = 1_000;

/// The next part of a text.
#[derive(Debug, PartialEq)]
pub(super) enum Item {
    /// A line or a value.
    Text { line: u64, span: Range<usize> },
    /// The beginning of one that is too long.
    TooLong { line: u64, span: Range<usize> },
    /// The text cannot be read further.
    Broken { line: u64, what: String },
    /// Nothing more.
    End,
}

/// A text of JSON.
pub(super) struct Scanner {
    buffer: Buffer,
    line: u64,
    /// True if the values are those of an array that is not closed yet.
    is_in_array: bool,
    is_after_value: bool,
}

impl Scanner {
    pub(super) fn new(text: Box<dyn Read>) -> Self {
        Self {
            buffer: Buffer::new(text),
            line: 1,
            is_in_array: false,
            is_after_value: false,
        }
    }

    /// Returns bytes of the item that was found last.
    pub(super) fn bytes(&self, span: Range<usize>) -> &[u8] {
        &self.buffer.bytes[span]
    }

    /// Returns the first line that is not blank, from its first letter, and leaves it to be read.
    pub(super) fn peek_line(&mut self, longest: usize) -> std::io::Result<Vec<u8>> {
        self.skip_blanks()?;
        loop {
            let rest = self.buffer.rest();
            match memchr(b'\n', rest) {
                Some(end) => return Ok(rest[..end].trim_ascii_end().to_vec()),
                None if self.buffer.is_at_end || rest.len() > longest => return Ok(rest.to_vec()),
                None => self.buffer.fill()?,
            }
        }
    }

    /// Goes into the array that the text is, if it is one.
    pub(super) fn enter_array(&mut self) {
        if self.buffer.first() == Some(b'[') {
            self.buffer.start += 1;
            self.is_in_array = true;
        }
    }

    /// Returns the next line that is not blank.
    pub(super) fn next_line(&mut self, longest: usize) -> std::io::Result<Item> {
        self.skip_blanks()?;
        loop {
            let rest = self.buffer.rest();
            let line = self.line;
            let (end, next) = match memchr(b'\n', rest) {
                Some(end) => (self.buffer.start + end, self.buffer.start + end + 1),
                None if rest.is_empty() && self.buffer.is_at_end => return Ok(Item::End),
                None if self.buffer.is_at_end => (self.buffer.bytes.len(), self.buffer.bytes.len()),
                None if rest.len() > longest => return self.skip_long_line(),
                None => {
                    self.buffer.fill()?;
                    continue;
                }
            };
            let span = self.buffer.start..end;
            self.line += u64::from(next > end);
            self.buffer.start = next;
            return Ok(if span.len() > longest {
                Item::TooLong {
                    line,
                    span: span.start..span.start + KEPT,
                }
            } else {
                Item::Text { line, span }
            });
        }
    }

    fn skip_long_line(&mut self) -> std::io::Result<Item> {
        let line = self.line;
        self.line += u64::from(self.buffer.skip_line(KEPT)?);
        Ok(Item::TooLong {
            line,
            span: 0..KEPT,
        })
    }

    /// Returns the next value of the array, or of the text.
    pub(super) fn next_value(&mut self, longest: usize) -> std::io::Result<Item> {
        self.skip_blanks()?;
        let broken = |line, what: &str| {
            Ok(Item::Broken {
                line,
                what: what.to_owned(),
            })
        };
        let Some(first) = self.buffer.first() else {
            if self.is_in_array {
                return broken(
                    self.line,
                    "the array does not close: the file seems to be cut off",
                );
            }
            return Ok(Item::End);
        };
        match first {
            b']' if self.is_in_array => {
                self.buffer.start += 1;
                self.is_in_array = false;
                self.skip_blanks()?;
                if self.buffer.start < self.buffer.bytes.len() {
                    return broken(self.line, "text follows the end of the array");
                }
                return Ok(Item::End);
            }
            b',' if self.is_in_array && self.is_after_value => {
                self.buffer.start += 1;
                self.is_after_value = false;
                return self.next_value(longest);
            }
            _ if self.is_in_array && self.is_after_value => {
                return broken(self.line, "a comma must be between the objects of an array");
            }
            _ => {}
        }
        let line = self.line;
        loop {
            let rest = self.buffer.rest();
            if let Some(length) = value_length(rest, self.buffer.is_at_end) {
                let span = self.buffer.start..self.buffer.start + length;
                self.line +=
                    memchr::memchr_iter(b'\n', &self.buffer.bytes[span.clone()]).count() as u64;
                self.buffer.start = span.end;
                self.is_after_value = true;
                return Ok(Item::Text { line, span });
            }
            if self.buffer.is_at_end || rest.len() > longest {
                let what = "an object begins here that does not end: the file is cut off, or a \
                            quote or a bracket is missing";
                return broken(line, what);
            }
            self.buffer.fill()?;
        }
    }

    fn skip_blanks(&mut self) -> std::io::Result<()> {
        loop {
            match self.buffer.first() {
                Some(b'\n') => {
                    self.line += 1;
                    self.buffer.start += 1;
                }
                Some(byte) if byte.is_ascii_whitespace() => self.buffer.start += 1,
                Some(_) => return Ok(()),
                None if self.buffer.is_at_end => return Ok(()),
                None => self.buffer.fill()?,
            }
        }
    }
}

/// Returns the length of the value at the beginning of `text`, or `None` if it does not end here.
/// Brackets within texts do not count.
fn value_length(text: &[u8], is_at_end: bool) -> Option<usize> {
    let mut depth = 0_usize;
    let mut is_text = false;
    let mut is_escaped = false;
    for (place, byte) in text.iter().enumerate() {
        if is_text {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => is_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => is_text = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    return Some(place + 1);
                }
            }
            // The end of a value that is no object.
            b',' | b']' | b'}' if depth == 0 => return Some(place.max(1)),
            _ if depth == 0 && byte.is_ascii_whitespace() => return Some(place),
            _ => {}
        }
    }
    (is_at_end && depth == 0 && !is_text).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<Result<(u64, String), String>> {
        let mut scanner = Scanner::new(Box::new(std::io::Cursor::new(text.as_bytes().to_vec())));
        scanner.peek_line(100).expect("read");
        scanner.enter_array();
        let mut found = Vec::new();
        loop {
            match scanner.next_value(100).expect("read") {
                Item::Text { line, span } => {
                    let text = String::from_utf8_lossy(scanner.bytes(span)).into_owned();
                    found.push(Ok((line, text)));
                }
                Item::Broken { line, what } => {
                    found.push(Err(format!("{line}: {what}")));
                    return found;
                }
                _ => return found,
            }
        }
    }

    fn good(line: u64, text: &str) -> Result<(u64, String), String> {
        Ok((line, text.to_owned()))
    }

    #[test]
    fn values_are_found_in_arrays_and_one_after_another() {
        let objects = ["{\"a\": \"}]\\\"{\"}", "{\"b\":\n [1,{}]}"];
        let expected = [good(2, objects[0]), good(3, objects[1])];
        let array = format!("[\n{},\n{}\n]\n", objects[0], objects[1]);
        assert_eq!(values(&array), expected);
        let sequence = format!("\n{}\n{}", objects[0], objects[1]);
        assert_eq!(values(&sequence), expected);
        assert_eq!(values("[]"), []);
        assert_eq!(
            values("[1, \"x\",{}]"),
            [good(1, "1"), good(1, "\"x\""), good(1, "{}")]
        );
    }

    #[test]
    fn a_text_that_is_cut_off_says_where() {
        for (text, expected) in [
            ("[{\"a\":1}", "1: the array does not close"),
            ("[{\"a\":1},\n{\"a\":", "2: an object begins here"),
            ("[{} {}]", "1: a comma must be between"),
            ("[{}] {}", "1: text follows"),
            (
                &format!("[{{\"a\":\"{}", "x".repeat(200)),
                "1: an object begins here",
            ),
        ] {
            let found = values(text);
            let Some(Err(error)) = found.last() else {
                panic!("{text}: {found:?}")
            };
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
