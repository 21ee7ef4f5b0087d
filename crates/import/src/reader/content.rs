//! The text of a file: unpacked, and in UTF-8.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Chain, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use flate2::read::MultiGzDecoder;

use super::encoding::{self, Transcoder};
use crate::options::TextEncoding;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTANDARD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Beginnings of files that are no text, and what to do with each.
const NO_TEXT: [(&[u8], &str); 3] = [
    (
        b"PK\x03\x04",
        "a workbook or a ZIP archive: name it .xlsx, or unpack it",
    ),
    (
        b"PAR1",
        "a Parquet file: name it .parquet, or give --format parquet",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "an old workbook (.xls): save it as .xlsx",
    ),
];
/// The encoding is found out from so many bytes.
const HEAD: u64 = 1 << 20;

/// The text of a file.
pub(super) struct Content {
    /// Its bytes, in UTF-8.
    pub(super) text: Box<dyn Read>,
    pub(super) extent: Extent,
    /// True if the file is in another encoding than UTF-8 without a mark.
    pub(super) was_encoded: bool,
    /// Notes on the file, for people.
    pub(super) notes: Vec<String>,
}

/// Opens a text file.
pub(super) fn open(path: &Path, named: Option<TextEncoding>) -> anyhow::Result<Content> {
    let cannot_read = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let length = file.metadata().map_or(0, |about| about.len());
    let done = Arc::new(AtomicU64::new(0));
    let counted = Counted {
        inner: file,
        done: done.clone(),
    };
    let mut plain = BufReader::new(counted);
    let first = plain.fill_buf().with_context(cannot_read)?;
    let named_packed = |ending: &str| {
        let own = path.extension();
        own.is_some_and(|own| own.eq_ignore_ascii_case(ending))
    };
    let mut unpacked: Box<dyn Read> = if first.starts_with(GZIP) || named_packed("gz") {
        Box::new(MultiGzDecoder::new(plain))
    } else if first.starts_with(ZSTANDARD) || named_packed("zst") {
        Box::new(zstd::Decoder::with_buffer(plain).with_context(cannot_read)?)
    } else {
        Box::new(plain)
    };
    let mut head = Vec::new();
    (&mut unpacked)
        .take(HEAD)
        .read_to_end(&mut head)
        .with_context(cannot_read)?;
    let no_text = NO_TEXT.iter().find(|(mark, _)| head.starts_with(mark));
    if let Some((_, what)) = no_text {
        bail!("{} is no text: it is {what}", path.display());
    }
    let found = encoding::find(&head, named).with_context(cannot_read)?;
    let text: Chain<Cursor<Vec<u8>>, Box<dyn Read>> =
        Cursor::new(head.split_off(found.mark)).chain(unpacked);
    let text: Box<dyn Read> = if found.encoding == encoding_rs::UTF_8 {
        Box::new(text)
    } else {
        Box::new(Transcoder::new(text, found.encoding))
    };
    Ok(Content {
        text,
        extent: Extent { done, length },
        was_encoded: found.encoding != encoding_rs::UTF_8 || found.mark > 0,
        notes: found.note.into_iter().collect(),
    })
}

/// Counts the bytes that were read of a file.
#[derive(Debug)]
pub(super) struct Extent {
    done: Arc<AtomicU64>,
    length: u64,
}

impl Extent {
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.length)
    }
}

/// A reader that counts the bytes read through it.
struct Counted<R> {
    inner: R,
    done: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.done.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
