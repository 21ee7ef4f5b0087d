//! The split of buckets over arms and experiments: GrowthBook's ranges, and their exact integer
//! form.

use std::fmt;
use std::ops::Range;

use crate::hashing::hash;

/// The number of buckets of a layer, of an experiment, and of the holdout: one holds 0.01 % of the
/// units.
pub const BUCKETS: u16 = 10_000;

/// A half-open range of buckets, `start..end`, within `0..10_000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BucketRange {
    /// The first bucket inside.
    pub start: u16,
    /// The first bucket after it.
    pub end: u16,
}

impl BucketRange {
    /// Every bucket of a layer.
    pub const ALL: Self = Self {
        start: 0,
        end: BUCKETS,
    };

    /// Makes the range from `start` (inside) to `end` (outside).
    pub const fn new(start: u16, end: u16) -> Self {
        Self { start, end }
    }

    /// Returns `true` if `bucket` lies inside.
    pub const fn contains(self, bucket: u16) -> bool {
        self.start <= bucket && bucket < self.end
    }

    /// Returns the number of buckets inside.
    pub const fn len(self) -> u16 {
        self.end.saturating_sub(self.start)
    }

    /// Returns `true` if no bucket lies inside.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Returns `true` if some bucket lies in both.
    pub const fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end && !self.is_empty() && !other.is_empty()
    }

    /// Returns the buckets whose hash `bucket / 10_000` lies in GrowthBook's range
    /// `start <= n < end`.
    ///
    /// Both ends are found with the same comparison that GrowthBook makes, so that the integer
    /// form never differs from it by a rounding error.
    pub(crate) fn from_hash_range(range: &Range<f64>) -> Self {
        Self {
            start: first_bucket_from(range.start),
            end: first_bucket_from(range.end),
        }
    }
}

impl fmt::Display for BucketRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// Returns the first bucket whose hash is at least `bound`, or `BUCKETS` if there is none.
pub(crate) fn first_bucket_from(bound: f64) -> u16 {
    let (mut low, mut high) = (0, BUCKETS);
    while low < high {
        let middle = low.midpoint(high);
        if f64::from(middle) / f64::from(BUCKETS) < bound {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Returns GrowthBook's ranges of `variations` arms at `coverage`: each arm starts at the sum of the
/// weights before it and is as long as `coverage` times its own weight.
///
/// As GrowthBook does, coverage is clamped into `0..=1`, and weights that are missing, of
/// another length, or that do not sum to 1 within 0.01 are replaced by equal ones. (A [`Plan`]
/// refuses such weights instead.)
///
/// [`Plan`]: crate::Plan
pub fn bucket_ranges(variations: usize, coverage: f64, weights: Option<&[f64]>) -> Vec<Range<f64>> {
    let coverage = coverage.clamp(0.0, 1.0);
    let fits = |weights: &&[f64]| {
        weights.len() == variations && (0.99..=1.01).contains(&weights.iter().sum::<f64>())
    };
    let equal = || vec![1.0 / variations as f64; variations];
    let weights = weights.filter(fits).map_or_else(equal, <[f64]>::to_vec);
    let mut cumulative = 0.0;
    weights
        .into_iter()
        .map(|weight| {
            let start = cumulative;
            cumulative += weight;
            start..start + coverage * weight
        })
        .collect()
}

/// Returns the index of the first range that contains `n`, or `None` if no range does, as
/// GrowthBook's `chooseVariation`, which returns -1 for `None`.
pub fn choose_variation(n: f64, ranges: &[Range<f64>]) -> Option<usize> {
    ranges.iter().position(|range| range.contains(&n))
}

/// A GrowthBook namespace: a share `start <= n < end` of the version-1 hashes under its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Namespace {
    /// The namespace's id.
    pub id: String,
    /// The share of the hashes, within `0.0..1.0`.
    pub share: Range<f64>,
}

/// Returns `true` if `user` falls into the namespace, as GrowthBook's `inNamespace`.
pub fn in_namespace(user: &str, namespace: &Namespace) -> bool {
    let seed = format!("__{}", namespace.id);
    hash(&seed, user, 1).is_some_and(|n| namespace.share.contains(&n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn weights_that_do_not_fit_become_equal() {
        let expected = vec![0.0..0.5, 0.5..1.0];
        assert_eq!(bucket_ranges(2, 1.0, Some(&[0.4, 0.1])), expected);
        assert_eq!(bucket_ranges(2, 1.5, Some(&[0.4, 0.1, 0.5])), expected);
        assert_eq!(bucket_ranges(2, 1.0, Some(&[f64::NAN, 0.5])), expected);
        assert_eq!(bucket_ranges(0, 1.0, None), vec![]);
    }

    #[test]
    fn ends_of_ranges_are_exact() {
        assert_eq!(first_bucket_from(0.0), 0);
        assert_eq!(
            first_bucket_from(0.1 + 0.2),
            3001,
            "0.1 + 0.2 lies above 3000 / 10000"
        );
        assert_eq!(first_bucket_from(0.3), 3000);
        assert_eq!(first_bucket_from(1.0), BUCKETS);
        assert_eq!(BucketRange::from_hash_range(&(0.5..0.5)).len(), 0);
    }

    proptest! {
        #[test]
        fn integer_ranges_equal_growthbooks(start in 0.0..1.0_f64, width in 0.0..1.0_f64) {
            let range = start..start + width;
            let buckets = BucketRange::from_hash_range(&range);
            for bucket in 0..BUCKETS {
                let n = f64::from(bucket) / f64::from(BUCKETS);
                prop_assert_eq!(buckets.contains(bucket), range.contains(&n));
            }
        }
    }
}
