//! Event ids computed from content, so that a row that is imported twice has the same id.

use fairlead_proto::event::v1::Event;
use prost::Message as _;

/// Offset basis and prime of 128-bit FNV-1a. Ids must never change, so neither may these.
const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
/// See [`OFFSET_BASIS`].
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// Returns an id computed from the content of the event and a `salt` (the line), which tells equal
/// rows salt.
pub(super) fn of(event: &Event, salt: u64) -> String {
    let mut bytes = event.encode_to_vec();
    bytes.extend(salt.to_le_bytes());
    let hash = bytes.into_iter().fold(OFFSET_BASIS, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    });
    format!("import-{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_and_line_decide() {
        let event = Event {
            customer_id: "c".to_owned(),
            ..Event::default()
        };
        // FNV-1a of "foobar", from the test vectors of its authors.
        let known = b"foobar".iter().fold(OFFSET_BASIS, |hash, byte| {
            (hash ^ u128::from(*byte)).wrapping_mul(PRIME)
        });
        assert_eq!(known, 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
        assert_eq!(of(&event, 1), of(&event, 1));
        assert_ne!(of(&event, 1), of(&event, 2));
        assert_ne!(of(&event, 1), of(&Event::default(), 1));
        assert!(of(&event, 1).len() <= 64);
    }
}
