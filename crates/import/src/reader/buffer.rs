//! The part of a text that is held in memory.

use std::io::{ErrorKind, Read};

/// Bytes that are read at a time.
const CHUNK: usize = 256 << 10;

/// The part of a text that is held in memory.
pub(super) struct Buffer {
    text: Box<dyn Read>,
    /// The bytes; those before `start` were read already.
    pub(super) bytes: Vec<u8>,
    /// The place of the first byte that was not read yet.
    pub(super) start: usize,
    /// True if the text holds nothing more than the bytes.
    pub(super) is_at_end: bool,
}

impl Buffer {
    pub(super) fn new(text: Box<dyn Read>) -> Self {
        Self {
            text,
            bytes: Vec::new(),
            start: 0,
            is_at_end: false,
        }
    }

    /// Returns what was not read yet.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Returns the next byte, or `None` at the end of the bytes.
    pub(super) fn first(&self) -> Option<u8> {
        self.bytes.get(self.start).copied()
    }

    /// Reads more of the text behind what was not read yet. Places that were noted before are no
    /// longer valid.
    pub(super) fn fill(&mut self) -> std::io::Result<()> {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.read_chunk()
    }

    /// Skips everything to the end of the line, but keeps the first bytes of it, at most `kept`.
    /// Returns whether the line ends, or else the text.
    pub(super) fn skip_line(&mut self, kept: usize) -> std::io::Result<bool> {
        self.bytes.drain(..self.start);
        let kept = kept.min(self.bytes.len());
        self.start = kept;
        loop {
            if let Some(end) = memchr::memchr(b'\n', self.rest()) {
                self.start += end + 1;
                return Ok(true);
            }
            self.bytes.truncate(kept);
            self.start = kept;
            if self.is_at_end {
                return Ok(false);
            }
            self.read_chunk()?;
        }
    }

    fn read_chunk(&mut self) -> std::io::Result<()> {
        let length = self.bytes.len();
        self.bytes.resize(length + CHUNK, 0);
        let read = loop {
            match self.text.read(&mut self.bytes[length..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.bytes.truncate(length + *read.as_ref().unwrap_or(&0));
        self.is_at_end = read? == 0;
        Ok(())
    }
}
