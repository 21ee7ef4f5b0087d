//! Splits delimited text into records and fields.
//!
//! Own code beside the `csv` crate, because a quote that never closes must cost one line and not
//! the rest of the file: `csv` reads such a file to its end as one field and reports nothing. Here
//! a record whose quote does not close properly is reported with the line of the quote, and
//! reading continues on the next line.

use std::io::Read;
use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2};

use super::super::buffer::Buffer;
use super::super::row::LONGEST_ROW;

/// Bytes that are kept of a line that is too long.
const KEPT: usize = 1_000;
const QUOTE: u8 = b'"';

/// A field of a record: where its content is, and whether quotes within it are doubled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldSpan {
    pub(super) content: Range<usize>,
    pub(super) has_doubled_quotes: bool,
}

impl FieldSpan {
    /// Returns a field without quotes.
    fn plain(content: Range<usize>) -> Self {
        Self {
            content,
            has_doubled_quotes: false,
        }
    }
}

/// A fault of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// A quote is opened on this line and not closed before the end of the file, or within the
    /// longest row.
    Unclosed,
    /// A quote is opened on this line, and text follows the quote that closes it.
    TextAfterQuote,
    /// A quote is opened on this line and closed lines later, and each line after it reads as a
    /// record: it closes by accident, and the records within would vanish.
    Swallows,
    /// The line is longer than a row may be.
    TooLong,
}

/// A record: where it begins, and how it was split.
#[derive(Debug)]
pub(super) struct Record {
    /// Its line, from 1.
    pub(super) line: u64,
    /// Its bytes, without the end of the line.
    pub(super) span: Range<usize>,
    /// Its fault, if it has one; its span is then one line.
    pub(super) fault: Option<Fault>,
}

/// The result of a scan of a record.
enum Scan {
    /// The record ends here: its end, and where the next begins.
    End(usize, usize),
    Fault(Fault),
    /// The buffer ends before the record does.
    More,
}

/// Splits a text.
pub(super) struct Splitter {
    buffer: Buffer,
    line: u64,
    pub(super) delimiter: u8,
    /// The fields of every record, once the header said how many.
    pub(super) columns: usize,
    /// The fields of the current record.
    pub(super) fields: Vec<FieldSpan>,
}

impl Splitter {
    pub(super) fn new(text: Box<dyn Read>) -> Self {
        Self {
            buffer: Buffer::new(text),
            line: 1,
            delimiter: b',',
            columns: 0,
            fields: Vec::new(),
        }
    }

    /// Returns bytes of the current record.
    pub(super) fn bytes(&self, span: Range<usize>) -> &[u8] {
        &self.buffer.bytes[span]
    }

    /// Returns the first line that is not blank, and leaves it to be read; its delimiter is not
    /// known yet.
    pub(super) fn peek_line(&mut self) -> std::io::Result<Vec<u8>> {
        self.skip_blank_lines()?;
        let line = loop {
            let rest = self.buffer.rest();
            match memchr2(b'\n', b'\r', rest) {
                Some(end) => break rest[..end].to_vec(),
                None if self.buffer.is_at_end || rest.len() > LONGEST_ROW => break rest.to_vec(),
                None => self.buffer.fill()?,
            }
        };
        Ok(line)
    }

    /// Leaves out the line that was peeked at.
    pub(super) fn skip_line(&mut self, length: usize) {
        self.buffer.start += length;
    }

