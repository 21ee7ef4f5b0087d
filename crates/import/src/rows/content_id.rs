//! Event ids computed from content and place, so that a row that is imported twice has the same
//! id, and a row that says the same again is another fact.

use fairlead_proto::event::v1::Event;
use prost::Message as _;

/// Offset basis and prime of 128-bit FNV-1a. Ids must never change, so neither may these.
const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
/// See [`OFFSET_BASIS`].
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// The place of a row: the name of its file, and its line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'f> {
    /// The name of the file, without its folder; of a rejects file, the name of the file that it
    /// came from.
    pub(crate) file: &'f str,
    /// The time when the file was written, Unix milliseconds. It tells snapshots apart that
    /// follow each other under one name.
    pub(crate) written_ms: i64,
    /// The line, from 1; of a mended row, its line in the file that it came from.
    pub(crate) line: u64,
}

impl Place<'_> {
    /// Returns an id computed from an event and the file and line that it is on.
    pub(crate) fn id(&self, event: &Event) -> String {
        self.hashed(event, 0)
    }

    /// Returns an id that another snapshot under the same name does not have.
    pub(crate) fn snapshot_id(&self, event: &Event) -> String {
        self.hashed(event, self.written_ms)
    }

    fn hashed(&self, event: &Event, written_ms: i64) -> String {
        let mut bytes = event.encode_to_vec();
        bytes.extend(self.line.to_le_bytes());
        bytes.extend(written_ms.to_le_bytes());
        bytes.extend(self.file.as_bytes());
        format!("import-{:032x}", fnv(&bytes))
    }
}

fn fnv(bytes: &[u8]) -> u128 {
    bytes.iter().fold(OFFSET_BASIS, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_file_and_line_decide() {
        // FNV-1a of "foobar", from the test vectors of its authors.
        assert_eq!(fnv(b"foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
        let event = Event {
            customer_id: "c".to_owned(),
            ..Event::default()
        };
        let place = |file, line, written_ms| Place {
            file,
            written_ms,
            line,
        };
        let first = place("a.csv", 1, 10);
        assert_eq!(first.id(&event), place("a.csv", 1, 20).id(&event));
        assert_ne!(first.id(&event), place("a.csv", 2, 10).id(&event));
        assert_ne!(first.id(&event), place("b.csv", 1, 10).id(&event));
        assert_ne!(first.id(&event), first.id(&Event::default()));
        let again = place("a.csv", 1, 20);
        assert_ne!(first.snapshot_id(&event), again.snapshot_id(&event));
        assert!(first.id(&event).len() <= 64);
    }
}
