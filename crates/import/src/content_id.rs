//! Ids that follow from content, so that what is imported twice is known.

use fairlead_proto::event::v1::Event;
use prost::Message as _;

/// The start and the factor of FNV-1a with 128 bits: the same on every machine, for ever.
const START: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
/// See [`START`].
const FACTOR: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// An id for an event that has none, from all that it says and from what sets it apart (a line).
pub(super) fn of(event: &Event, apart: u64) -> String {
    let mut bytes = event.encode_to_vec();
    bytes.extend(apart.to_le_bytes());
    let hash = bytes.into_iter().fold(START, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(FACTOR)
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
        // FNV-1a of "foobar", from its authors' test vectors.
        let known = b"foobar".iter().fold(START, |hash, byte| {
            (hash ^ u128::from(*byte)).wrapping_mul(FACTOR)
        });
        assert_eq!(known, 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
        assert_eq!(of(&event, 1), of(&event, 1));
        assert_ne!(of(&event, 1), of(&event, 2));
        assert_ne!(of(&event, 1), of(&Event::default(), 1));
        assert!(of(&event, 1).len() <= 64);
    }
}
