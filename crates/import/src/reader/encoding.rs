//! Finds out the encoding of a text, and converts it to UTF-8.

use std::io::Read;

use anyhow::bail;
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, Encoding, GB18030, GBK, UTF_8, UTF_16BE, UTF_16LE};

use crate::options::TextEncoding;

/// Bytes that are converted at a time.
const CHUNK: usize = 64 << 10;
/// UTF-16 without a mark: at least one of so many bytes is zero. No other text holds zeros.
const ZEROS: usize = 8;
/// UTF-8 that is damaged: at most one place in so many bytes. Another encoding has more.
const DAMAGED: usize = 10_000;

/// An encoding that was found out.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub(super) encoding: &'static Encoding,
    /// The length of the byte order mark.
    pub(super) mark: usize,
    /// How it was found out, where it is not plain UTF-8.
    pub(super) note: Option<String>,
}

/// Finds out the encoding of a text from its beginning. A byte order mark goes before what was
/// named: it cannot be anything else. Encodings of one byte a letter cannot be told apart: such a
/// text is refused until its encoding is named.
pub(super) fn find(head: &[u8], named: Option<TextEncoding>) -> anyhow::Result<Found> {
    let found = |encoding, mark, note| {
        Ok(Found {
            encoding,
            mark,
            note,
        })
    };
    if let Some((encoding, mark)) = Encoding::for_bom(head) {
        let is_utf8 = encoding == UTF_8;
        let note = (!is_utf8).then(|| said(encoding, "by its byte order mark"));
        return found(encoding, mark, note);
    }
    if let Some(TextEncoding(encoding)) = named {
        return found(encoding, 0, None);
    }
    if let Some(encoding) = utf16_without_mark(head) {
        return found(encoding, 0, Some(said(encoding, "by its zeros")));
    }
    if is_utf8(head) {
        return found(UTF_8, 0, None);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(head, true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    if guess == GBK || guess == GB18030 {
        return found(GB18030, 0, Some(said(GBK, "by its letters")));
    }
    bail!(
        "the text is neither UTF-8 nor UTF-16 nor GBK: name its encoding, perhaps with \
         --encoding {}",
        guess.name().to_lowercase()
    )
}

/// Returns whether a text is UTF-8, but for a few damaged bytes: the rows that have them are
/// refused, and the others are not.
fn is_utf8(head: &[u8]) -> bool {
    let mut chunks = head.utf8_chunks().peekable();
    let mut damaged = 0;
    while let Some(chunk) = chunks.next() {
        // The last letter may be cut.
        let is_cut = chunks.peek().is_none()
            && std::str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
        damaged += usize::from(!chunk.invalid().is_empty() && !is_cut);
    }
    damaged <= head.len() / DAMAGED
}

fn said(encoding: &'static Encoding, how: &str) -> String {
    format!("read as {}, {how}", encoding.name())
}

fn utf16_without_mark(head: &[u8]) -> Option<&'static Encoding> {
    let zeros = |place: usize| {
        head.iter()
            .skip(place)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let is_wide = (even + odd) * ZEROS >= head.len() && even + odd > 0;
    is_wide.then_some(if odd > even { UTF_16LE } else { UTF_16BE })
}

/// Converts a text to UTF-8 while it is read. Bytes that fit no letter become U+FFFD, by which a
/// row is refused later.
pub(super) struct Transcoder<R> {
    inner: R,
    decoder: Decoder,
    input: Vec<u8>,
    /// The bytes of the input that were not converted yet.
    pending: std::ops::Range<usize>,
    is_at_end: bool,
    is_done: bool,
}

impl<R> Transcoder<R> {
    pub(super) fn new(inner: R, encoding: &'static Encoding) -> Self {
        Self {
            inner,
            decoder: encoding.new_decoder_without_bom_handling(),
            input: vec![0; CHUNK],
            pending: 0..0,
            is_at_end: false,
            is_done: false,
        }
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, output: &mut [u8]) -> std::io::Result<usize> {
        loop {
            if self.is_done || output.is_empty() {
                return Ok(0);
            }
            if self.pending.is_empty() && !self.is_at_end {
                let read = self.inner.read(&mut self.input)?;
                self.pending = 0..read;
                self.is_at_end = read == 0;
            }
            let input = &self.input[self.pending.clone()];
            let (result, read, written, _) =
                self.decoder.decode_to_utf8(input, output, self.is_at_end);
            self.pending.start += read;
            self.is_done = self.is_at_end && result == encoding_rs::CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
            if read == 0 && result == encoding_rs::CoderResult::OutputFull {
                return Err(std::io::Error::other(
                    "a buffer is too small for one letter",
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::{WINDOWS_1251, WINDOWS_1252};

    use super::*;

    const TEXT: &str = "product_id,name\nCL-1,现金贷 100\n";

    fn decoded(bytes: &[u8]) -> (Found, String) {
        let found = find(bytes, None).expect("an encoding");
        let mut text = String::new();
        Transcoder::new(&bytes[found.mark..], found.encoding)
            .read_to_string(&mut text)
            .expect("UTF-8");
        (found, text)
    }

    fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn encodings_are_found_out_and_said() {
        let (gbk, text) = decoded(&GB18030.encode(TEXT).0);
        assert_eq!(gbk.note.as_deref(), Some("read as GBK, by its letters"));
        assert_eq!(text, TEXT);
        for order in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
            let (found, text) = decoded(&utf16(TEXT, order));
            assert_eq!(text, TEXT, "without a mark");
            assert!(found.note.expect("said").contains("read as UTF-16"));
            let (found, text) = decoded(&utf16(&format!("\u{feff}{TEXT}"), order));
            assert_eq!((found.mark, text.as_str()), (2, TEXT));
        }
        let plain = find(TEXT.as_bytes(), None).expect("UTF-8");
        assert_eq!(
            plain,
            Found {
                encoding: UTF_8,
                mark: 0,
                note: None
            }
        );
        let cut = &TEXT.as_bytes()[..=TEXT.find("现").expect("there")];
        assert_eq!(
            find(cut, None).expect("UTF-8"),
            plain,
            "the head ends within a letter"
        );
        let damaged = [TEXT.repeat(1_000).as_bytes(), b"\xff\n"].concat();
        let found = find(&damaged, None).expect("UTF-8");
        assert_eq!(found, plain, "one row is damaged");
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused_until_it_is_named() {
        for (encoding, text) in [
            (WINDOWS_1252, "id,name\n1,Müller\n"),
            (WINDOWS_1251, "id\nКредит наличными\n"),
        ] {
            let bytes = encoding.encode(text).0;
            let error = find(&bytes, None).expect_err("no guess").to_string();
            assert!(error.contains("--encoding windows-125"), "{error}");
            let named = find(&bytes, Some(TextEncoding(encoding))).expect("named");
            assert_eq!(named.encoding, encoding);
        }
        // A mark cannot be anything else.
        let marked = find("\u{feff}a".as_bytes(), Some(TextEncoding(GBK))).expect("UTF-8");
        assert_eq!((marked.encoding, marked.mark), (UTF_8, 3));
    }

    #[test]
    fn bytes_that_fit_no_letter_are_marked() {
        let mut text = String::new();
        Transcoder::new(&b"a\xff\xffb"[..], GB18030)
            .read_to_string(&mut text)
            .expect("UTF-8");
        assert!(text.starts_with('a') && text.contains('\u{fffd}'), "{text}");
    }
}
