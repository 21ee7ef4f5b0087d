//! The steps from cost to price, itemised on every quote.

use std::ops::{Add, Sub};

use fairlead_domain::{RatePpm, Share};
use fairlead_proto::pricing::v1 as pb;

/// Parts per million in a waterfall: a level, or the difference of two levels.
///
/// A type of its own, because a contribution may be negative beyond any rate, and a premium any
/// multiple of the sum insured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Ppm(i64);

impl Ppm {
    pub(crate) const ZERO: Self = Self(0);

    /// Rounds a fraction to the nearest part per million.
    pub(crate) fn from_fraction(fraction: f64) -> Self {
        Self((fraction * 1e6).round() as i64)
    }

    /// Takes whole parts per million. The largest number stands for more than 64 bits hold, as the
    /// premium by the formula may be of the smallest sum insured; the price itself never is.
    pub(crate) fn saturated(ppm: i128) -> Self {
        Self(i64::try_from(ppm).unwrap_or(i64::MAX))
    }

    /// Returns the parts per million.
    pub(crate) const fn get(self) -> i64 {
        self.0
    }
}

impl From<RatePpm> for Ppm {
    fn from(rate: RatePpm) -> Self {
        Self(rate.ppm())
    }
}

impl From<Share> for Ppm {
    fn from(share: Share) -> Self {
        Self(share.ppm())
    }
}

impl Add for Ppm {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Ppm {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

/// The steps in order. A level states where the waterfall stands; the contributions between two
/// levels add up to their difference, and those before the first level to the level itself.
#[derive(Debug, Default)]
pub(crate) struct Waterfall {
    steps: Vec<pb::WaterfallStep>,
}

impl Waterfall {
    pub(crate) fn with_capacity(steps: usize) -> Self {
        Self {
            steps: Vec::with_capacity(steps),
        }
    }

    /// Adds a contribution.
    pub(crate) fn add(&mut self, name: &str, ppm: Ppm, detail: impl Into<String>) {
        self.push(name, ppm, false, detail.into());
    }

    /// Adds a level.
    pub(crate) fn level(&mut self, name: &str, ppm: impl Into<Ppm>, detail: impl Into<String>) {
        self.push(name, ppm.into(), true, detail.into());
    }

    fn push(&mut self, name: &str, ppm: Ppm, total: bool, detail: String) {
        self.steps.push(pb::WaterfallStep {
            name: name.to_owned(),
            ppm: ppm.get(),
            total,
            detail,
        });
    }

    pub(crate) fn into_steps(self) -> Vec<pb::WaterfallStep> {
        self.steps
    }
}
