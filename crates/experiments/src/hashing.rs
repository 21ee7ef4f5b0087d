//! GrowthBook's hash: FNV-1a, 32 bits, over UTF-16 code units.
//!
//! GrowthBook defines its hash in JavaScript, where a string is a sequence of UTF-16 code
//! units, so a character outside ASCII contributes one code unit (or two), not its UTF-8 bytes.

use crate::buckets::BUCKETS;

const OFFSET_BASIS: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

/// Continues an FNV-1a hash over `text`, code unit by code unit.
fn extend(state: u32, text: &str) -> u32 {
    let step = |state: u32, unit: u32| (state ^ unit).wrapping_mul(PRIME);
    if text.is_ascii() {
        text.bytes()
            .fold(state, |state, byte| step(state, u32::from(byte)))
    } else {
        text.encode_utf16()
            .fold(state, |state, unit| step(state, u32::from(unit)))
    }
}

/// Returns FNV-1a of the decimal digits of `number`, without allocating them.
fn hash_decimal(mut number: u32) -> u32 {
    let mut digits = [0_u8; 10];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits[first..].iter().fold(OFFSET_BASIS, |state, digit| {
        (state ^ u32::from(*digit)).wrapping_mul(PRIME)
    })
}

/// Returns GrowthBook's hash of `value` under `seed`, in `[0, 1)`, or `None` for an unknown version.
///
/// Version 1: `fnv(value + seed) % 1000 / 1000`; used by namespaces alone, and biased if two seeds
/// are alike. Version 2: `fnv(decimal(fnv(seed + value))) % 10000 / 10000`; assignment uses it.
pub fn hash(seed: &str, value: &str, version: u32) -> Option<f64> {
    match version {
        1 => Some(f64::from(extend(extend(OFFSET_BASIS, value), seed) % 1000) / 1000.0),
        2 => Some(f64::from(Salt::new(seed).bucket(value)) / f64::from(BUCKETS)),
        _ => None,
    }
}

/// A salt, hashed once: every bucket under it starts from this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Salt(u32);

impl Salt {
    /// Hashes a salt.
    pub(crate) fn new(salt: &str) -> Self {
        Self(extend(OFFSET_BASIS, salt))
    }

    /// Returns the version-2 bucket of a unit, in `0..BUCKETS`.
    pub(crate) fn bucket(self, unit_id: &str) -> u16 {
        let bucket = hash_decimal(extend(self.0, unit_id)) % u32::from(BUCKETS);
        bucket as u16 // below 10_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_values_published_by_growthbook() {
        // From GrowthBook's cases.json (specVersion 5), so that this holds without the data.
        let published = [
            ("", "a", 1, Some(0.22)),
            ("b", "a", 1, Some(0.946)),
            ("asdf", "8952klfjas09ujk", 1, Some(0.549)),
            ("", "___)((*\":&", 1, Some(0.563)),
            ("seed", "a", 2, Some(0.0505)),
            ("seed", "b", 2, Some(0.2696)),
            ("foo", "def", 2, Some(0.2019)),
            ("89123klj", "8952klfjas09ujkasdf", 2, Some(0.124)),
            ("()**(%$##$%#$#", "___)((*\":&", 2, Some(0.0128)),
            ("abc", "def", 99, None),
        ];
        for (seed, value, version, expected) in published {
            assert_eq!(
                hash(seed, value, version),
                expected,
                "{seed} {value} v{version}"
            );
        }
    }

    #[test]
    fn hashes_code_units_not_bytes() {
        // One code unit (U+00E9) and a surrogate pair (U+1F600), worked out by FNV's definition.
        let expected = [0x00e9_u32, 0xd83d, 0xde00]
            .iter()
            .fold(OFFSET_BASIS, |h, unit| (h ^ unit).wrapping_mul(PRIME));
        assert_eq!(extend(OFFSET_BASIS, "é😀"), expected);
    }

    #[test]
    fn a_known_fnv_value() {
        // Landon Curt Noll's test vector for FNV-1a 32 of "foobar".
        assert_eq!(extend(OFFSET_BASIS, "foobar"), 0xbf9c_f968);
        assert_eq!(hash_decimal(0), extend(OFFSET_BASIS, "0"));
        assert_eq!(hash_decimal(u32::MAX), extend(OFFSET_BASIS, "4294967295"));
    }
}
