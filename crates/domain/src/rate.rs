//! Rates in whole parts per million, per year unless said otherwise.

use std::fmt;

use crate::{Error, Share};

/// A rate in parts per million (per year for interest and cost): 18 % is 180,000.
/// Between -1,000,000 and 100,000,000 (-100 % to 10,000 %): more is a unit mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct RatePpm(i64);

impl RatePpm {
    /// 0 %.
    pub const ZERO: Self = Self(0);
    /// The lowest rate, -100 %.
    pub const MIN: Self = Self(-1_000_000);
    /// The highest rate, 10,000 %.
    pub const MAX: Self = Self(100_000_000);

    /// Takes whole parts per million.
    pub fn new(ppm: i64) -> Result<Self, Error> {
        if (Self::MIN.0..=Self::MAX.0).contains(&ppm) {
            return Ok(Self(ppm));
        }
        Err(Error::new(
            "rate",
            ppm,
            "-1,000,000 to 100,000,000 parts per million",
        ))
    }

    /// Rounds a fraction per year (0.18) to the nearest part per million.
    pub fn from_fraction(fraction: f64) -> Result<Self, Error> {
        let ppm = (fraction * 1e6).round();
        if !ppm.is_finite() || ppm.abs() > 1e12 {
            return Err(Error::new(
                "rate",
                fraction,
                "a finite fraction per year, -1 to 100",
            ));
        }
        Self::new(ppm as i64)
    }

    /// Returns the parts per million.
    pub const fn ppm(self) -> i64 {
        self.0
    }

    /// Returns the rate as a fraction per year: 0.18.
    pub fn fraction(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Returns the sum, or [`MAX`](Self::MAX) where it is above that.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self((self.0 + other.0).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Returns the difference, or [`MIN`](Self::MIN) where it is below that.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self((self.0 - other.0).clamp(Self::MIN.0, Self::MAX.0))
    }
}

impl From<Share> for RatePpm {
    /// Every share is a rate, 0 % to 100 %.
    fn from(share: Share) -> Self {
        Self(share.ppm())
    }
}

impl fmt::Display for RatePpm {
    /// Writes a percentage: `18.00 %`, with four decimals where two would round.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let size = self.0.unsigned_abs();
        let (percent, rest) = (size / 10_000, size % 10_000);
        if rest % 100 == 0 {
            write!(out, "{sign}{percent}.{:02} %", rest / 100)
        } else {
            write!(out, "{sign}{percent}.{rest:04} %")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stay_within_the_range() {
        let rate = |ppm| RatePpm::new(ppm).expect("in range");
        assert_eq!(rate(50_000).saturating_add(rate(1)).ppm(), 50_001);
        assert_eq!(rate(50_000).saturating_sub(rate(60_000)).ppm(), -10_000);
        assert_eq!(RatePpm::MAX.saturating_add(rate(1)), RatePpm::MAX);
        assert_eq!(RatePpm::ZERO.saturating_sub(RatePpm::MAX), RatePpm::MIN);
    }

    #[test]
    fn prints_and_refuses() {
        assert_eq!(RatePpm::new(180_000).expect("fits").to_string(), "18.00 %");
        assert_eq!(RatePpm::new(-1_234).expect("fits").to_string(), "-0.1234 %");
        assert!(RatePpm::from_fraction(f64::NAN).is_err());
        assert!(RatePpm::from_fraction(f64::INFINITY).is_err());
        assert!(RatePpm::new(i64::MAX).is_err());
        assert_eq!(
            RatePpm::from_fraction(0.239_999_6).expect("fits").ppm(),
            240_000
        );
    }
}
