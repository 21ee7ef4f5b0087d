//! The format of records in the file. One value holds many records of one partition, so that a
//! hundred thousand events a second do not become a hundred thousand tree entries.
//!
//! A chunk is a header (version, number of records, time of the append) followed by the records,
//! each preceded by its length. Offsets are not stored: the key holds the first one and the others
//! follow without gaps. All numbers are little-endian.

use bytes::{Buf, BufMut, Bytes};

use crate::record::Record;

/// The size of a chunk's header in bytes.
pub(crate) const HEADER_BYTES: usize = 1 + 4 + 8;

/// The largest size of a chunk in bytes, unless a single record is larger. With the tree's own
/// bookkeeping such a chunk just fits a page of 128 KiB.
pub(crate) const TARGET_BYTES: usize = 120 * 1024;

const VERSION: u8 = 1;

/// A chunk's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChunkHeader {
    /// The number of records that follow.
    pub(crate) records: u32,
    /// The time of the append in milliseconds since the Unix epoch. Retention counts from it.
    pub(crate) appended_at_ms: i64,
}

/// The error of bytes that are not a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a chunk of records is malformed: {0}")]
pub(crate) struct MalformedChunk(&'static str);

/// Encoded records of one partition, in order.
#[derive(Debug, Default)]
pub(crate) struct EncodedRecords {
    /// The number of records in `bytes`.
    pub(crate) records: u32,
    /// The records, without a header.
    pub(crate) bytes: Vec<u8>,
}

impl EncodedRecords {
    /// Returns true if a chunk with `record` added would exceed [`TARGET_BYTES`].
    pub(crate) fn is_full_for(&self, record: &Record) -> bool {
        self.records > 0 && HEADER_BYTES + self.bytes.len() + encoded_len(record) > TARGET_BYTES
    }

    /// Adds a record. Its lengths fit in 32 bits: admission limits records far below 4 GiB.
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
pub(crate) fn write_header(out: &mut [u8], header: ChunkHeader) {
    let mut out = &mut out[..HEADER_BYTES];
    out.put_u8(VERSION);
    out.put_u32_le(header.records);
    out.put_i64_le(header.appended_at_ms);
}

/// Reads a header.
pub(crate) fn read_header(mut chunk: &[u8]) -> Result<ChunkHeader, MalformedChunk> {
    let version = chunk
        .try_get_u8()
        .map_err(|_| MalformedChunk("it is empty"))?;
    if version != VERSION {
        return Err(MalformedChunk("its version is unknown"));
    }
    let cut = |_| MalformedChunk("its header is cut off");
    Ok(ChunkHeader {
        records: chunk.try_get_u32_le().map_err(cut)?,
        appended_at_ms: chunk.try_get_i64_le().map_err(cut)?,
    })
}

/// A cursor over the records of a chunk. Keys, payloads and header values share its allocation.
pub(crate) struct ChunkRecords {
    rest: Bytes,
    left: u32,
}

impl ChunkRecords {
    pub(crate) fn new(mut chunk: Bytes) -> Result<Self, MalformedChunk> {
        let header = read_header(&chunk)?;
        chunk.advance(HEADER_BYTES);
        Ok(Self {
            rest: chunk,
            left: header.records,
        })
    }

    /// Skips the next `count` records.
    pub(crate) fn skip_records(&mut self, count: u64) -> Result<(), MalformedChunk> {
        for _ in 0..count.min(u64::from(self.left)) {
            let len = take_len(&mut self.rest)?;
            take(&mut self.rest, len)?;
            self.left -= 1;
        }
        Ok(())
    }

    /// Returns the next record, or `None` at the end.
    pub(crate) fn next_record(&mut self) -> Result<Option<Record>, MalformedChunk> {
        if self.left == 0 {
            return Ok(None);
        }
        let len = take_len(&mut self.rest)?;
        let mut encoded = take(&mut self.rest, len)?;
        self.left -= 1;
        decode(&mut encoded).map(Some)
    }
}

fn decode(encoded: &mut Bytes) -> Result<Record, MalformedChunk> {
    let timestamp_ms = encoded
        .try_get_i64_le()
        .map_err(|_| MalformedChunk("a record is cut off"))?;
    let key_len = take_len(encoded)?;
    let payload_len = take_len(encoded)?;
    let header_count = take_len(encoded)?;
    let key = take(encoded, key_len)?;
    let payload = take(encoded, payload_len)?;
    // A header takes at least its two lengths, so this bounds what a damaged count can allocate.
    if header_count > encoded.len() / 8 {
        return Err(MalformedChunk("a record's headers are cut off"));
    }
    let mut headers = Vec::with_capacity(header_count);
    for _ in 0..header_count {
        let name_len = take_len(encoded)?;
        let value_len = take_len(encoded)?;
        let name = take(encoded, name_len)?;
        let name = std::str::from_utf8(&name)
            .map_err(|_| MalformedChunk("a header's name is not UTF-8"))?
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

fn take_len(from: &mut Bytes) -> Result<usize, MalformedChunk> {
    from.try_get_u32_le()
        .map(|len| len as usize)
        .map_err(|_| MalformedChunk("a length is cut off"))
}

fn take(from: &mut Bytes, len: usize) -> Result<Bytes, MalformedChunk> {
    if len > from.len() {
        return Err(MalformedChunk("a length exceeds what is there"));
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
        let mut encoded = EncodedRecords::default();
        for record in records {
            encoded.push(record);
        }
        let mut chunk = vec![0; HEADER_BYTES];
        let header = ChunkHeader {
            records: encoded.records,
            appended_at_ms: 7,
        };
        write_header(&mut chunk, header);
        chunk.extend_from_slice(&encoded.bytes);
        chunk.into()
    }

    fn decode_all(chunk: Bytes, skip: u64) -> Result<Vec<Record>, MalformedChunk> {
        let mut records = ChunkRecords::new(chunk)?;
        records.skip_records(skip)?;
        let mut out = Vec::new();
        while let Some(record) = records.next_record()? {
            out.push(record);
        }
        Ok(out)
    }

    proptest! {
        #[test]
        fn decoding_returns_the_encoded_records(records in records(), skip in 0_u64..40) {
            let chunk = encode(&records);
            let from = usize::try_from(skip).unwrap_or(usize::MAX).min(records.len());
            prop_assert_eq!(decode_all(chunk, skip).expect("well-formed"), records[from..].to_vec());
        }

        #[test]
        fn the_encoded_length_is_computed_exactly(records in records()) {
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
        fn a_truncated_chunk_is_an_error(records in records(), cut in any::<prop::sample::Index>()) {
            prop_assume!(!records.is_empty());
            let chunk = encode(&records);
            let kept = cut.index(chunk.len());
            prop_assert!(decode_all(chunk.slice(..kept), 0).is_err());
        }
    }

    #[test]
    fn encoded_records_are_full_before_the_target_size() {
        let record = Record::new("key", vec![0_u8; 50_000]);
        let mut encoded = EncodedRecords::default();
        assert!(!encoded.is_full_for(&Record::new("", vec![0_u8; 1_000_000])));
        encoded.push(&record);
        assert!(!encoded.is_full_for(&record));
        encoded.push(&record);
        assert!(encoded.is_full_for(&record));
    }
}
