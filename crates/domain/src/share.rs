//! Shares in whole parts per million.

use std::fmt;

use crate::{Error, RatePpm};

/// A share of an amount, 0 to 1,000,000 parts per million: a tenth is 100,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Share(i64);

impl Share {
    /// No part of the amount, 0 %.
    pub const ZERO: Self = Self(0);
    /// All of the amount, 100 %.
    pub const ALL: Self = Self(1_000_000);

    /// Takes whole parts per million.
    pub fn new(ppm: i64) -> Result<Self, Error> {
        if (0..=Self::ALL.0).contains(&ppm) {
            return Ok(Self(ppm));
        }
        Err(Error::new("share", ppm, "0 to 1,000,000 parts per million"))
    }

    /// Returns the parts per million.
    pub const fn ppm(self) -> i64 {
        self.0
    }

    /// Returns the share as a fraction: 0.1 for a tenth.
    pub fn fraction(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Returns the share that is left: nine tenths for a tenth.
    #[must_use]
    pub const fn rest(self) -> Self {
        Self(Self::ALL.0 - self.0)
    }

    /// Returns the product of two shares, rounded down: a tenth of a tenth is a hundredth.
    #[must_use]
    pub const fn times(self, other: Self) -> Self {
        Self(self.0 * other.0 / Self::ALL.0)
    }
}

impl fmt::Display for Share {
    /// Writes a percentage: `18.00 %`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        RatePpm::from(*self).fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_none_and_all() {
        assert!(Share::new(-1).is_err());
        assert_eq!(
            Share::new(1_000_001).unwrap_err().to_string(),
            "share `1000001` is not allowed: 0 to 1,000,000 parts per million"
        );
        let tenth = Share::new(100_000).expect("in range");
        assert_eq!(tenth.to_string(), "10.00 %");
        assert_eq!(tenth.rest().ppm(), 900_000);
        assert_eq!(tenth.times(tenth).ppm(), 10_000);
        assert_eq!(Share::ALL.times(Share::ALL), Share::ALL);
        assert_eq!(
            Share::new(999_999).expect("in range").times(tenth).ppm(),
            99_999,
            "rounded down"
        );
    }
}
