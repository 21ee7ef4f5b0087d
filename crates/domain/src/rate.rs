//! Rates: whole parts per million, per year unless said otherwise.

use std::fmt;

use crate::Error;

/// A rate in parts per million (per year for interest and cost): 18 % is 180,000.
/// Between -1,000,000 and 100,000,000 (-100 % to 10,000 %): more is a unit mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct RatePpm(i64);

impl RatePpm {
    /// No rate.
    pub const ZERO: Self = Self(0);
    /// The highest rate that can be written, 10,000 %.
    pub const MAX: Self = Self(100_000_000);

    /// Takes whole parts per million.
    pub fn new(ppm: i64) -> Result<Self, Error> {
        if (-1_000_000..=Self::MAX.0).contains(&ppm) {
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

    /// Parts per million.
    pub const fn ppm(self) -> i64 {
        self.0
    }

    /// As a fraction per year: 0.18.
    pub fn fraction(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl fmt::Display for RatePpm {
    /// As people write it: `18.00 %`, with up to four decimals when they matter.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let size = self.0.unsigned_abs();
        let (whole, rest) = (size / 10_000, size % 10_000);
        if rest % 100 == 0 {
            write!(out, "{sign}{whole}.{:02} %", rest / 100)
        } else {
            write!(out, "{sign}{whole}.{rest:04} %")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