    /// Returns the next record, or `None` at the end. Blank lines are left out.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Record>> {
        if !self.skip_blank_lines()? {
            return Ok(None);
        }
        loop {
            match self.scan(self.buffer.start) {
                Scan::End(end, _) if self.swallows(end) => {
                    return self.one_line(Fault::Swallows).map(Some);
                }
                Scan::End(end, next) => return Ok(Some(self.take(end, next, None))),
                Scan::Fault(fault) => return self.one_line(fault).map(Some),
                Scan::More if self.buffer.bytes.len() - self.buffer.start > LONGEST_ROW => {
                    let line = self.buffer.rest();
                    let fault = match memchr2(b'\n', b'\r', line) {
                        Some(_) => Fault::Unclosed,
                        None => Fault::TooLong,
                    };
                    return self.one_line(fault).map(Some);
                }
                Scan::More => self.buffer.fill()?,
            }
        }
    }

    /// Returns whether the current record goes over several lines each of which, after the first,
    /// reads as a record of its own. Two fields are too few to tell.
    fn swallows(&self, end: usize) -> bool {
        const FEW: usize = 2;
        if self.columns <= FEW {
            return false;
        }
        let record = &self.buffer.bytes[self.buffer.start..end];
        let mut lines = record.split(|byte| *byte == b'\n').skip(1).peekable();
        let fields = |line: &[u8]| memchr_iter(self.delimiter, line).count() + 1;
        lines.peek().is_some() && lines.all(|line| fields(line) == self.columns)
    }

    /// Takes the current record, and moves behind it.
    fn take(&mut self, end: usize, next: usize, fault: Option<Fault>) -> Record {
        let (line, span) = (self.line, self.buffer.start..end);
        let taken = &self.buffer.bytes[self.buffer.start..next];
        let feeds = memchr_iter(b'\n', taken).count();
        let returns = memchr_iter(b'\r', taken).count();
        // `\r\n` is one end of line; files that have `\r` alone have no `\n`.
        self.line += feeds.max(returns) as u64;
        self.buffer.start = next;
        Record { line, span, fault }
    }

    /// Takes the line that the record begins on, whatever is in it.
    fn one_line(&mut self, fault: Fault) -> std::io::Result<Record> {
        loop {
            let rest = self.buffer.rest();
            if let Some(end) = memchr2(b'\n', b'\r', rest) {
                let end = self.buffer.start + end;
                match self.line_end(end) {
                    Some(next) => return Ok(self.split_plainly(end, next, fault)),
                    None => self.buffer.fill()?,
                }
            } else if self.buffer.is_at_end {
                let end = self.buffer.bytes.len();
                return Ok(self.split_plainly(end, end, fault));
            } else if rest.len() > LONGEST_ROW {
                return self.skip_long_line(fault);
            } else {
                self.buffer.fill()?;
            }
        }
    }

    /// Splits a faulty line at every delimiter.
    fn split_plainly(&mut self, end: usize, next: usize, fault: Fault) -> Record {
        self.fields.clear();
        let mut from = self.buffer.start;
        for at in memchr_iter(self.delimiter, &self.buffer.bytes[self.buffer.start..end]) {
            let at = self.buffer.start + at;
            self.fields.push(FieldSpan::plain(from..at));
            from = at + 1;
        }
        self.fields.push(FieldSpan::plain(from..end));
        self.take(end, next, Some(fault))
    }

    /// Takes the beginning of a line that is too long, and skips its rest.
    fn skip_long_line(&mut self, fault: Fault) -> std::io::Result<Record> {
        let line = self.line;
        self.line += u64::from(self.buffer.skip_line(KEPT)?);
        self.fields.clear();
        self.fields.push(FieldSpan::plain(0..KEPT));
        Ok(Record {
            line,
            span: 0..KEPT,
            fault: Some(fault),
        })
    }

    /// Scans one record from `start`, and notes its fields.
    fn scan(&mut self, start: usize) -> Scan {
        self.fields.clear();
        let rest = &self.buffer.bytes[start..];
        let line_end = match memchr2(b'\n', b'\r', rest) {
            Some(end) => start + end,
            None if self.buffer.is_at_end => self.buffer.bytes.len(),
            None => return Scan::More,
        };
        if memchr(QUOTE, &self.buffer.bytes[start..line_end]).is_none() {
            let Some(next) = self.line_end(line_end) else {
                return Scan::More;
            };
            let mut from = start;
            for at in memchr_iter(self.delimiter, &self.buffer.bytes[start..line_end]) {
                let at = start + at;
                self.fields.push(FieldSpan::plain(from..at));
                from = at + 1;
            }
            self.fields.push(FieldSpan::plain(from..line_end));
            return Scan::End(line_end, next);
        }
        self.scan_quoted(start)
    }

    fn scan_quoted(&mut self, start: usize) -> Scan {
        let mut at = start;
        loop {
            let opens = self.skip_blanks(at);
            let is_quoted = self.buffer.bytes.get(opens) == Some(&QUOTE);
            let end = if is_quoted {
                match self.quoted_field(opens) {
                    Ok(end) => end,
                    Err(scan) => return scan,
                }
            } else {
                let rest = &self.buffer.bytes[at..];
                let ends = |byte: &u8| *byte == self.delimiter || matches!(byte, b'\n' | b'\r');
                match rest.iter().position(ends) {
                    Some(end) => {
                        self.fields.push(FieldSpan::plain(at..at + end));
                        at + end
                    }
                    None if self.buffer.is_at_end => {
                        self.fields
                            .push(FieldSpan::plain(at..self.buffer.bytes.len()));
                        self.buffer.bytes.len()
                    }
                    None => return Scan::More,
                }
            };
            match self.buffer.bytes.get(end) {
                None if self.buffer.is_at_end => return Scan::End(end, end),
                None => return Scan::More,
                Some(byte) if *byte == self.delimiter => at = end + 1,
                Some(_) => {
                    return match self.line_end(end) {
                        Some(next) => Scan::End(end, next),
                        None => Scan::More,
                    };
                }
            }
        }
    }

    /// Scans a field that opens a quote. Returns where it ends: at a delimiter, at the end of a
    /// line or of the text.
    fn quoted_field(&mut self, opens: usize) -> Result<usize, Scan> {
        let mut from = opens + 1;
        let mut has_doubled_quotes = false;
        loop {
            let Some(quote) = memchr(QUOTE, &self.buffer.bytes[from..]).map(|at| from + at) else {
                return Err(if self.buffer.is_at_end {
                    Scan::Fault(Fault::Unclosed)
                } else {
                    Scan::More
                });
            };
            match self.buffer.bytes.get(quote + 1) {
                None if !self.buffer.is_at_end => return Err(Scan::More),
                Some(&QUOTE) => {
                    has_doubled_quotes = true;
                    from = quote + 2;
                    continue;
                }
                _ => {}
            }
            self.fields.push(FieldSpan {
                content: opens + 1..quote,
                has_doubled_quotes,
            });
            let end = self.skip_blanks(quote + 1);
            return match self.buffer.bytes.get(end) {
                None if self.buffer.is_at_end => Ok(end),
                None => Err(Scan::More),
                Some(byte) if *byte == self.delimiter || matches!(byte, b'\n' | b'\r') => Ok(end),
                Some(_) => Err(Scan::Fault(Fault::TextAfterQuote)),
            };
        }
    }

    fn skip_blanks(&self, from: usize) -> usize {
        let blank = |byte: &u8| *byte == b' ' || (*byte == b'\t' && self.delimiter != b'\t');
        let rest = &self.buffer.bytes[from..];
        from + rest.iter().take_while(|byte| blank(byte)).count()
    }

    /// Returns where the line after the end of line at `end` begins, or `None` if the buffer ends
    /// too early to say.
    fn line_end(&self, end: usize) -> Option<usize> {
        match (self.buffer.bytes.get(end), self.buffer.bytes.get(end + 1)) {
            (Some(b'\r'), Some(b'\n')) => Some(end + 2),
            (Some(b'\r'), None) if !self.buffer.is_at_end => None,
            (Some(_), _) => Some(end + 1),
            (None, _) => Some(end),
        }
    }

    /// Moves to the next line that is not blank. Returns false at the end of the text.
    fn skip_blank_lines(&mut self) -> std::io::Result<bool> {
        loop {
            match self.buffer.first() {
                Some(b'\n') => {
                    self.buffer.start += 1;
                    self.line += 1;
                }
                Some(b'\r') => match self.line_end(self.buffer.start) {
                    Some(next) => {
                        self.buffer.start = next;
                        self.line += 1;
                    }
                    None => self.buffer.fill()?,
                },
                Some(_) => return Ok(true),
                None if self.buffer.is_at_end => return Ok(false),
                None => self.buffer.fill()?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, so that every place is an end of the buffer once.
    struct Slow(Vec<u8>, usize);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some(byte) = self.0.get(self.1) else {
                return Ok(0);
            };
            self.1 += 1;
            buffer[0] = *byte;
            Ok(1)
        }
    }

    type Row = (u64, Vec<String>, Option<Fault>);

    fn rows(text: Box<dyn Read>) -> Vec<Row> {
        let mut splitter = Splitter::new(text);
        let mut rows = Vec::new();
        while let Some(record) = splitter.next().expect("read") {
            let text = |span: &FieldSpan| {
                String::from_utf8_lossy(splitter.bytes(span.content.clone())).into_owned()
            };
            let fields = splitter.fields.iter().map(text).collect();
            rows.push((record.line, fields, record.fault));
        }
        rows
    }

    fn split(text: &str) -> Vec<Row> {
        let slow = rows(Box::new(Slow(text.as_bytes().to_vec(), 0)));
        let fast = rows(Box::new(std::io::Cursor::new(text.as_bytes().to_vec())));
        assert_eq!(slow, fast, "buffers end anywhere");
        fast
    }

    fn row(line: u64, fields: &[&str]) -> Row {
        (
            line,
            fields.iter().map(|one| (*one).to_owned()).collect(),
            None,
        )
    }

    #[test]
    fn records_are_split_as_rfc_4180_says() {
        let expected = [
            row(1, &["a", "b"]),
            row(2, &["1", "x, y"]),
            row(3, &["2", "one\ntwo"]),
            row(5, &["3", "say \"\"hi\"\""]),
            row(6, &["", ""]),
            row(8, &["4", "5\" pipe"]),
            row(9, &["5", "end"]),
        ];
        let text =
            "a,b\n1,\"x, y\"\n2,\"one\ntwo\"\n3,\"say \"\"hi\"\"\"\n,\n\n4,5\" pipe\n5, \"end\" ";
        assert_eq!(split(text), expected);
        let windows = text.replace('\n', "\r\n");
        let lines: Vec<u64> = split(&windows).iter().map(|row| row.0).collect();
        assert_eq!(lines, [1, 2, 3, 5, 6, 8, 9]);
        assert_eq!(
            split("a,b\r1,2\r"),
            [row(1, &["a", "b"]), row(2, &["1", "2"])]
        );
        assert_eq!(split(""), []);
    }

    #[test]
    fn a_quote_that_does_not_close_costs_its_line_alone() {
        let text = "a,b\n1,\"open, and\n2,fine\n3,\"good\"\n4,fine\n";
        let split_text = split(text);
        let fault = Some(Fault::TextAfterQuote);
        assert_eq!(
            split_text[1],
            (2, vec!["1".into(), "\"open".into(), " and".into()], fault)
        );
        assert_eq!(
            split_text[2..],
            [
                row(3, &["2", "fine"]),
                row(4, &["3", "good"]),
                row(5, &["4", "fine"])
            ]
        );
        let to_the_end = split("a,b\n1,\"open\n2,fine");
        assert_eq!(to_the_end[1].2, Some(Fault::Unclosed));
        assert_eq!(to_the_end[2], row(3, &["2", "fine"]));
        let after = split("a,b\n1,\"x\"y\n2,fine\n");
        assert_eq!(after[1].2, Some(Fault::TextAfterQuote));
        assert_eq!(after[2], row(3, &["2", "fine"]));
        let mut splitter = Splitter::new(Box::new(&b"1,2,\"3\n4,5,6\n7,8,9\"\n"[..]));
        splitter.columns = 3;
        let first = splitter.next().expect("read").expect("a record");
        assert_eq!((first.line, first.fault), (1, Some(Fault::Swallows)));
        let second = splitter.next().expect("read").expect("a record");
        assert_eq!((second.line, second.fault), (2, None));
    }

    #[test]
    fn what_is_too_long_is_left_out_without_filling_the_memory() {
        let long = "x".repeat(3 * LONGEST_ROW);
        let text = format!("a,b\n{long}\n1,2\n");
        let found = rows(Box::new(std::io::Cursor::new(text.into_bytes())));
        assert_eq!((found[1].0, &found[1].2), (2, &Some(Fault::TooLong)));
        assert_eq!(found[2], row(3, &["1", "2"]));
        let text = format!("a,b\n1,\"open\n{}3,4\n", "y,z\n".repeat(LONGEST_ROW));
        let found = rows(Box::new(std::io::Cursor::new(text.into_bytes())));
        assert_eq!((found[1].0, &found[1].2), (2, &Some(Fault::Unclosed)));
        assert_eq!(found.len(), LONGEST_ROW + 3);
    }
}
