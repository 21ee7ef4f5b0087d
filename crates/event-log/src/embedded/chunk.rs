//! How records lie in the file: many of one partition in one value, so that a hundred thousand
//! events a second do not become a hundred thousand tree entries.
//!
//! A chunk is a header (version, number of records, time of the append) and the records one
//! after the other, each behind its own length. Offsets are not stored: the key names the first
//! one and the rest follow without gaps. All numbers are little-endian.

use bytes::{Buf, BufMut, Bytes};

use crate::record::Record;

/// Bytes of a chunk's header.
pub(crate) const HEADER_BYTES: usize = 1 + 4 + 8;

/// A chunk is closed before it grows beyond this: with the tree's own bookkeeping it just fits
/// a page of 128 KiB.
pub(crate) const TARGET_BYTES: usize = 120 * 1024;

const VERSION: u8 = 1;

/// What a chunk's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// How many records follow.
    pub(crate) records: u32,
    /// When they were appended, in milliseconds since the Unix epoch: retention counts from here.
    pub(crate) appended_at_ms: i64,
}

/// Bytes that are not a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a chunk of records is malformed: {0}")]
pub(crate) struct Malformed(&'static str);

/// Encoded records of one partition, in order.
#[derive(Debug, Default)]
pub(crate) struct Segment {
    /// How many records `bytes` holds.
    pub(crate) records: u32,
    /// The records, without a header.
    pub(crate) bytes: Vec<u8>,
}

impl Segment {
    /// Whether `record` belongs into another segment, so that a chunk stays near its target.
    pub(crate) fn is_full_for(&self, record: &Record) -> bool {
        self.records > 0 && HEADER_BYTES + self.bytes.len() + encoded_len(record) > TARGET_BYTES
    }

    /// Adds a record. Sizes fit: admission limits records far below 4 GiB.
    pub(crate) fn push(&mut self, record: &Record) {
        let out = &mut self.bytes;
        out.reserve(encoded_len(record));
        out.put_u32_le((encoded_len(record) - 4) as u32);
        out.put_i64_le(record.timestamp_ms);
        out.put_u32_le(record.key.len() as u32);
        out.put_u32_le(record.payload.len() as u32);
        out.put_u32_le(record.headers.len() as u32);
        out.put_slice(&record.key);
        out.put_slice(&record.payload);
        for (name, value) in &record.headers {
            out.put_u32_le(name.len() as u32);
            out.put_u32_le(value.len() as u32);
            out.put_slice(name.as_bytes());
            out.put_slice(value);
        }
        self.records += 1;
    }
}

fn encoded_len(record: &Record) -> usize {
    4 + 8 + 4 + 4 + 4 + record.size() + 8 * record.headers.len()
}

/// Writes a header over the first [`HEADER_BYTES`] of `out`.
pub(crate) fn write_header(out: &mut [u8], header: Header) {
    let mut out = &mut out[..HEADER_BYTES];
    out.put_u8(VERSION);
    out.put_u32_le(header.records);
    out.put_i64_le(header.appended_at_ms);
}

/// Reads a header.
pub(crate) fn read_header(mut chunk: &[u8]) -> Result<Header, Malformed> {
    let version = chunk.try_get_u8().map_err(|_| Malformed("it is empty"))?;
    if version != VERSION {
        return Err(Malformed("its version is unknown"));
    }
    let cut = |_| Malformed("its header is cut off");
    Ok(Header {
        records: chunk.try_get_u32_le().map_err(cut)?,
        appended_at_ms: chunk.try_get_i64_le().map_err(cut)?,
    })
}

/// Iterates over the records of a chunk; keys, payloads and values share its allocation.
pub(crate) struct Records {
    rest: Bytes,
    left: u32,
}

impl Records {
    pub(crate) fn of(mut chunk: Bytes) -> Result<Self, Malformed> {
        let header = read_header(&chunk)?;
        chunk.advance(HEADER_BYTES);
        Ok(Self {
            rest: chunk,
            left: header.records,
        })
    }

    /// Passes over the first `count` records.
    pub(crate) fn skip_records(&mut self, count: u64) -> Result<(), Malformed> {
        for _ in 0..count.min(u64::from(self.left)) {
            let len = take_len(&mut self.rest)?;
            take(&mut self.rest, len)?;
            self.left -= 1;
        }
        Ok(())
    }

    /// The next record, or none at the end.
    pub(crate) fn next_record(&mut self) -> Result<Option<Record>, Malformed> {
        if self.left == 0 {
            return Ok(None);
        }
        let len = take_len(&mut self.rest)?;
        let mut encoded = take(&mut self.rest, len)?;
        self.left -= 1;
        decode(&mut encoded).map(Some)
    }
}

fn decode(encoded: &mut Bytes) -> Result<Record, Malformed> {
    let timestamp_ms = encoded
        .try_get_i64_le()
        .map_err(|_| Malformed("a record is cut off"))?;
    let key_len = take_len(encoded)?;
    let payload_len = take_len(encoded)?;
    let header_count = take_len(encoded)?;
    let key = take(encoded, key_len)?;
    let payload = take(encoded, payload_len)?;
    // A header takes at least its two lengths: this bounds what a damaged count can allocate.
    if header_count > encoded.len() / 8 {
        return Err(Malformed("a record's headers are cut off"));
    }
    let mut headers = Vec::with_capacity(header_count);
    for _ in 0..header_count {
        let name_len = take_len(encoded)?;
        let value_len = take_len(encoded)?;
        let name = take(encoded, name_len)?;
        let name = std::str::from_utf8(&name)
            .map_err(|_| Malformed("a header's name is not UTF-8"))?
            .to_owned();
        headers.push((name, take(encoded, value_len)?));
    }
    Ok(Record {
        key,
        payload,
        headers,
        timestamp_ms,
    })
}

fn take_len(from: &mut Bytes) -> Result<usize, Malformed> {
    from.try_get_u32_le()
        .map(|len| len as usize)
        .map_err(|_| Malformed("a length is cut off"))
}

fn take(from: &mut Bytes, len: usize) -> Result<Bytes, Malformed> {
    if len > from.len() {
        return Err(Malformed("a length exceeds what is there"));
    }
    Ok(from.split_to(len))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn records() -> impl Strategy<Value = Vec<Record>> {
        let bytes = || vec(any::<u8>(), 0..40).prop_map(Bytes::from);
        let headers = vec(("[a-zé]{1,8}", bytes()), 0..4);
        let record = (bytes(), bytes(), headers, 1..i64::MAX);
        vec(
            record.prop_map(|(key, payload, headers, timestamp_ms)| Record {
                key,
                payload,
                headers,
                timestamp_ms,
            }),
            0..30,
        )
    }

    fn encode(records: &[Record]) -> Bytes {
        let mut segment = Segment::default();
        for record in records {
            segment.push(record);
        }
        let mut chunk = vec![0; HEADER_BYTES];
        let header = Header {
            records: segment.records,
            appended_at_ms: 7,
        };
        write_header(&mut chunk, header);
        chunk.extend_from_slice(&segment.bytes);
        chunk.into()
    }

    fn decode_all(chunk: Bytes, skip: u64) -> Result<Vec<Record>, Malformed> {
        let mut records = Records::of(chunk)?;
        records.skip_records(skip)?;
        let mut out = Vec::new();
        while let Some(record) = records.next_record()? {
            out.push(record);
        }
        Ok(out)
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(records in records(), skip in 0_u64..40) {
            let chunk = encode(&records);
            let from = usize::try_from(skip).unwrap_or(usize::MAX).min(records.len());
            prop_assert_eq!(decode_all(chunk, skip).expect("well-formed"), records[from..].to_vec());
        }

        #[test]
        fn the_length_is_known_beforehand(records in records()) {
            let expected: usize = records.iter().map(encoded_len).sum();
            prop_assert_eq!(encode(&records).len(), HEADER_BYTES + expected);
        }

        #[test]
        fn damaged_bytes_never_panic(records in records(), at in any::<prop::sample::Index>(), byte: u8) {
            let mut chunk = encode(&records).to_vec();
            let at = at.index(chunk.len());
            chunk[at] = byte;
            let _either_way = decode_all(chunk.into(), 0);
        }

        #[test]
        fn a_cut_chunk_is_an_error(records in records(), cut in any::<prop::sample::Index>()) {
            prop_assume!(!records.is_empty());
            let chunk = encode(&records);
            let kept = cut.index(chunk.len());
            prop_assert!(decode_all(chunk.slice(..kept), 0).is_err());
        }
    }

    #[test]
    fn a_segment_closes_before_its_target() {
        let record = Record::new("key", vec![0_u8; 50_000]);
        let mut segment = Segment::default();
        assert!(!segment.is_full_for(&Record::new("", vec![0_u8; 1_000_000])));
        segment.push(&record);
        assert!(!segment.is_full_for(&record));
        segment.push(&record);
        assert!(segment.is_full_for(&record));
    }
}
