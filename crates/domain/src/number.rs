//! Checked floating-point values, which refuse NaN and infinity.

use crate::Error;

/// A probability, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Probability(f64);

impl Probability {
    /// Takes a value in 0..=1.
    pub fn new(value: f64) -> Result<Self, Error> {
        if (0.0..=1.0).contains(&value) {
            return Ok(Self(value));
        }
        Err(Error::new("probability", value, "a number from 0 to 1"))
    }

    /// Returns the value.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A finite score. Its order is total, so that slates can be sorted by it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Score(f64);

impl Score {
    /// Takes a finite value.
    pub fn new(value: f64) -> Result<Self, Error> {
        if value.is_finite() {
            return Ok(Self(value));
        }
        Err(Error::new("score", value, "a finite number"))
    }

    /// Returns the value.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuse_what_is_not_a_number() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Probability::new(bad).is_err());
            assert!(Score::new(bad).is_err());
        }
        assert!(Probability::new(1.000_000_1).is_err());
        assert!(Score::new(1.0).expect("finite") > Score::new(-1.0).expect("finite"));
    }
}
